import type { Order } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod } from '#gen/only2u/payment/v1/payment_pb.ts';
import { cartProblems, inCart, unexplained, type OnCarts } from './model-cart-judging.ts';
import { stepCart, type Maybe, type ModelCart, type Shelf } from './model-cart.ts';
import { keptOf, modelOf, piecesOf, viewOfModel, viewOfOrder } from './model-order-view.ts';
import { restingStates, stepOrder, type ModelOrder } from './model-order.ts';
import { nameOf, outcomesOf } from './model-outcomes.ts';
import type { Seen } from './model-seeing.ts';
import {
  amountOff,
  leastSubtotal,
  percentOff,
  usersEach,
  type CouponStep,
  type Happened,
  type ModelCoupon,
  type World,
} from './model-world.ts';

/** What the model takes over, if there is no problem. */
export type Judgement = {
  readonly problems: readonly string[];
  readonly orders: ReadonlyMap<string, ModelOrder>;
  readonly coupons: ReadonlyMap<string, ModelCoupon>;
};

const couponReasons = [
  'COUPON_NOT_FOUND',
  'COUPON_PAUSED',
  'COUPON_USED_UP',
  'COUPON_USED_UP_BY_USER',
  'COUPON_MINIMUM_NOT_REACHED',
  'COUPON_NOT_STACKABLE',
  'COUPON_TAKES_NOTHING',
  'NOTHING_TO_BUY',
];
const placeRefusals = [
  ...couponReasons,
  'CART_EMPTY',
  'INSUFFICIENT_STOCK',
  'QUOTE_CHANGED',
  'QUOTE_USED',
  'REQUEST_ID_REUSED',
];
const closeReasons = ['', ...couponReasons, 'COUPON_DISCOUNT_CHANGED', 'INSUFFICIENT_STOCK'];
const freeFrom = 99_900n;
const shippingPrice = 4_900n;

/** Holds what was answered and what is seen against the model. `alone` when there was one command: then it has to be exactly so. */
export function judge(world: World, happened: readonly Happened[], seen: Seen, alone: boolean): Judgement {
  const problems = [...seen.problems];
  const shelf = shelfOf(world, happened, alone);
  for (const one of happened) if (one.on === 'other' && one.answer !== 'ok') problems.push(one.answer);
  const made = placings(world, happened, seen, { shelf, alone, problems });

  const orders = new Map<string, ModelOrder>();
  for (const before of [...world.orders.values(), ...made]) {
    const done = happened.flatMap((one) => (one.on === 'order' && one.orderId === before.id ? [one.done] : []));
    const order = seen.orders.get(before.id);
    const ends = outcomesOf(before, done, stepOrder).flatMap(restingStates);
    const view = order && viewOfOrder(order);
    const end = ends.find((one) => nameOf(viewOfModel(one)) === nameOf(view));
    if (end === undefined) {
      problems.push(unexplained(`order ${nameOf(before)}`, done, ends.map(viewOfModel), view));
      continue;
    }
    orders.set(end.id, end);
    const kept = seen.kept.get(end.id) ?? 0n;
    if (kept !== keptOf(end)) problems.push(`${kept} of ${keptOf(end)} are kept for ${nameOf(end)}`);
  }
  for (const id of seen.orders.keys()) if (!orders.has(id)) problems.push(`nobody was told of ${id}`);

  problems.push(...cartProblems(world, happened, seen, { shelf, orders }));
  problems.push(...stockProblems(world, happened, seen, { shelf, orders, alone }));
  const coupons = new Map<string, ModelCoupon>();
  for (const before of world.coupons.values()) {
    const done = happened.flatMap((one) => (one.on === 'coupon' && one.code === before.code ? [one.done] : []));
    const now = seen.coupons.get(before.code);
    const { uses = 0, spent = 0n, ...state } = now ?? {};
    const ends = outcomesOf(before, done, stepCoupon);
    const end = ends.find(
      (one) => one.deleted === now?.deleted && (one.deleted || nameOf({ ...one, ...state }) === nameOf(one)),
    );
    if (end === undefined) problems.push(unexplained(`coupon ${nameOf(before)}`, done, ends, now));
    else coupons.set(end.code, end);
    const users = [...orders.values()].filter(({ stands }) => stands !== 'closed').flatMap((order) => order.coupons);
    const used = users.filter(({ code }) => code === before.code);
    const off = used.reduce((sum, { amount }) => sum + amount, 0n);
    if (now?.deleted === false && (uses !== used.length || spent !== off || uses > now.maxUses))
      problems.push(
        `${before.code} was used ${uses} times for ${spent}, by the orders ${used.length} times for ${off}`,
      );
  }
  return { problems, orders, coupons };
}

