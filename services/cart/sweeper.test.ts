import { expect, test } from '@jest/globals';
import { silentLog } from '#platform/telemetry/log.ts';
import { startSweeper } from './sweeper.ts';

const now = () => new Date('2026-03-01T10:00:00Z');

test('a sweep goes on batch by batch until there is no more', async () => {
  const left = [500, 500, 3];
  const swept = Promise.withResolvers<void>();
  const sweeper = startSweeper({
    store: {
      async sweep({ limit }) {
        const count = left.shift() ?? 0;
        if (left.length === 0) swept.resolve();
        return Math.min(count, limit);
      },
    },
    now,
    log: silentLog(),
    everyMs: 1,
  });
  await swept.promise;
  await sweeper.close();
  expect(left).toEqual([]);
});

test('a sweep that fails is tried again', async () => {
  let tries = 0;
  const again = Promise.withResolvers<void>();
  const sweeper = startSweeper({
    store: {
      async sweep() {
        tries++;
        if (tries === 1) throw new Error('no database');
        again.resolve();
        return 0;
      },
    },
    now,
    log: silentLog(),
    everyMs: 1,
  });
  await again.promise;
  await sweeper.close();
  expect(tries).toBeGreaterThan(1);
});
