import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type HandleProviderEventRequest, PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { Fault } from '#platform/fault.ts';
import { stub } from '#platform/testing/service.ts';
import { openTestGateway, type TestGateway } from './testing.ts';
import { maxWebhookBytes } from './webhooks.ts';

let gateway: TestGateway;
let taken: HandleProviderEventRequest[] = [];
let refuse: Fault | undefined;

const payment = stub(PaymentService, {
  handleProviderEvent(request) {
    if (refuse !== undefined) throw refuse;
    taken.push(request);
    return {};
  },
});

beforeAll(async () => {
  gateway = await openTestGateway({ handlers: [payment] });
});
afterAll(() => gateway.close());
beforeEach(() => {
  taken = [];
  refuse = undefined;
});

const tell = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, provider = 'razorpay') =>
  fetch(`${gateway.url}/webhooks/${provider}`, { method: 'POST', body, headers });

test('an event goes on byte for byte, with its signature and its id', async () => {
  const body = ' {"event":"payment.captured",\r\n "ü":1}';
  const headers = {
    'x-razorpay-signature': 'abc123',
    'x-razorpay-event-id': 'evt_1',
    'content-type': 'application/json',
  };
  const response = await tell(body, headers);
  expect([response.status, await response.text()]).toEqual([204, '']);
  const [event] = taken;
  expect(event).toMatchObject({ provider: 'razorpay', requestId: 'evt_1', signature: 'abc123' });
  expect(Buffer.from(event?.body ?? []).toString()).toBe(body);
});

test('each provider has headers of its own, and nobody else’s are believed', async () => {
  const headers = { 'x-razorpay-signature': 'abc123', 'x-razorpay-event-id': 'evt_1', 'x-test-signature': 'def' };
  await tell('{}', headers, 'test');
  expect(taken[0]).toMatchObject({ provider: 'test', requestId: '', signature: 'def' });
});

test('bytes that are no text, no bytes at all, and another content type go on as they are', async () => {
  expect((await tell(new Uint8Array([0, 255, 254, 10]), { 'content-type': 'text/plain' })).status).toBe(204);
  expect((await tell('')).status).toBe(204);
  expect(taken.map(({ body }) => [...body])).toEqual([[0, 255, 254, 10], []]);
});

test('a signature that is longer than one can be is none', async () => {
  await tell('{}', { 'x-razorpay-signature': 'a'.repeat(300), 'x-razorpay-event-id': 'e'.repeat(200) });
  expect(taken[0]).toMatchObject({ signature: '', requestId: '' });
});

test.each([
  ['permission-denied', 'WEBHOOK_SIGNATURE_INVALID', 403],
  ['failed-precondition', 'WEBHOOK_TOO_OLD', 400],
  ['invalid-argument', 'WEBHOOK_MALFORMED', 400],
  ['not-found', 'PROVIDER_UNKNOWN', 404],
] as const)('%s %s is told as %i', async (kind, reason, status) => {
  refuse = new Fault(kind, reason, 'no');
  const response = await tell('{}');
  const answer = (await response.json()) as { details: { debug: { reason: string } }[] };
  expect([response.status, answer.details[0]?.debug.reason]).toEqual([status, reason]);
});

test('while payments are away the provider is told to come back', async () => {
  refuse = new Fault('unavailable', 'DATABASE_UNAVAILABLE', 'The database can’t be reached just now; try again.');
  const response = await tell('{}');
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  await response.arrayBuffer();
});

test('an event that is too large is refused before it is read', async () => {
  const response = await tell(Buffer.alloc(maxWebhookBytes + 1, 97));
  expect(response.status).toBe(413);
  await response.arrayBuffer();
  expect((await tell(Buffer.alloc(maxWebhookBytes, 97))).status).toBe(204);
  expect(taken).toHaveLength(1);
});

test('only POST is taken, and only below a provider’s name', async () => {
  const got = await fetch(`${gateway.url}/webhooks/razorpay`);
  expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
  await got.arrayBuffer();
  for (const provider of ['', 'Razorpay', 'razorpay/more', '..%2fx', 'a'.repeat(33)]) {
    const response = await tell('{}', {}, provider);
    expect(`${provider} ${response.status}`).toBe(`${provider} 404`);
    await response.arrayBuffer();
  }
  expect(taken).toEqual([]);
});