type Placing = { readonly shelf: Shelf; readonly alone: boolean; readonly problems: string[] };

/** The orders that came about. */
function placings(
  world: World,
  happened: readonly Happened[],
  seen: Seen,
  { shelf, alone, problems }: Placing,
): ModelOrder[] {
  const made = new Map<string, ModelOrder>();
  for (const one of happened) {
    if (one.on !== 'place') continue;
    const { request, answer, user } = one;
    if (one.isReused && answer !== 'REQUEST_ID_REUSED')
      problems.push(`other content for a known request_id: ${nameOf(answer)}`);
    const cart = outcomesOf(world.carts[user] ?? { pieces: {}, codes: [] }, inCart(happened, user), (state, command) =>
      stepCart(state, command, shelf),
    )[0];
    if (alone && one.isNew && cart !== undefined) problems.push(...unexpected(cart, answer, shelf));
    const usedBy = world.usedQuotes.get(request.quoteToken);
    const mayBeUsed = answer === 'QUOTE_USED' || answer === 'REQUEST_ID_REUSED';
    if (
      usedBy !== undefined &&
      (typeof answer === 'string' ? world.orders.has(usedBy) && !mayBeUsed : answer.id !== usedBy)
    )
      problems.push(`the quote of ${usedBy} was ordered again: ${nameOf(answer)}`);
    if (typeof answer === 'string') {
      if (!placeRefusals.includes(answer)) problems.push(`PlaceOrder was refused with ${answer}`);
      continue;
    }
    const known = world.made.get(request.requestId);
    if (known !== undefined && known !== answer.id)
      problems.push(`${request.requestId} made ${known} and ${answer.id}`);
    world.made.set(request.requestId, answer.id);
    world.usedQuotes.set(request.quoteToken, answer.id);
    if (world.orders.has(answer.id)) continue;
    const order = seen.orders.get(answer.id);
    if (order === undefined) {
      problems.push(`${answer.id} was placed, and is not there`);
      continue;
    }
    const online = order.payment?.method === PaymentMethod.ONLINE;
    made.set(order.id, modelOf(order, online));
    if (!closeReasons.includes(order.closeReason)) problems.push(`${order.id} was closed: ${order.closeReason}`);
    problems.push(...amountProblems(world, order));
  }
  return [...made.values()];
}

// Of one who is alone in the shop it is known what has to be answered.
function unexpected(cart: ModelCart, answer: Order | string, shelf: Shelf): string[] {
  const wanted = Object.entries(cart.pieces);
  const said = typeof answer === 'string' ? answer : answer.closeReason || 'ok';
  const accepts = cart.codes.length === 0 ? 'yes' : shelf.accepts(cart);
  if (wanted.length === 0) return said === 'CART_EMPTY' ? [] : [`an empty cart was answered ${said}`];
  if (wanted.some(([variantId, quantity]) => shelf.has(variantId, quantity) === 'no'))
    return said === 'INSUFFICIENT_STOCK' ? [] : [`there are too few, but it was answered ${said}`];
  if (accepts === 'maybe') return [];
  if (accepts === 'no')
    return couponReasons.includes(said) ? [] : [`the coupon does not hold, but it was answered ${said}`];
  if (typeof answer === 'string' || said !== 'ok')
    return [`${nameOf(cart)} can be bought, but it was answered ${said}`];
  const lines = answer.parts.flatMap((part) => part.lines);
  const bought = lines.map(({ variantId, quantity }) => `${variantId} ${quantity}`).sort();
  const meant = wanted.map(([variantId, quantity]) => `${variantId} ${quantity}`).sort();
  return bought.join() === meant.join() ? [] : [`${bought.join()} was bought instead of ${meant.join()}`];
}

function amountProblems(world: World, order: Order): string[] {
  const problems: string[] = [];
  let subtotal = 0n;
  let shipping = 0n;
  for (const part of order.parts) {
    let goods = 0n;
    for (const { variantId, quantity, unitPrice } of part.lines) {
      const product = world.variants.find(({ id }) => id === variantId)?.product ?? -1;
      if (!world.prices[product]?.includes(unitPrice?.minorUnits ?? -1n)) problems.push(`${variantId} never cost that`);
      goods += (unitPrice?.minorUnits ?? 0n) * BigInt(quantity);
    }
    subtotal += goods;
    shipping += goods >= freeFrom ? 0n : shippingPrice;
  }
  const [share] = world.coupons.keys();
  const off = order.coupons.map(({ code }) =>
    code === share ? (subtotal * BigInt(percentOff) + 5_000n) / 10_000n : amountOff,
  );
  const total = subtotal + shipping - off.reduce((sum, one) => sum + one, 0n);
  if (order.coupons.length > 1) problems.push('two coupons that are not stackable');
  if (order.totals?.total?.minorUnits !== total)
    problems.push(`${order.id} costs ${order.totals?.total?.minorUnits}, not ${total}`);
  return problems;
}

