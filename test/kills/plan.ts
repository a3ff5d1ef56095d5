import fc from 'fast-check';

/** What one buyer does from an empty cart to the end of an order. */
export type Checkout = {
  readonly items: readonly { readonly variant: number; readonly quantity: number }[];
  readonly coupon: 'none' | 'scarce' | 'plenty';
  readonly method: 'online' | 'cash';
  /** What happens on the provider's page; a customer who gives up is timed out. */
  readonly pays: 'at once' | 'at the second try' | 'never' | 'twice';
  /** Whether the app lives to tell us; else only the provider's event does. */
  readonly appTells: boolean;
  /** How many times each PlaceOrder is sent at once. */
  readonly taps: number;
  readonly after: 'nothing' | 'cancel' | 'cancel a piece' | 'deliver' | 'return';
};

/** When and how a process is killed: at the nth statement after it was armed, before, while or after it was sent. */
export type Kill = {
  readonly process: number;
  readonly statement: number;
  readonly moment: 'before' | 'sent' | 'answered';
};

export type Plan = { readonly checkouts: readonly Checkout[]; readonly kills: readonly Kill[] };

const checkout: fc.Arbitrary<Checkout> = fc.record({
  items: fc.uniqueArray(fc.record({ variant: fc.nat(9), quantity: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 4,
    selector: ({ variant }) => variant,
  }),
  coupon: fc.constantFrom('none', 'scarce', 'plenty'),
  method: weighted([4, 'online'], [1, 'cash']),
  pays: weighted([6, 'at once'], [1, 'at the second try'], [1, 'never'], [1, 'twice']),
  appTells: fc.boolean(),
  taps: weighted([3, 1], [1, 2], [1, 5]),
  after: weighted([4, 'nothing'], [1, 'cancel'], [1, 'cancel a piece'], [1, 'deliver'], [1, 'return']),
});

const kill: fc.Arbitrary<Kill> = fc.record({
  process: fc.nat(1_000),
  statement: fc.integer({ min: 1, max: 400 }),
  moment: fc.constantFrom('before', 'sent', 'answered'),
});

/** The same seed, the same plan. */
export function planOf(seed: number, checkouts: number, kills: number): Plan {
  const plan = fc.record({
    checkouts: fc.array(checkout, { minLength: checkouts, maxLength: checkouts, size: 'max' }),
    kills: fc.array(kill, { minLength: kills, maxLength: kills, size: 'max' }),
  });
  const [made] = fc.sample(plan, { seed, numRuns: 1 });
  if (made === undefined) throw new Error('fast-check made no plan');
  return made;
}

function weighted<T>(...choices: readonly [weight: number, value: T][]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
}
