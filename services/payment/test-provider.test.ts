import { describe, expect, test } from '@jest/globals';
import { idOf, openBench } from './bench.testing.ts';
import { describeProvider } from './provider.contract.ts';
import { arrivals, draw, parseFaults } from './test-faults.ts';

describe('the test provider', () => {
  describeProvider(async () => {
    const bench = await openBench();
    return {
      provider: bench.test,
      pay: (orderId, name) => bench.test.pay({ requestId: idOf(name), orderId, declined: false }),
      decline: async (orderId) =>
        void (await bench.test.pay({ requestId: idOf(`no ${orderId}`), orderId, declined: true })),
      async event(chargeId) {
        const [task] = await bench.database.query<{ body: string }>(
          `select body #>> '{}' as body from task where key = $1`,
          [`payment.captured:${chargeId}#0`],
        );
        const body = Buffer.from(task?.body ?? '');
        return { body, signature: bench.test.sign(body) };
      },
      close: () => bench.close(),
    };
  });
});

test('faults are read strictly', () => {
  expect(parseFaults('')).toMatchObject({ fail: 0, delay: 0 });
  expect(
    parseFaults('seed=7,fail=0.1,delay=0.3,lose-answer=0.1,repeat=0.3,reorder=0.3,decline=0.1,max-delay=2000'),
  ).toEqual({
    seed: 7,
    fail: 0.1,
    delay: 0.3,
    loseAnswer: 0.1,
    repeat: 0.3,
    reorder: 0.3,
    decline: 0.1,
    maxDelayMs: 2_000,
  });
  for (const text of [
    'fail',
    'fail=2',
    'fail=-1',
    'fail=x',
    'seed=1.5',
    'max-delay=60001',
    'fial=0.1',
    'fail=0,fail=1',
    'constructor=1',
  ])
    expect(`${text} ${String(parseFaults(text))}`).toBe(`${text} undefined`);
});

test('a seed draws the same again, and as often as it should', () => {
  const faults = parseFaults('seed=7,repeat=0.3,delay=0.5,reorder=0.2');
  if (faults === undefined) throw new Error('unread');
  const ids = Array.from({ length: 2_000 }, (_, index) => `evt_${index}`);
  const first = ids.map((id) => arrivals(faults, id));
  expect(ids.map((id) => arrivals(faults, id))).toEqual(first);
  expect(first.filter((times) => times.length === 2).length / ids.length).toBeCloseTo(0.3, 1);
  expect(draw(1, 'a')).not.toBe(draw(2, 'a'));
});
