import { expect, test } from '@jest/globals';
import { once } from 'node:events';
import { Code, ConnectError } from '@connectrpc/connect';
import { admitAll } from '../testing/admit-all.ts';
import { openTestRpc } from '../testing/rpc.ts';
import { currentCall } from './call.ts';

/** Resolves when a call's signal is aborted, with the reason. */
async function aborted(signal: AbortSignal): Promise<unknown> {
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason;
}

test('a deadline that passes aborts the handler and is what the caller is told', async () => {
  const reasons: unknown[] = [];
  const rpc = await openTestRpc({
    implementation: {
      clientStream: async () => ({}),
      async unary(_request, { signal, timeoutMs }) {
        expect(timeoutMs()).toBeGreaterThan(0);
        reasons.push(await aborted(signal));
        return {};
      },
    },
  });
  await rpc.client.clientStream(none()); // connects, which the deadline would also count
  await rpc.nextEnd();
  await expect(rpc.client.unary({}, { timeoutMs: 200 })).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  // The caller's clock started first: its reset may come before the server's own deadline, and is a cancellation then.
  const either = [Code.DeadlineExceeded, Code.Canceled];
  expect(either).toContain((await rpc.nextEnd()).code);
  expect(reasons.map((reason) => either.includes(ConnectError.from(reason).code))).toEqual([true]);
  await rpc.close();
});

test('a handler that does not look at its signal keeps nobody waiting', async () => {
  const release = Promise.withResolvers<void>();
  const rpc = await openTestRpc({
    implementation: {
      async unary() {
        await release.promise;
        return {};
      },
    },
    // The caller names no deadline: the server keeps the one that the policy sets.
    hooks: { admit: (arrival) => ({ ...admitAll(arrival), deadlineMs: Date.now() + 50 }) },
  });
  await expect(rpc.client.unary({})).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  release.resolve();
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.DeadlineExceeded });
  await rpc.close();
});

test('the earlier of the caller’s and the policy’s deadline counts', async () => {
  const limits = [10_000, 10];
  const rpc = await openTestRpc({
    implementation: { unary: async (_request, { signal }) => aborted(signal).then(() => ({})) },
    hooks: { admit: (arrival) => ({ ...admitAll(arrival), deadlineMs: Date.now() + (limits.shift() ?? 0) }) },
  });
  for (const timeoutMs of [10, 10_000]) {
    await expect(rpc.client.unary({}, { timeoutMs })).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  }
  await rpc.close();
});

test('a caller that goes away aborts the signal of its handler, also the one of the current call', async () => {
  const started = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  const rpc = await openTestRpc({
    implementation: {
      async unary(_request, { signal }) {
        started.resolve();
        const current = currentCall()?.signal;
        reasons.push(await aborted(signal), current?.aborted);
        return {};
      },
    },
  });
  const caller = new AbortController();
  const call = rpc.client.unary({}, { signal: caller.signal });
  await started.promise;
  caller.abort();
  await expect(call).rejects.toMatchObject({ code: Code.Canceled });
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.Canceled });
  expect(reasons).toMatchObject([{ code: Code.Canceled }, true]);
  await rpc.close();
});

test('a call that was canceled before it began is not made', async () => {
  let served = 0;
  const rpc = await openTestRpc({
    implementation: {
      unary: () => {
        served += 1;
        return {};
      },
    },
  });
  const reason = new ConnectError('too late', Code.DeadlineExceeded);
  await expect(rpc.client.unary({}, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
    code: Code.DeadlineExceeded,
  });
  expect(served).toBe(0);
  await rpc.close();
});

test('the signal of a call that has ended well is aborted, so that what it left behind stops', async () => {
  const signals: AbortSignal[] = [];
  const rpc = await openTestRpc({
    implementation: {
      unary(_request, { signal }) {
        signals.push(signal);
        return {};
      },
    },
  });
  await rpc.client.unary({});
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: 0 });
  expect(signals[0]?.aborted).toBe(true);
  await rpc.close();
});

async function* none(): AsyncGenerator<never> {}
