import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { z } from 'zod';
import { RetryInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { type AuditEntry, AuditService } from '#gen/only2u/operation/v1/audit_pb.ts';
import { OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { Role, UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { openDatabase } from './database.postgres.ts';
import { Fault } from './fault.ts';
import type { Service } from './service.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';
import { openTestService, stub, type TestService } from './testing/service.ts';

const migrations = new URL('./testing/migrations/', import.meta.url);
const traceId = '0af7651916cd43dd8448eb211c80319c';

let database: TestDatabase;
let app: TestService;
/** Methods that were asked to do something, and what was kept by then. */
let asked: string[];
let keptMeanwhile: object[];

const sample: Service<{ DATABASE_URL: string }> = {
  name: 'sample',
  contract: [],
  config: z.object({ DATABASE_URL: z.string() }),
  async open(env) {
    const url = env.config.DATABASE_URL;
    const own = await openDatabase({ url, schema: 'sample', migrations, log: env.log, lockTimeoutMs: 100 });
    const operators = stub(OperatorService, {
      async rotateKeys() {
        asked.push('rotateKeys');
        keptMeanwhile = await database.query('SELECT method, caller, ended FROM audit_call');
        return {};
      },
      grantRole: () => {
        throw new Fault('not-found', 'USER_NOT_FOUND', 'There is no such account.');
      },
    });
    const users = stub(UserService, {
      updateUser: () => {
        asked.push('updateUser');
        return {};
      },
      listUsers: () => ({}),
    });
    return { handlers: [operators, users], database: own, close: () => own.close() };
  },
};

beforeEach(async () => {
  [asked, keptMeanwhile] = [[], []];
  database = await openTestDatabase('sample', migrations);
  app = await openTestService(sample, { config: { DATABASE_URL: database.url } });
});
afterEach(async () => {
  await app.close();
  await database.close();
});

const operator = () => app.as({ caller: 'operator' }).client(OperatorService);
const as = (...roles: string[]) => app.as({ user: { id: 'usr_a', sessionId: 'ses_a', roles } }).client(UserService);
const requestId = 'request-1';

/** The entries, once there are so many. */
async function entries(count: number): Promise<AuditEntry[]> {
  const client = app.as({ caller: 'operator' }).client(AuditService);
  for (;;) {
    const { auditEntries } = await client.listAuditEntries({});
    if (auditEntries.length >= count) return auditEntries;
    await new Promise(setImmediate);
  }
}

test('a call of an operator is written before it runs, and then handed to the log with how it ended', async () => {
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  await operator().rotateKeys({ requestId }, { headers: { 'x-request-id': 'seen-in-the-log', traceparent } });
  const method = 'only2u.user.v1.OperatorService/RotateKeys';
  expect(keptMeanwhile).toEqual([{ method, caller: 'operator', ended: false }]);
  const [entry] = await entries(1);
  expect(entry).toMatchObject({
    method,
    caller: 'operator',
    userId: '',
    requestId: 'seen-in-the-log',
    traceId,
    code: 0,
  });
  const [began, ended] = [entry?.beginTime, entry?.endTime].map((time) => time && timestampMs(time));
  expect(ended).toBeGreaterThanOrEqual(began ?? Infinity);
  while ((await database.query('SELECT 1 FROM audit_call')).length > 0) await new Promise(setImmediate);
});

test('what is refused leaves an entry with its code, be it the handler that refuses or the contract’s rules', async () => {
  const account = { email: 'a@example.com', password: 'a long password of a test', role: Role.VENDOR };
  await expect(operator().grantRole({ requestId, ...account })).rejects.toThrow(ConnectError);
  await expect(operator().rotateKeys({ requestId: 'short' })).rejects.toThrow(ConnectError);
  const codes = (await entries(2)).map(({ method, code }) => [method.split('/')[1], code]);
  expect(codes).toEqual([
    ['RotateKeys', Code.InvalidArgument],
    ['GrantRole', Code.NotFound],
  ]);
  expect(asked).toEqual([]);
});

test('what a workload asks for that no contract grants it is kept, however often it asks once, and of strangers nothing', async () => {
  const asking = (caller: string) => app.as({ caller }).client(OperatorService);
  const isRefused = (call: Promise<unknown>) => expect(call).rejects.toMatchObject({ code: Code.PermissionDenied });
  const headers = { 'x-request-id': 'seen-in-the-log' };
  for (let times = 0; times < 20; times++) await isRefused(asking('payment').rotateKeys({ requestId }, { headers }));
  await isRefused(asking('').rotateKeys({ requestId }));
  await isRefused(asking('cart').rotateKeys({ requestId }));
  await operator().rotateKeys({ requestId });
  const method = 'only2u.user.v1.OperatorService/RotateKeys';
  expect(await entries(3)).toMatchObject([
    { method, caller: 'operator', code: 0 },
    { method, caller: 'cart', code: Code.PermissionDenied },
    { method, caller: 'payment', userId: '', requestId: 'seen-in-the-log', code: Code.PermissionDenied },
  ]);
});

test('of users the staff’s changes are kept, and neither what others change nor what is only read', async () => {
  const change = { requestId, user: { id: 'usr_a', displayName: 'Asha' }, updateMask: { paths: ['display_name'] } };
  await as('customer').updateUser(change);
  await as('customer', 'admin').listUsers({});
  await as('customer', 'admin').updateUser(change);
  expect(asked).toEqual(['updateUser', 'updateUser']);
  const found = await entries(1);
  expect(found).toMatchObject([
    { method: 'only2u.user.v1.UserService/UpdateUser', caller: 'gateway', userId: 'usr_a' },
  ]);
});

test('a call that can’t be written is refused before it does anything, and told when to come again', async () => {
  const refusal: unknown = await database.transaction(async (tx) => {
    await tx.query('LOCK TABLE audit_call');
    return operator()
      .rotateKeys({ requestId })
      .catch((error: unknown) => error);
  });
  const error = ConnectError.from(refusal);
  expect(error.code).toBe(Code.Unavailable);
  expect(error.rawMessage).toContain('nothing was done; try again');
  expect(error.findDetails(RetryInfoSchema)).toHaveLength(1);
  expect(asked).toEqual([]);
  await operator().rotateKeys({ requestId });
  expect(asked).toEqual(['rotateKeys']);
});

test.each(['gateway', 'order', ''])('nobody but an operator may look: not %p', async (caller) => {
  const admin = { id: 'usr_a', sessionId: 'ses_a', roles: ['admin'] };
  const client = app.as({ caller, user: admin }).client(AuditService);
  const refused = await client.listAuditEntries({}).catch((error: unknown) => ConnectError.from(error).code);
  expect(refused).toBe(Code.PermissionDenied);
});
