import { ConnectError } from '@connectrpc/connect';
import { Metadata } from '@grpc/grpc-js';
import { expect, test } from '@jest/globals';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { KeyService, OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { type Call, withCall } from './call.ts';
import { createClientHooks } from './outgoing.ts';
import { isUpstream } from './status.ts';

const metrics = createMetrics({ processMetrics: false });
const hooks = createClientHooks({ workload: 'gateway', metrics: metrics.rpc, tracing: undefined });
const { getProduct } = ProductService.method;

function callUntil(deadlineMs: number | undefined): Call {
  return {
    caller: '',
    user: undefined,
    token: 'the-token',
    requestId: 'req-1',
    address: '',
    userAgent: '',
    deadlineMs,
    signal: new AbortController().signal,
    traceparent: '00-a-b-01',
  };
}

test("a call passes on the user's token, the request id and the trace of the call that caused it", () => {
  const metadata = new Metadata();
  withCall(callUntil(undefined), () => hooks.begin(getProduct, metadata, undefined));
  expect(metadata.getMap()).toEqual({
    authorization: 'Bearer the-token',
    'x-request-id': 'req-1',
    traceparent: '00-a-b-01',
  });
});

test('what the caller sets itself is left as it is', () => {
  const metadata = new Metadata();
  metadata.set('authorization', 'Bearer of-the-house');
  withCall(callUntil(undefined), () => hooks.begin(getProduct, metadata, undefined));
  expect(metadata.get('authorization')).toEqual(['Bearer of-the-house']);
});

test('outside of a call a request id is made', () => {
  const metadata = new Metadata();
  hooks.begin(getProduct, metadata, undefined);
  expect(Object.keys(metadata.getMap())).toEqual(['x-request-id']);
});

test("the earliest deadline wins: what is left of the call, the caller's own, or the contract's", () => {
  const now = Date.now();
  const begin = (outer: number | undefined, own: number | undefined) =>
    withCall(callUntil(outer), () => hooks.begin(getProduct, new Metadata(), own)).deadlineMs;
  expect(begin(now + 300, now + 900)).toBe(now + 300);
  expect(begin(now + 900, now + 300)).toBe(now + 300);
  const contract = begin(undefined, now + 60_000);
  expect(contract).toBeGreaterThanOrEqual(now + 2000);
  expect(contract).toBeLessThan(now + 4000);
});

test('a method that the contract does not grant to this workload is not even sent, and its own caller is not blamed', () => {
  const begin = () => hooks.begin(OperatorService.method.grantRole, new Metadata(), undefined);
  let refusal: unknown;
  try {
    begin();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(ConnectError);
  expect(isUpstream(refusal)).toBe(true);
  expect((refusal as ConnectError).findDetails(ErrorInfoSchema)[0]).toMatchObject({
    reason: 'CALLER_NOT_GRANTED',
    metadata: { caller: 'gateway', rule: 'only2u.user.v1.OperatorService/GrantRole callers [operator]' },
  });
});

test('calls are counted with how they ended', async () => {
  hooks.begin(KeyService.method.getKeys, new Metadata(), undefined).ended(14);
  expect((await metrics.render()).text).toContain(
    'rpc_client_handled_total{service="only2u.user.v1.KeyService",method="GetKeys",code="UNAVAILABLE"} 1',
  );
});
