import { expect, test } from '@jest/globals';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { Fault } from '../fault.ts';
import { errorInfo, isUpstream, markUpstream, statusDetails, toConnectError } from './status.ts';

test('a Fault says its reason, its values, its fields and when to try again', () => {
  const cause = new Error('row 7');
  const error = toConnectError(
    new Fault('resource-exhausted', 'TOO_MANY_CALLS', 'Wait a little.', {
      metadata: { limit: '10' },
      fields: [{ field: 'product.title', description: 'is empty' }],
      retryAfterMs: 1_500,
      cause,
    }),
  );
  expect(error.code).toBe(Code.ResourceExhausted);
  expect(error.rawMessage).toBe('Wait a little.');
  expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({
    reason: 'TOO_MANY_CALLS',
    domain: 'only2u',
    metadata: { limit: '10' },
  });
  expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]).toMatchObject({ field: 'product.title' });
  expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
  expect(errorInfo(error)?.reason).toBe('TOO_MANY_CALLS');
});

test('a bug is told to nobody but the log', () => {
  for (const thrown of [new TypeError('password is secret'), 'secret', undefined, null, { secret: 1 }]) {
    const error = toConnectError(thrown);
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toBe('internal error');
    expect(error.details).toEqual([]);
    expect(error.cause).toBe(thrown);
  }
});

test('a ConnectError that was made here passes as it is', () => {
  const error = new ConnectError('no such method', Code.Unimplemented);
  expect(toConnectError(error)).toBe(error);
});

test("an upstream service's error says no more than to wait or try again, else it is internal", () => {
  for (const [code, passed] of [
    [Code.Unavailable, Code.Unavailable],
    [Code.DeadlineExceeded, Code.DeadlineExceeded],
    [Code.Canceled, Code.Canceled],
    [Code.ResourceExhausted, Code.ResourceExhausted],
    [Code.NotFound, Code.Internal],
    [Code.PermissionDenied, Code.Internal],
    [Code.Unauthenticated, Code.Internal],
  ] as const) {
    const upstream = markUpstream(new ConnectError('db-7 says no', code, { 'x-secret': '1' }));
    const error = toConnectError(upstream);
    expect(error.code).toBe(passed);
    expect(error.message).not.toContain('db-7');
    expect([...error.metadata]).toEqual([]);
    expect(error.findDetails(RetryInfoSchema)).toHaveLength(code === Code.Unavailable ? 1 : 0);
    expect(error.findDetails(ErrorInfoSchema)).toEqual([]);
    expect(error.cause).toBe(upstream);
    expect(isUpstream(error)).toBe(false);
  }
});

test('whatever is unavailable says when to try again: as a service upstream says it, else in a second', () => {
  const busy = (retryAfterMs?: number): Fault =>
    new Fault('unavailable', 'BUSY', 'Try again.', retryAfterMs === undefined ? {} : { retryAfterMs });
  const notThere = markUpstream(new ConnectError('connect ECONNREFUSED 10.0.0.7:50052', Code.Unavailable));
  for (const [thrown, seconds] of [
    [notThere, 1n],
    [busy(), 1n],
    [busy(5_000), 5n],
    [markUpstream(toConnectError(busy(5_000))), 5n],
    [markUpstream(toConnectError(new Fault('resource-exhausted', 'FULL', 'Wait.', { retryAfterMs: 3_000 }))), 3n],
  ] as const)
    expect(toConnectError(thrown).findDetails(RetryInfoSchema)).toMatchObject([{ retryDelay: { seconds, nanos: 0 } }]);
});

test('a race that was lost upstream is told as one that a second try may win, and whose it was is not told', () => {
  const upstream = markUpstream(toConnectError(new Fault('aborted', 'ETAG_MISMATCH', 'db-7 says no')));
  const error = toConnectError(upstream);
  expect([error.code, errorInfo(error)?.reason]).toEqual([Code.Unavailable, 'CONCURRENT_CHANGE']);
  expect(error.findDetails(RetryInfoSchema)).toHaveLength(1);
  expect(JSON.stringify([error.message, errorInfo(error)])).not.toMatch(/db-7|ETAG/);
  expect(error.cause).toMatchObject({ cause: upstream });
  expect(isUpstream(error)).toBe(false);
});

test('many fields and long texts are cut to what peers accept in trailers', () => {
  const fields = Array.from({ length: 1_000 }, (_, index) => ({ field: `rows[${index}]`, description: 'is bad' }));
  const error = toConnectError(new Fault('invalid-argument', 'BAD_ROWS', 'x'.repeat(100_000), { fields }));
  expect(error.rawMessage.length).toBe(2_000);
  expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toHaveLength(50);
  expect(statusDetails(error)?.details).toHaveLength(2);
});
