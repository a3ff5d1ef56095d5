import { expect, test } from '@jest/globals';
import { Code, ConnectError } from '@connectrpc/connect';
import { openTestRpc } from '../testing/rpc.ts';

const chunk = new Uint8Array(32 * 1024);

test('messages of a stream in both directions are answered one by one', async () => {
  const rpc = await openTestRpc({
    implementation: {
      async *bidiStream(requests) {
        for await (const { requestData } of requests) yield { payload: { data: requestData } };
      },
    },
  });
  const toSend = ['a', 'b', 'c'].map((text) => ({ requestData: Buffer.from(text) }));
  const received: string[] = [];
  const next: (() => void)[] = [];
  async function* requests() {
    for (const message of toSend) {
      yield message;
      await new Promise<void>((resolve) => next.push(resolve)); // goes on when the answer has come
    }
  }
  for await (const { payload } of rpc.client.bidiStream(requests())) {
    received.push(Buffer.from(payload?.data ?? []).toString());
    next.shift()?.();
  }
  expect(received).toEqual(['a', 'b', 'c']);
  await rpc.close();
});

test('a reader that stops reading stops the writer', async () => {
  let written = 0;
  const rpc = await openTestRpc({
    implementation: {
      async *serverStream() {
        for (; written < 10_000; written += 1) yield { payload: { data: chunk } };
      },
      unary: () => ({}),
    },
  });
  const answers = rpc.client.serverStream({})[Symbol.asyncIterator]();
  await answers.next();
  let before = -1;
  while (before !== written) {
    before = written;
    for (let turn = 0; turn < 20; turn += 1) await rpc.client.unary({}); // the connection works, and time passes
  }
  expect(written * chunk.length).toBeLessThan(4_000_000); // of 320 MB
  await answers.return?.(undefined);
  await rpc.close();
});

test('a handler that stops reading stops the caller', async () => {
  const done = Promise.withResolvers<void>();
  let sent = 0;
  const rpc = await openTestRpc({
    implementation: {
      async clientStream(requests) {
        for await (const _request of requests) {
          await done.promise;
          break;
        }
        return {};
      },
      unary: () => ({}),
    },
  });
  async function* requests() {
    for (; sent < 10_000; sent += 1) yield { requestData: chunk };
  }
  const call = rpc.client.clientStream(requests());
  let before = -1;
  while (before !== sent) {
    before = sent;
    for (let turn = 0; turn < 20; turn += 1) await rpc.client.unary({});
  }
  expect(sent * chunk.length).toBeLessThan(4_000_000);
  done.resolve();
  await call; // an answer before the end of the requests is an answer
  await rpc.close();
});

test('a caller that leaves a stream early ends the handler, whose cleanup runs', async () => {
  const cleaned = Promise.withResolvers<void>();
  const rpc = await openTestRpc({
    implementation: {
      async *serverStream() {
        try {
          for (;;) yield { payload: { data: chunk } };
        } finally {
          cleaned.resolve();
        }
      },
    },
  });
  for await (const _answer of rpc.client.serverStream({})) break;
  // Connect's clients don't tell the transport that a reader left; closing does.
  rpc.transport.close();
  await rpc.server.close();
  await cleaned.promise;
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.Canceled });
  await rpc.close();
});

test('requests that fail end the call, with their error for the caller and a cancellation for the handler', async () => {
  const arrived = Promise.withResolvers<void>();
  const rpc = await openTestRpc({
    implementation: {
      async clientStream(requests) {
        for await (const _request of requests) arrived.resolve();
        return {};
      },
    },
  });
  async function* requests() {
    yield {};
    await arrived.promise;
    throw new RangeError('no more rows');
  }
  await expect(rpc.client.clientStream(requests())).rejects.toThrow('no more rows');
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.Canceled });
  await rpc.close();
});

test('an error after some answers leaves those to be read first', async () => {
  const rpc = await openTestRpc({
    implementation: {
      async *serverStream(_request, context) {
        context.responseTrailer.set('x-rows', '2');
        yield { payload: { data: Buffer.from('1') } };
        yield { payload: { data: Buffer.from('2') } };
        await new Promise(setImmediate); // grpc-js drops messages that share a packet with the error
        throw new ConnectError('the rest is gone', Code.DataLoss);
      },
    },
  });
  const seen: string[] = [];
  const reading = async (): Promise<void> => {
    for await (const { payload } of rpc.client.serverStream({})) {
      seen.push(Buffer.from(payload?.data ?? []).toString());
    }
  };
  await expect(reading()).rejects.toMatchObject({ code: Code.DataLoss, rawMessage: 'the rest is gone' });
  expect(seen[0]).toBe('1');
  await rpc.close();
});
