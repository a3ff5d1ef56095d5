import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { DescMethod } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { pino } from 'pino';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import { Fault } from '../fault.ts';
import { localMesh, spiffeIdOf } from '../identity/spiffe.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { createServerHooks } from './admission.ts';
import type { Call, User } from './call.ts';
import type { Arrival, ServerHooks } from './hooks.ts';
import { createShedder, type Shedder } from './shedding.ts';

const vendor: User = { id: 'usr_1', sessionId: 'ses_1', roles: ['vendor'] };
const { getProduct, deleteProduct } = ProductService.method;

let metrics: Metrics;
let shedder: Shedder;
let lines: Record<string, unknown>[];
let hooks: ServerHooks;

beforeEach(() => {
  metrics = createMetrics({ processMetrics: false });
  shedder = createShedder({ maxInFlight: 64, metrics: metrics.rpc, nowMs: () => 0 });
  lines = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(parse(line)) });
  const verifier = {
    verify(token: string): User | Promise<User> {
      if (token === 'cached') return vendor;
      if (token === 'new') return Promise.resolve(vendor);
      const fault = new Fault('unauthenticated', 'TOKEN_INVALID', 'no');
      if (token === 'new-and-forged') return Promise.reject(fault);
      throw fault;
    },
  };
  hooks = createServerHooks({ mesh: localMesh, verifier, metrics: metrics.rpc, log, tracing: undefined, shedder });
});
afterEach(() => {
  shedder.close();
  metrics.close();
});

function parse(line: string): Record<string, unknown> {
  const entry: unknown = JSON.parse(line);
  return { ...(entry as object) };
}

function arrivalOf(
  method: DescMethod,
  caller: string,
  headers: Record<string, string> = {},
  deadlineMs?: number,
): Arrival {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const spiffeId = caller === '' ? undefined : spiffeIdOf(localMesh, caller);
  return { method, metadata, spiffeId, deadlineMs, signal: new AbortController().signal };
}

function admit(...args: Parameters<typeof arrivalOf>): Call {
  const call = hooks.admit(arrivalOf(...args));
  if (call instanceof Promise) throw new Error('it is asynchronous');
  return call;
}

function refusalOf(work: () => unknown): Fault {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('it was admitted');
}

test('a user whose token was seen before is admitted synchronously, with what is passed on', () => {
  const headers = { authorization: 'Bearer cached', 'x-request-id': 'req-1', traceparent: '00-a-b-01' };
  expect(admit(deleteProduct, 'gateway', headers)).toMatchObject({
    caller: 'gateway',
    user: vendor,
    token: 'cached',
    requestId: 'req-1',
    traceparent: '00-a-b-01',
  });
});

test('a user whose token is new is admitted once it is verified', async () => {
  const call = await hooks.admit(arrivalOf(deleteProduct, 'gateway', { authorization: 'bearer new' }));
  expect(call.user).toEqual(vendor);
});

test('refusals say caller, method and rule, for people and for programs', () => {
  const fault = refusalOf(() => admit(deleteProduct, 'chat'));
  expect(fault.kind).toBe('permission-denied');
  expect(fault.metadata).toEqual({
    caller: 'chat',
    method: 'only2u.product.v1.ProductService/DeleteProduct',
    rule: expect.stringContaining('ProductService/DeleteProduct callers [gateway'),
  });
  expect(fault.message).toContain(fault.metadata['rule']);
});

test.each([
  ['no certificate', ''],
  ['a workload without the grant', 'chat'],
])('%s is refused', (_, caller) => {
  expect(refusalOf(() => admit(getProduct, caller)).reason).toBe('CALLER_NOT_GRANTED');
});

test('certificates of another trust domain or namespace name nobody', () => {
  for (const spiffeId of ['spiffe://evil.local/ns/default/sa/gateway', 'spiffe://only2u.local/ns/other/sa/gateway']) {
    expect(refusalOf(() => hooks.admit({ ...arrivalOf(getProduct, ''), spiffeId })).reason).toBe('CALLER_NOT_GRANTED');
  }
});

test('a bad token is refused also where none is needed', () => {
  for (const authorization of ['Bearer forged', 'Basic dXNlcjpwYXNz', 'Bearer', 'cached']) {
    expect(refusalOf(() => admit(getProduct, 'gateway', { authorization })).reason).toBe('TOKEN_INVALID');
  }
});

test('a method without end users asks for no token, and refuses a bad one all the same', () => {
  expect(admit(KeyService.method.getKeys, 'product')).toMatchObject({ user: undefined, token: undefined });
  const forged = () => admit(KeyService.method.getKeys, 'product', { authorization: 'Bearer forged' });
  expect(refusalOf(forged).reason).toBe('TOKEN_INVALID');
});

test("only the edge is believed about the end client's address", () => {
  const headers = { 'x-only2u-address': '203.0.113.9', 'x-only2u-user-agent': 'curl/8' };
  expect(admit(getProduct, 'gateway', headers)).toMatchObject({ address: '203.0.113.9', userAgent: 'curl/8' });
  expect(admit(ProductService.method.batchGetVariants, 'cart', headers)).toMatchObject({ address: '', userAgent: '' });
});

