import { create } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { SignInRequestSchema } from '#gen/only2u/user/v1/auth_pb.ts';
import { AddressSchema, CreateAddressRequestSchema, UserSchema } from '#gen/only2u/user/v1/user_pb.ts';
import { createLog, prettyLine } from './log.ts';
import { redacted, redactedJson } from './redaction.ts';
import { isSensitive } from './sensitive.ts';

function openLog(format: 'json' | 'pretty'): { lines: string[]; log: ReturnType<typeof createLog> } {
  const lines: string[] = [];
  return { lines, log: createLog({ level: 'info', format, destination: { write: (line) => void lines.push(line) } }) };
}

test('a line is one JSON object with time and level by name', () => {
  const { lines, log } = openLog('json');
  log.child({ service: 'product' }).info({ rows: 3 }, 'imported');
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    level: 'info',
    service: 'product',
    rows: 3,
    msg: 'imported',
  });
});

test('secrets that a service logs by mistake are not written', () => {
  const { lines, log } = openLog('json');
  log.info({ token: 'hunter2', password: 'hunter2', headers: { authorization: 'hunter2', cookie: 'hunter2' } }, 'oops');
  expect(lines.join()).not.toContain('hunter2');
  expect(lines.join()).toContain('[redacted]');
});

test('an error is written with its causes, and without what a driver adds to it', () => {
  const { lines, log } = openLog('json');
  const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (email)=(ann@example.com)' });
  log.error({ err: new Error('sign-up failed', { cause }) }, 'rpc');
  log.error({ err: cause }, 'rpc');
  expect(lines.join()).not.toContain('ann@example.com');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    err: { stack: expect.stringContaining('caused by: Error: duplicate key') },
  });
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ err: { type: 'Error', message: 'duplicate key', code: '23505' } });
});

test('a person reads time, level, service, text and values, and the stack of an error below', () => {
  const { lines, log } = openLog('pretty');
  log.warn({ service: 'user', err: new Error('boom'), attempts: 2 }, 'the mail server refused');
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d warn {2}user the mail server refused attempts=2\nError: boom\n {4}at /);
});

test('a pretty line cannot be forged by what is logged', () => {
  expect(
    prettyLine(
      '{"time":"2026-11-22T12:00:00Z","level":"info","msg":"hello","name":"x\\n12:00:00 error \\u001b[31mforged"}\n',
    ),
  ).toBe('12:00:00 info  hello name="x\\n12:00:00 error \\u001b[31mforged"\n');
});

test('fields that the contract marks are not shown, however deep they lie, and the message itself is unchanged', () => {
  const signIn = create(SignInRequestSchema, { email: 'ann@example.com', password: 'correct horse' });
  expect(JSON.stringify(redacted(SignInRequestSchema, signIn))).not.toMatch(/ann@|horse/);
  expect(signIn.password).toBe('correct horse');

  const address = create(AddressSchema, { recipient: 'Ann', lines: ['1 Mill Lane'], countryCode: 'IN' });
  const request = create(CreateAddressRequestSchema, { requestId: '12345678', address });
  expect(redacted(CreateAddressRequestSchema, request)).toEqual({
    request_id: '12345678',
    address: { recipient: '[redacted]', lines: '[redacted]', country_code: 'IN' },
  });
  expect(redacted(UserSchema, create(UserSchema, { id: 'usr_1', displayName: 'Ann' }))).toEqual({
    id: 'usr_1',
    display_name: '[redacted]',
  });
});

test('of what no contract describes, members named like secrets or personal data are hidden', () => {
  const body = {
    orderId: 'ord_1',
    to: [{ email: 'ann@example.com', newPassword: 'horse', tries: 2 }],
    cart_id: 'crt_1',
  };
  expect(redactedJson(body)).toEqual({
    orderId: 'ord_1',
    to: [{ email: '[redacted]', newPassword: '[redacted]', tries: 2 }],
    cart_id: '[redacted]',
  });
  expect(redactedJson('text')).toBe('text');
  expect(redactedJson(null)).toBeNull();
});

test('a name says whether what it names is for logs', () => {
  for (const name of ['refreshToken', 'guest_cart_id', 'lines', 'providerPaymentId', 'body', 'Authorization'])
    expect(isSensitive(name)).toBe(true);
  for (const name of ['next_page_token', 'address_id', 'description_html', 'order_id', 'tokens_left'])
    expect(isSensitive(name)).toBe(false);
});
