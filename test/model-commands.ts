import fc from 'fast-check';

/** What somebody does. Numbers choose among what there is then: users, variants, orders. */
export type Command =
  | {
      readonly kind: 'add' | 'set' | 'merge';
      readonly user: number;
      readonly variant: number;
      readonly quantity: number;
    }
  | { readonly kind: 'remove'; readonly user: number; readonly variant: number }
  | { readonly kind: 'clear'; readonly user: number }
  | { readonly kind: 'apply' | 'drop'; readonly user: number; readonly coupon: number }
  /** Puts something in, asks for a quote, and places the order. */
  | {
      readonly kind: 'buy';
      readonly user: number;
      readonly variant: number;
      readonly quantity: number;
      readonly coupon: number | undefined;
      readonly online: boolean;
    }
  | { readonly kind: 'place'; readonly user: number; readonly online: boolean; readonly from: PlaceFrom }
  | { readonly kind: 'pay'; readonly order: number; readonly declined: boolean; readonly tells: boolean }
  | {
      readonly kind: 'cancel';
      readonly order: number;
      readonly by: By | 'customer';
      readonly pieces: Pieces | undefined;
    }
  | { readonly kind: 'fulfil'; readonly order: number; readonly part: number; readonly by: By; readonly to: number }
  | { readonly kind: 'return'; readonly order: number; readonly pieces: Pieces }
  | {
      readonly kind: 'resolve';
      readonly order: number;
      readonly index: number;
      readonly by: By;
      readonly to: number;
      readonly restock: boolean;
    }
  | { readonly kind: 'expire'; readonly order: number }
  | { readonly kind: 'webhook'; readonly order: number }
  /** Sends once more, word for word, what was answered before. */
  | { readonly kind: 'again'; readonly index: number }
  | { readonly kind: 'adjust'; readonly variant: number; readonly delta: number }
  | { readonly kind: 'price'; readonly product: number; readonly step: number }
  | { readonly kind: 'coupon'; readonly coupon: number; readonly change: CouponChange };

export type Pieces = { readonly line: number; readonly quantity: number };
/** Who does something to a part: who sells it, another vendor, or an admin. */
export type By = 'seller' | 'other' | 'admin';
export type PlaceFrom = 'fresh' | 'stale' | 'again' | 'reused';
export type CouponChange = 'pause' | 'resume' | 'raise' | 'lower' | 'delete';

const order = fc.nat(3); // the latest ones: what is done to the same order at once is what can go wrong
const user = fc.nat(2);
const variant = fc.nat(3);
const coupon = fc.nat(1);
const quantity = fc.integer({ min: 1, max: 3 });
const pieces = fc.record({ line: fc.nat(3), quantity });
const online = fc.boolean();
const by = weighted<By>([6, 'seller'], [1, 'other'], [1, 'admin']);
const kind = <K extends string>(name: K) => fc.constant(name);

const buy: fc.Arbitrary<Command> = fc.record({
  kind: kind('buy'),
  user,
  variant,
  quantity,
  coupon: fc.option(coupon, { nil: undefined }),
  online,
});
const place: fc.Arbitrary<Command> = fc.record({
  kind: kind('place'),
  user,
  online,
  from: weighted<PlaceFrom>([3, 'fresh'], [2, 'stale'], [2, 'again'], [1, 'reused']),
});
const pay: fc.Arbitrary<Command> = fc.record({
  kind: kind('pay'),
  order,
  declined: weighted([4, false], [1, true]),
  tells: weighted([4, true], [1, false]),
});
const fulfil: fc.Arbitrary<Command> = fc.record({
  kind: kind('fulfil'),
  order,
  part: fc.nat(1),
  by,
  to: weighted([1, 0], [1, 1], [3, 2]),
});
const cancel: fc.Arbitrary<Command> = fc.record({
  kind: kind('cancel'),
  order,
  by: weighted<By | 'customer'>([3, 'customer'], [2, 'seller'], [1, 'other'], [1, 'admin']),
  pieces: fc.option(pieces, { nil: undefined }),
});
const giveBack: fc.Arbitrary<Command> = fc.record({
  kind: kind('return'),
  order,
  pieces: fc.record({ line: fc.nat(3), quantity: weighted([3, 1], [1, 2]) }),
});
const resolve: fc.Arbitrary<Command> = fc.record({
  kind: kind('resolve'),
  order,
  index: fc.nat(2),
  by,
  to: weighted([3, 0], [1, 1], [1, 2]),
  restock: fc.boolean(),
});
const adjust: fc.Arbitrary<Command> = fc.record({
  kind: kind('adjust'),
  variant,
  delta: fc.constantFrom(-3, -1, 2, 5),
});
const price: fc.Arbitrary<Command> = fc.record({
  kind: kind('price'),
  product: fc.nat(1),
  step: fc.integer({ min: -3, max: 3 }),
});
const changeCoupon: fc.Arbitrary<Command> = fc.record({
  kind: kind('coupon'),
  coupon,
  change: weighted<CouponChange>([2, 'pause'], [3, 'resume'], [2, 'raise'], [2, 'lower'], [1, 'delete']),
});
const inCart: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constantFrom('add', 'set', 'merge'), user, variant, quantity }),
  fc.record({ kind: kind('remove'), user, variant }),
  fc.record({ kind: kind('clear'), user }),
  fc.record({ kind: fc.constantFrom('apply', 'drop'), user, coupon }),
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: inCart },
  { weight: 6, arbitrary: buy },
  { weight: 5, arbitrary: place },
  { weight: 6, arbitrary: pay },
  { weight: 6, arbitrary: cancel },
  { weight: 7, arbitrary: fulfil },
  { weight: 6, arbitrary: giveBack },
  { weight: 6, arbitrary: resolve },
  { weight: 2, arbitrary: fc.record({ kind: kind('expire'), order }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('webhook'), order }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('again'), index: fc.nat(9) }) },
  { weight: 2, arbitrary: adjust },
  { weight: 1, arbitrary: price },
  { weight: 2, arbitrary: changeCoupon },
);

const several = (of: fc.Arbitrary<Command>, most: number) =>
  fc.array(of, { minLength: 1, maxLength: most, size: 'max' });

/** One batch after the other; what is in a batch is done at once. Some buy and get something first, so that there is what to do. */
export const batches: fc.Arbitrary<Command[][]> = fc
  .tuple(
    several(buy, 3),
    several(fc.oneof(pay, fulfil), 5),
    several(fc.oneof(fulfil, giveBack, giveBack), 6),
    several(fc.oneof(giveBack, resolve, resolve), 6),
    fc.array(several(command, 6), { minLength: 1, maxLength: 10, size: 'max' }),
  )
  .map(([bought, got, sentBack, resolved, rest]) => [bought, got, sentBack, resolved, ...rest]);

function weighted<T>(...choices: readonly [weight: number, value: T][]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));
}
