import { expect, test } from '@jest/globals';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { Fault } from '../fault.ts';
import { admitAll } from '../testing/admit-all.ts';
import { openTestRpc } from '../testing/rpc.ts';
import { currentCall } from './call.ts';

async function failureOf(work: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ConnectError) return error;
  throw new Error('expected a ConnectError', { cause: error });
}

test('headers and trailers go both ways, binary ones as bytes', async () => {
  const rpc = await openTestRpc({
    implementation: {
      unary(_request, context) {
        context.responseHeader.set('x-seen', context.requestHeader.get('x-sent') ?? '');
        context.responseTrailer.set('x-sum-bin', context.requestHeader.get('x-raw-bin') ?? '');
        return {};
      },
    },
  });
  let header = new Headers();
  let trailer = new Headers();
  await rpc.client.unary(
    {},
    {
      headers: { 'x-sent': 'hello', 'x-raw-bin': 'AP8B' },
      onHeader: (received) => (header = received),
      onTrailer: (received) => (trailer = received),
    },
  );
  expect(header.get('x-seen')).toBe('hello');
  expect(trailer.get('x-sum-bin')).toBe('AP8B');
  await rpc.close();
});

test('a Fault arrives with its details, and with the headers that the handler had set', async () => {
  const rpc = await openTestRpc({
    implementation: {
      unary(_request, context) {
        context.responseTrailer.set('x-trace', '7');
        throw new Fault('not-found', 'PRODUCT_NOT_FOUND', 'There is no such product – “prd_1”.', {
          metadata: { id: 'prd_1' },
        });
      },
    },
  });
  const error = await failureOf(rpc.client.unary({}));
  expect(error.code).toBe(Code.NotFound);
  expect(error.rawMessage).toBe('There is no such product – “prd_1”.');
  expect(error.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ id: 'prd_1' });
  expect(error.metadata.get('x-trace')).toBe('7');
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.NotFound });
  await rpc.close();
});

test('what a handler throws by mistake arrives as internal, and is told to the hooks whole', async () => {
  const bug = new TypeError('secret');
  const rpc = await openTestRpc({
    implementation: {
      unary: () => Promise.reject(bug),

      async *serverStream() {
        throw bug;
      },
    },
  });
  for (const call of [() => rpc.client.unary({}), () => rpc.client.serverStream({})[Symbol.asyncIterator]().next()]) {
    const error = await failureOf(call());
    expect([error.code, error.rawMessage]).toEqual([Code.Internal, 'internal error']);
    await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.Internal, error: bug });
  }
  await rpc.close();
});

test('a method without a handler, and a path without a method, are unimplemented', async () => {
  const rpc = await openTestRpc({ implementation: {} });
  expect((await failureOf(rpc.client.unary({}))).code).toBe(Code.Unimplemented);
  await rpc.close();
});

test('a call that is not admitted never reaches its handler, whether refused at once or later', async () => {
  let served = 0;
  const refusal = new Fault('permission-denied', 'CALLER_NOT_GRANTED', 'You may not.');
  for (const admit of [
    () => {
      throw refusal;
    },
    () => Promise.reject(refusal),
  ]) {
    const rpc = await openTestRpc({
      implementation: {
        unary: () => {
          served += 1;
          return {};
        },
        async clientStream() {
          served += 1;
          return {};
        },
      },
      hooks: { admit },
    });
    expect((await failureOf(rpc.client.unary({}))).code).toBe(Code.PermissionDenied);
    expect((await failureOf(rpc.client.clientStream(one({})))).code).toBe(Code.PermissionDenied);
    await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.PermissionDenied, error: refusal });
    await rpc.close();
  }
  expect(served).toBe(0);
});

test('each request message is checked before the handler sees it', async () => {
  const rpc = await openTestRpc({
    implementation: {
      unary: () => ({}),
      async clientStream(requests) {
        for await (const _request of requests);
        return {};
      },
    },
    hooks: {
      check() {
        throw new Fault('invalid-argument', 'FIELD_INVALID', 'No.');
      },
    },
  });
  expect((await failureOf(rpc.client.unary({}))).code).toBe(Code.InvalidArgument);
  expect((await failureOf(rpc.client.clientStream(one({})))).code).toBe(Code.InvalidArgument);
  await rpc.close();
});

test('handlers run inside their call: unary, answering with a stream, and late admission', async () => {
  const seen: (string | undefined)[] = [];
  let requestId = 0;
  const rpc = await openTestRpc({
    implementation: {
      async unary() {
        await Promise.resolve();
        seen.push(currentCall()?.requestId);
        return {};
      },
      async *serverStream() {
        seen.push(currentCall()?.requestId);
        yield {};
        seen.push(currentCall()?.requestId);
      },
    },
    hooks: { admit: async (arrival) => ({ ...admitAll(arrival), requestId: String((requestId += 1)) }) },
  });
  await rpc.client.unary({});
  for await (const _answer of rpc.client.serverStream({}));
  expect(seen).toEqual(['1', '2', '2']);
  expect(currentCall()).toBeUndefined();
  await rpc.close();
});

async function* one<T>(message: T): AsyncGenerator<T> {
  yield message;
}
