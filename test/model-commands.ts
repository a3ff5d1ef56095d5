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
      readonly online: boolean;
    }
  | { readonly kind: 'place'; readonly user: number; readonly online: boolean; readonly from: PlaceFrom }
  | { readonly kind: 'pay'; readonly order: number; readonly declined: boolean; readonly tells: boolean }
  | { readonly kind: 'cancel'; readonly order: number; readonly by: number; readonly pieces: Pieces | undefined }
  | { readonly kind: 'fulfil'; readonly order: number; readonly part: number; readonly by: number; readonly to: number }
  | { readonly kind: 'return'; readonly order: number; readonly pieces: Pieces }
  | {
      readonly kind: 'resolve';
      readonly order: number;
      readonly index: number;
      readonly by: number;
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
export type PlaceFrom = 'fresh' | 'stale' | 'again' | 'reused';
export type CouponChange = 'pause' | 'resume' | 'raise' | 'lower' | 'delete';

const most = 1_000;
const any = fc.nat(most);
const user = fc.nat(2);
const variant = fc.nat(3);
const coupon = fc.nat(1);
const quantity = fc.integer({ min: 1, max: 3 });
const pieces = fc.record({ line: fc.nat(3), quantity });
const kind = <K extends string>(name: K) => fc.constant(name);
const online = fc.boolean();

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('add', 'set', 'merge'), user, variant, quantity }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('remove'), user, variant }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('clear'), user }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('apply', 'apply', 'apply', 'drop'), user, coupon }) },
  { weight: 8, arbitrary: fc.record({ kind: kind('buy'), user, variant, quantity, online }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kind('place'),
      user,
      online,
      from: fc.constantFrom<PlaceFrom>('fresh', 'fresh', 'stale', 'again', 'reused'),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: kind('pay'),
      order: any,
      declined: fc.constantFrom(false, false, false, true),
      tells: fc.constantFrom(true, true, true, false),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind('cancel'),
      order: any,
      by: fc.nat(3),
      pieces: fc.option(pieces, { nil: undefined }),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({ kind: kind('fulfil'), order: any, part: fc.nat(1), by: fc.nat(3), to: fc.nat(2) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: kind('return'), order: any, pieces }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind('resolve'),
      order: any,
      index: any,
      by: fc.nat(3),
      to: fc.nat(2),
      restock: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('expire', 'webhook'), order: any }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('again'), index: any }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('adjust'), variant, delta: fc.constantFrom(-3, -1, 2, 5) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: kind('price'), product: fc.nat(1), step: fc.integer({ min: -3, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kind('coupon'),
      coupon,
      change: fc.constantFrom<CouponChange>('pause', 'resume', 'resume', 'raise', 'lower', 'delete'),
    }),
  },
);

/** One batch after the other; what is in a batch is done at once. */
export const batches: fc.Arbitrary<Command[][]> = fc.array(
  fc.array(command, { minLength: 1, maxLength: 6, size: 'max' }),
  { minLength: 4, maxLength: 14, size: 'max' },
);