function stockProblems(
  world: World,
  happened: readonly Happened[],
  seen: Seen,
  { shelf, orders, alone }: OnCarts & { readonly alone: boolean },
): string[] {
  const problems: string[] = [];
  for (const { id } of world.variants) {
    let wanted = world.delivered.get(id) ?? 0;
    for (const one of happened) {
      if (one.on !== 'stock' || one.variantId !== id) continue;
      if (one.answer === 'ok') wanted += one.delta;
      const has = one.delta > 0 ? 'yes' : shelf.has(id, -one.delta);
      const fits =
        one.answer === 'ok'
          ? has !== 'no'
          : one.answer === 'STOCK_TOO_LOW' && (has === 'no' || !alone) && has !== 'yes';
      if (!fits) problems.push(`${one.delta} of ${id} was answered ${one.answer}`);
    }
    for (const order of orders.values()) wanted -= piecesOf(order, id);
    if (seen.available.get(id) !== wanted)
      problems.push(`${seen.available.get(id)} of ${id} can be bought, not ${wanted}`);
  }
  return problems;
}

function stepCoupon(coupon: ModelCoupon, { change, maxUses }: CouponStep) {
  if (coupon.deleted) return [{ state: coupon, answer: 'COUPON_NOT_FOUND' }];
  switch (change) {
    case 'pause':
      return [{ state: { ...coupon, paused: true }, answer: 'ok' }];
    case 'resume':
      return [{ state: { ...coupon, paused: false }, answer: 'ok' }];
    case 'raise':
    case 'lower': // below what is used it is refused; that uses never exceed the limit is asked at the end
      return [
        { state: { ...coupon, maxUses }, answer: 'ok' },
        { state: coupon, answer: 'COUPON_LIMIT_BELOW_USED' },
      ];
    case 'delete':
      return [{ state: { ...coupon, deleted: true }, answer: 'ok' }];
  }
}

/** What can be had, between the least and the most that there may have been meanwhile. */
function shelfOf(world: World, happened: readonly Happened[], alone: boolean): Shelf {
  const orders = [...world.orders.values()];
  const places = happened.some(({ on }) => on === 'place');
  const gives = happened.some(({ on }) => on === 'order');
  const between = (variantId: string): readonly [number, number] => {
    const taken = orders.reduce((all, order) => all + piecesOf(order, variantId), 0);
    const now = (world.delivered.get(variantId) ?? 0) - taken;
    if (alone) return [now, now];
    const deltas = happened.flatMap((one) => (one.on === 'stock' && one.variantId === variantId ? [one.delta] : []));
    const less = deltas.filter((delta) => delta < 0).reduce((sum, delta) => sum + delta, 0);
    const more = deltas.filter((delta) => delta > 0).reduce((sum, delta) => sum + delta, 0);
    return [places ? 0 : now + less, now + more + (gives ? taken : 0)];
  };
  const has = (variantId: string, quantity: number): Maybe => {
    const [least, most] = between(variantId);
    return quantity <= least ? 'yes' : quantity > most ? 'no' : 'maybe';
  };
  const accepts = ({ pieces, codes }: ModelCart): Maybe => {
    const [code = ''] = codes;
    const coupon = world.coupons.get(code);
    if (!alone || coupon === undefined || codes.length > 1) return 'maybe';
    const buyable = Object.entries(pieces).filter(([id, quantity]) => has(id, quantity) === 'yes');
    const using = orders.filter((order) => order.stands !== 'closed' && order.coupons.some((one) => one.code === code));
    if (buyable.length === 0 || coupon.deleted || coupon.paused || using.length >= coupon.maxUses) return 'no';
    const [share] = world.coupons.keys();
    if (code === share) return 'yes';
    const subtotal = buyable.reduce((sum, [id, quantity]) => {
      const product = world.variants.find((variant) => variant.id === id)?.product ?? 0;
      return sum + (world.prices[product]?.at(-1) ?? 0n) * BigInt(quantity);
    }, 0n);
    if (subtotal < leastSubtotal) return 'no';
    return using.length >= usersEach ? 'maybe' : 'yes';
  };
  return { has, accepts, couponReasons };
}