test('a request id that could forge a log line is replaced', () => {
  const { requestId } = admit(getProduct, 'gateway', { 'x-request-id': 'a b"c' });
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test("a call may take as long as its contract says, and the caller's own deadline wins when it is shorter", () => {
  const now = Date.now();
  expect(admit(getProduct, 'gateway', {}, now + 500).deadlineMs).toBe(now + 500);
  for (const own of [undefined, now + 60_000]) {
    const { deadlineMs } = admit(getProduct, 'gateway', {}, own);
    expect(deadlineMs).toBeGreaterThanOrEqual(now + 2000);
    expect(deadlineMs).toBeLessThan(now + 4000);
  }
});

test('refused calls leave no trace in the count of calls in flight', async () => {
  for (let i = 0; i < 200; i++) {
    refusalOf(() => admit(getProduct, 'gateway', { authorization: 'Bearer forged' }));
    refusalOf(() => admit(getProduct, 'chat'));
    refusalOf(() => admit(deleteProduct, 'gateway'));
    const slow = hooks.admit(arrivalOf(getProduct, 'gateway', { authorization: 'Bearer new-and-forged' }));
    await expect(slow).rejects.toThrow(Fault);
  }
  for (let i = 0; i < 64; i++) admit(getProduct, 'gateway');
  expect(refusalOf(() => admit(getProduct, 'gateway')).reason).toBe('SERVER_OVERLOADED');
});

test('a call that has ended makes room for the next', () => {
  for (let i = 0; i < 500; i++) {
    const arrival = arrivalOf(getProduct, 'gateway');
    const call = hooks.admit(arrival);
    if (call instanceof Promise) throw new Error('it is asynchronous');
    hooks.ended(arrival, call, 0, undefined, 1);
  }
});

test('a refusal is counted by its rule, a call by method, caller and code', async () => {
  const arrival = arrivalOf(getProduct, 'chat');
  const fault = refusalOf(() => hooks.admit(arrival));
  hooks.ended(arrival, undefined, 7, fault, 1);
  const { text } = await metrics.render();
  expect(text).toMatch(
    /rpc_server_refused_total\{rule="only2u\.product\.v1\.ProductService\/GetProduct callers \[gateway.*"\} 1/,
  );
  expect(text).toContain(
    'rpc_server_handled_total{service="only2u.product.v1.ProductService",method="GetProduct",code="PERMISSION_DENIED",caller="chat"} 1',
  );
});

test('the log tells refusals with their rule, bugs with their stack, and good calls only to who asks', () => {
  const arrival = arrivalOf(deleteProduct, 'gateway', { authorization: 'Bearer cached' });
  const call = hooks.admit(arrival);
  if (call instanceof Promise) throw new Error('it is asynchronous');
  hooks.ended(arrival, call, 13, new Error('the disk is full'), 1.234);
  hooks.ended(arrival, call, 0, undefined, 1);
  const refused = arrivalOf(getProduct, 'chat');
  hooks.ended(
    refused,
    undefined,
    7,
    refusalOf(() => hooks.admit(refused)),
    1,
  );
  expect(lines).toMatchObject([
    { level: 50, method: 'only2u.product.v1.ProductService/DeleteProduct', ms: 1.23, caller: 'gateway', user: 'usr_1' },
    { level: 20, code: 0 },
    { level: 30, reason: 'CALLER_NOT_GRANTED', rule: expect.stringContaining('callers [gateway') },
  ]);
  expect(lines[0]?.['err']).toMatchObject({
    message: 'the disk is full',
    stack: expect.stringContaining('admission.test'),
  });
  expect(JSON.stringify(lines)).not.toContain('cached');
});

test('a flood of refusals writes twenty lines a second', () => {
  const arrival = arrivalOf(getProduct, 'chat');
  const fault = refusalOf(() => hooks.admit(arrival));
  for (let i = 0; i < 10_000; i++) hooks.ended(arrival, undefined, 7, fault, 1);
  expect(lines.length).toBeLessThanOrEqual(62); // three seconds' worth, were the machine that slow
});

test('whatever a caller sends as headers, it is admitted or refused with a reason', () => {
  const text = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)) });
  const names = ['authorization', 'x-request-id', 'traceparent', 'x-only2u-address', 'x-only2u-user-agent'];
  const headers = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(
      text,
      text.map((value) => `Bearer ${value}`),
    ),
  );
  fc.assert(
    fc.property(fc.constantFrom('', 'gateway', 'chat', 'order'), headers, (caller, sent) => {
      const arrival = arrivalOf(getProduct, caller, sent);
      let call: Call | undefined;
      try {
        const admitted = hooks.admit(arrival);
        if (!(admitted instanceof Promise)) call = admitted;
      } catch (error) {
        expect(error).toBeInstanceOf(Fault);
      }
      if (call !== undefined) expect(call.requestId).toMatch(/^[\w.:-]{1,128}$/);
      hooks.ended(arrival, call, 0, undefined, 1);
    }),
  );
});
