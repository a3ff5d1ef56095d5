import { expect, test } from '@jest/globals';
import { Code, ConnectError } from '@connectrpc/connect';
import { Fault } from '../fault.ts';
import { admitAll } from '../testing/admit-all.ts';
import { openTestRpc } from '../testing/rpc.ts';
import type { Call } from './call.ts';

const unwritten = new Fault('unavailable', 'AUDIT_UNAVAILABLE', 'Try again.', { retryAfterMs: 1_000 });

test('a call waits for its beginning, and one that can’t begin is refused and does nothing', async () => {
  const steps: string[] = [];
  let begins: () => Promise<void> = async () => void steps.push('begun');
  const rpc = await openTestRpc({
    hooks: { begin: () => begins() },
    implementation: {
      unary() {
        steps.push('run');
        return {};
      },
    },
  });
  await rpc.client.unary({});
  await rpc.nextEnd();
  begins = () => Promise.reject(unwritten);
  const error = await rpc.client.unary({}).catch((thrown: unknown) => ConnectError.from(thrown));
  expect(error).toMatchObject({ code: Code.Unavailable });
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.Unavailable });
  expect(steps).toEqual(['begun', 'run']);
  await rpc.close();
});

test('who goes away while the beginning is written has ended, and nothing is run', async () => {
  const [asked, written] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let runs = 0;
  const rpc = await openTestRpc({
    hooks: {
      begin() {
        asked.resolve();
        return written.promise;
      },
    },
    implementation: {
      unary() {
        runs++;
        return {};
      },
    },
  });
  const leaving = new AbortController();
  const call = rpc.client.unary({}, { signal: leaving.signal }).catch(() => undefined);
  await asked.promise;
  leaving.abort();
  await call;
  await expect(rpc.nextEnd()).resolves.toMatchObject({ code: Code.Canceled });
  written.resolve();
  await new Promise(setImmediate);
  expect(runs).toBe(0);
  await rpc.close();
});

test('who goes away while it is still decided is told of once, as the call that was admitted after all', async () => {
  const [asked, decided] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ended = Promise.withResolvers<Call | undefined>();
  let ends = 0;
  const rpc = await openTestRpc({
    hooks: {
      async admit(arrival) {
        asked.resolve();
        await decided.promise;
        return admitAll(arrival);
      },
      ended(_arrival, call) {
        ends++;
        ended.resolve(call);
      },
    },
    implementation: { unary: () => ({}) },
  });
  const leaving = new AbortController();
  const call = rpc.client.unary({}, { signal: leaving.signal }).catch(() => undefined);
  await asked.promise;
  leaving.abort();
  await call;
  decided.resolve();
  await expect(ended.promise).resolves.toMatchObject({ caller: '' });
  expect(ends).toBe(1);
  await rpc.close();
});
