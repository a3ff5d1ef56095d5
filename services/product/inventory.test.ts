import { expect, test } from '@jest/globals';
import { availableOf, OutOfStock, reserve, type Stock } from './inventory.ts';
import { startSweeper } from './inventory-sweeper.ts';
import { silentLog } from '#platform/telemetry/log.ts';

const stock = (variantId: string, more: Partial<Stock> = {}): Stock => ({
  variantId,
  onHand: 1,
  reserved: 0,
  tracked: true,
  backorderAllowed: false,
  ...more,
});

test('what is reserved is not available', () => {
  expect(availableOf(stock('var_a', { onHand: 5, reserved: 2 }))).toBe(3);
});

test('a refusal of a hundred variants names twenty, so that it fits into its headers', () => {
  const stocks = Array.from({ length: 100 }, (_, i) => stock(`var_${i}`));
  try {
    reserve(
      stocks,
      stocks.map(({ variantId }) => ({ variantId, quantity: 2 })),
    );
    throw new Error('it was not refused');
  } catch (error) {
    if (!(error instanceof OutOfStock)) throw error;
    expect(error.shortages).toHaveLength(100);
    expect(error.fields).toHaveLength(20);
    expect(Object.keys(error.metadata)).toHaveLength(40);
    expect(error.message).toContain('and 80 others');
  }
});

test('backorders have a bound too', () => {
  const owed = stock('var_a', { backorderAllowed: true, onHand: -999_999_999 });
  expect(reserve([owed], [{ variantId: 'var_a', quantity: 1 }])).toHaveLength(1);
  expect(() => reserve([owed], [{ variantId: 'var_a', quantity: 2 }])).toThrow(OutOfStock);
});

test('the sweeper goes on until nothing is due, outlives a failure, and ends with its last round', async () => {
  let due = 450;
  let failed = false;
  const swept = Promise.withResolvers<void>();
  const sweeper = startSweeper({
    everyMs: 1,
    now: () => new Date(),
    log: silentLog(),
    store: {
      async expire({ limit }) {
        if (!failed) {
          failed = true;
          throw new Error('the database is away');
        }
        const ended = Math.min(limit, due);
        due -= ended;
        return ended;
      },
      async forget() {
        if (due === 0) swept.resolve();
        return 0;
      },
    },
  });
  await swept.promise;
  expect(due).toBe(0);
  await sweeper.close();
});
