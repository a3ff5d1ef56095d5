import { expect, test } from '@jest/globals';
import { Code } from '@connectrpc/connect';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { create, toBinary } from '@bufbuild/protobuf';
import { UnaryRequestSchema } from '../../conformance/gen/connectrpc/conformance/v1/service_pb.ts';
import { Fault, type FaultKind } from '../fault.ts';
import { EchoService, openTestRpc } from '../testing/rpc.ts';
import { isUpstream } from './status.ts';

/** A service that fails as it is told, behind one that only passes the call on. */
async function openTwo(kind: FaultKind) {
  const back = await openTestRpc({
    implementation: {
      unary() {
        throw new Fault(kind, 'INNER_REASON', 'inner text', { metadata: { inner: 'value' } });
      },
    },
  });
  const front = await openTestRpc({ implementation: { unary: () => back.client.unary({}) } });
  return {
    front,
    back,
    async close() {
      await front.close();
      await back.close();
    },
  };
}

test("an upstream service's refusal is this service's internal error, and the log has its cause", async () => {
  const { front, close } = await openTwo('permission-denied');
  const error: unknown = await front.client.unary({}).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: Code.Internal, rawMessage: 'internal error', details: [] });
  expect(JSON.stringify([...Object.values(error as object)])).not.toContain('inner');
  const ended = await front.nextEnd();
  expect(ended.code).toBe(Code.Internal);
  expect(ended.error).toMatchObject({ code: Code.PermissionDenied, rawMessage: 'inner text' });
  await close();
});

test('an upstream service that is unavailable makes this one unavailable, without its text', async () => {
  const { front, close } = await openTwo('unavailable');
  const error: unknown = await front.client.unary({}).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: Code.Unavailable, details: [{ type: 'google.rpc.RetryInfo' }] });
  expect(String(error)).not.toContain('inner');
  await close();
});

test('a raw call keeps the bytes, and the error as the service sent it', async () => {
  const rpc = await openTestRpc({
    implementation: {
      unary({ requestData }, context) {
        if (requestData.length === 0) throw new Fault('not-found', 'NOTHING', 'There is nothing.');
        context.responseHeader.set('x-here', '1');
        return { payload: { data: requestData } };
      },
      async *serverStream() {
        yield { payload: { data: Buffer.from('a') } };
        yield { payload: { data: Buffer.from('b') } };
      },
    },
  });
  const { unary, serverStream } = EchoService.method;
  const request = toBinary(UnaryRequestSchema, create(UnaryRequestSchema, { requestData: Buffer.from('hello') }));
  const response = await rpc.transport.rawUnary(unary, request);
  expect(response.bytes.toString()).toContain('hello');
  expect(response.header.get('x-here')).toEqual(['1']);

  const refused: unknown = await rpc.transport.rawUnary(unary, Buffer.alloc(0)).catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({ code: Code.NotFound, rawMessage: 'There is nothing.' });
  expect(isUpstream(refused)).toBe(true);

  const { messages } = await rpc.transport.rawServerStream(serverStream, Buffer.alloc(0));
  const sizes: number[] = [];
  for await (const bytes of messages) sizes.push(bytes.length);
  expect(sizes).toHaveLength(2);
  await rpc.close();
});

test('a reader that leaves a raw stream cancels the call', async () => {
  const rpc = await openTestRpc({
    implementation: {
      async *serverStream() {
        for (;;) yield { payload: { data: new Uint8Array(1_000) } };
      },
    },
  });
  const { messages } = await rpc.transport.rawServerStream(EchoService.method.serverStream, Buffer.alloc(0));
  for await (const _bytes of messages) break;
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.Canceled });
  await rpc.close();
});

test('the service config decides what is tried again', async () => {
  let tries = 0;
  const rpc = await openTestRpc({
    implementation: {
      unary() {
        tries += 1;
        if (tries < 3) throw new Fault('unavailable', 'BUSY', 'Try again.');
        return {};
      },
    },
    transport: {
      serviceConfig: {
        loadBalancingConfig: [],
        methodConfig: [
          {
            name: [{ service: EchoService.typeName, method: 'Unary' }],
            retryPolicy: {
              maxAttempts: 3,
              initialBackoff: '0.01s',
              maxBackoff: '0.05s',
              backoffMultiplier: 2,
              retryableStatusCodes: ['UNAVAILABLE'],
            },
          },
        ],
      },
    },
  });
  await rpc.client.unary({});
  expect(tries).toBe(3);
  await rpc.close();
});

test('client hooks add metadata, shorten the deadline, and are told of the end', async () => {
  const ends: (Code | 0)[] = [];
  const rpc = await openTestRpc({
    implementation: {
      unary(_request, { requestHeader, timeoutMs }) {
        expect(requestHeader.get('x-request-id')).toBe('r1');
        expect(timeoutMs()).toBeLessThanOrEqual(5_000);
        return {};
      },
    },
    transport: {
      hooks: {
        begin(_method, metadata) {
          metadata.set('x-request-id', 'r1');
          return { deadlineMs: Date.now() + 5_000, ended: (code) => ends.push(code) };
        },
      },
    },
  });
  await rpc.client.unary({}, { timeoutMs: 60_000 });
  expect(ends).toEqual([0]);
  await rpc.close();
});

test('interceptors see requests and answers', async () => {
  const seen: string[] = [];
  const rpc = await openTestRpc({
    implementation: { unary: ({ requestData }) => ({ payload: { data: requestData } }) },
    transport: {
      interceptors: [
        (next) => async (request) => {
          request.header.set('x-added', '1');
          const response = await next(request);
          seen.push(request.method.name, String(response.stream));
          return response;
        },
      ],
    },
  });
  await rpc.client.unary({});
  expect(seen).toEqual(['Unary', 'false']);
  await rpc.close();
});

test('a Fault in its metadata reaches who calls from inside, to decide by', async () => {
  const { back, close } = await openTwo('failed-precondition');
  const error: unknown = await back.client.unary({}).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: Code.FailedPrecondition });
  const details = (error as { findDetails(desc: typeof ErrorInfoSchema): unknown[] }).findDetails(ErrorInfoSchema);
  expect(details[0]).toMatchObject({ reason: 'INNER_REASON', metadata: { inner: 'value' } });
  await close();
});

test('calls on a transport that is closed are unavailable, streams too', async () => {
  const rpc = await openTestRpc({ implementation: {} });
  rpc.transport.close();
  await expect(rpc.client.unary({})).rejects.toMatchObject({ code: Code.Unavailable });
  const { serverStream } = EchoService.method;
  await expect(rpc.transport.rawServerStream(serverStream, Buffer.alloc(0))).rejects.toMatchObject({
    code: Code.Unavailable,
  });
  await rpc.close();
});
