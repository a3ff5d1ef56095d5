import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { OrderReturnStatus, OrderService, PartStatus, ReturnDecision } from '#gen/only2u/order/v1/order_pb.ts';
import { PaymentMethod } from '#gen/only2u/payment/v1/payment_pb.ts';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { schedule } from '#platform/tasks.postgres.ts';
import { advanceTask } from '#services/order/store.postgres.ts';
import type { CartCommand } from './model-cart.ts';
import type { By, Command } from './model-commands.ts';
import type { ModelOrder, OrderActor, OrderCommand } from './model-order.ts';
import { pay, tellAgain } from './model-paying.ts';
import { answerOf, requestId, type Happened, type PlaceRequest, type World } from './model-world.ts';
import type { Account } from './shop.ts';

/** Does one thing, over the wire, and tells what was answered. What there is nothing for is not done. */
export async function act(world: World, command: Command): Promise<Happened[]> {
  switch (command.kind) {
    case 'add':
    case 'set':
    case 'remove':
    case 'clear':
    case 'apply':
    case 'drop':
    case 'merge':
      return inCart(world, command);
    case 'buy': {
      const { user, coupon, online } = command;
      const added = await inCart(world, { ...command, kind: 'add' });
      const applied = coupon === undefined ? [] : await inCart(world, { kind: 'apply', user, coupon });
      return [...added, ...applied, ...(await place(world, { user, online, from: 'fresh' }))];
    }
    case 'place':
      return place(world, command);
    case 'adjust': {
      const { delta } = command;
      const variant = world.variants[command.variant];
      const vendor = world.people.vendors[variant?.product ?? 0];
      const adjusting = { requestId: requestId(), variantId: variant?.id ?? '', delta, reason: 'recount' };
      const { answer } = await answerOf(() =>
        world.shop.client(InventoryService, vendor?.token).adjustStock(adjusting),
      );
      return [{ on: 'stock', variantId: adjusting.variantId, delta, answer }];
    }
    case 'price': {
      const product = world.products[command.product];
      const prices = world.prices[command.product];
      const to = (prices?.at(-1) ?? 0n) + BigInt(command.step) * 1_000n;
      prices?.push(to);
      await product?.raisePrice(product.productId, to);
      return [];
    }
    case 'coupon':
      return changeCoupon(world, command);
    case 'again': {
      const sent = world.sent.toReversed()[command.index % Math.max(1, world.sent.length)];
      if (sent === undefined) return [];
      const { answer } = await answerOf(() => sent.call());
      return [{ on: 'order', orderId: sent.orderId, done: { command: { kind: 'again' }, answer } }];
    }
    case 'webhook':
      return tellAgain(world, command.order);
    case 'pay':
    case 'cancel':
    case 'fulfil':
    case 'return':
    case 'resolve':
    case 'expire':
      return withOrder(world, command);
  }
}

async function inCart(
  world: World,
  command: Extract<Command, { kind: 'add' | 'set' | 'merge' | 'remove' | 'clear' | 'apply' | 'drop' }>,
): Promise<Happened[]> {
  const { user } = command;
  const buyer = world.users[user];
  if (buyer === undefined) return [];
  const cart = buyer.client(CartService);
  const id = { requestId: requestId() };
  const variantId = 'variant' in command ? (world.variants[command.variant]?.id ?? '') : '';
  const code = 'coupon' in command ? ([...world.coupons.keys()][command.coupon] ?? '') : '';
  const happened = async (done: CartCommand, call: () => Promise<unknown>): Promise<Happened[]> => [
    { on: 'cart', user, done: { command: done, answer: (await answerOf(call)).answer } },
  ];
  switch (command.kind) {
    case 'add': {
      const { kind, quantity } = command;
      return happened({ kind, variantId, quantity }, () => cart.addCartItem({ ...id, variantId, quantity }));
    }
    case 'set': {
      const quantity = command.quantity - 1; // none, too
      return happened({ kind: 'set', variantId, quantity }, () => cart.updateCartItem({ ...id, variantId, quantity }));
    }
    case 'remove':
      return happened({ kind: 'remove', variantId }, () => cart.removeCartItem({ ...id, variantId }));
    case 'clear':
      return happened({ kind: 'clear' }, () => cart.clearCart(id));
    case 'apply':
      return happened({ kind: 'apply', code }, () => cart.applyCoupon({ ...id, code }));
    case 'drop':
      return happened({ kind: 'drop', code }, () => cart.removeCoupon({ ...id, code }));
    case 'merge': {
      const { quantity } = command;
      const adding = { ...id, variantId, quantity };
      const { value } = await answerOf(() => world.shop.client(CartService).addCartItem(adding));
      const guestCartId = value?.cart?.id;
      if (guestCartId === undefined) return [];
      const merging = { requestId: requestId(), guestCartId };
      return happened({ kind: 'merge', variantId, quantity }, () => cart.mergeCart(merging));
    }
  }
}

async function place(
  world: World,
  { user, online, from }: Omit<Extract<Command, { kind: 'place' }>, 'kind'>,
): Promise<Happened[]> {
  const buyer = world.users[user];
  if (buyer === undefined) return [];
  const orders = buyer.client(OrderService);
  const last = world.lastPlaced[user];
  const paymentMethod = online ? PaymentMethod.ONLINE : PaymentMethod.CASH_ON_DELIVERY;
  let request: PlaceRequest | undefined;
  if (from === 'again') request = last;
  else if (from === 'reused') request = last && { ...last, paymentMethod: last.paymentMethod === 1 ? 2 : 1 };
  else if (from === 'stale' && world.lastQuote[user] !== undefined) {
    request = { requestId: requestId(), quoteToken: world.lastQuote[user], paymentMethod };
  } else {
    const { answer, value } = await answerOf(() => orders.quoteOrder({ addressId: buyer.addressId }));
    const quoteToken = value?.quote?.quoteToken ?? '';
    request = { requestId: requestId(), quoteToken, paymentMethod };
    if (answer !== 'ok') return [{ on: 'place', user, request, isNew: from === 'fresh', isReused: false, answer }];
    world.lastQuote[user] = quoteToken;
  }
  if (request === undefined) return [];
  const asked = request;
  const wasMade = world.made.has(asked.requestId);
  if (from !== 'reused') world.lastPlaced[user] = asked;
  const { answer, value } = await answerOf(() => orders.placeOrder(asked));
  if (value?.order !== undefined) {
    world.placed.set(value.order.id, world.placed.get(value.order.id) ?? value.order);
  }
  const isReused = from === 'reused' && wasMade;
  return [{ on: 'place', user, request, isNew: from === 'fresh', isReused, answer: value?.order ?? answer }];
}

async function withOrder(
  world: World,
  command: Extract<Command, { kind: 'pay' | 'cancel' | 'fulfil' | 'return' | 'resolve' | 'expire' }>,
): Promise<Happened[]> {
  const orders = [...world.orders.values()];
  const order = orders.toReversed()[command.order % Math.max(1, orders.length)];
  if (order === undefined) return [];
  const orderId = order.id;
  const customer = world.users.find(({ id }) => id === order.userId);
  if (customer === undefined) return [];
  const id = { requestId: requestId(), orderId };
  const happened = (done: OrderCommand, answer: string): Happened[] => [
    { on: 'order', orderId, done: { command: done, answer } },
  ];
  const sending = async (done: OrderCommand, call: () => Promise<unknown>): Promise<Happened[]> => {
    const { answer } = await answerOf(call);
    if (answer === 'ok') world.sent.push({ orderId, call });
    return happened(done, answer);
  };
  switch (command.kind) {
    case 'pay':
      return pay(world, order, command, happened);
    case 'expire': {
      await world.orderRows.transaction(async (tx) => {
        await tx.query(
          `update orders set document = jsonb_set(document::jsonb, '{paymentExpireTime}', to_jsonb($2::text))::json
           where id = $1 and status = 2`,
          [orderId, new Date().toISOString()],
        );
        await schedule(tx, { kind: advanceTask, key: orderId });
      });
      return happened({ kind: 'expire' }, 'ok');
    }
    case 'cancel': {
      const { actor, token } = actorOf(world, order, command.by, order.parts[0]?.vendorId ?? '');
      const item = itemOf(order, command.pieces);
      const asked = { ...id, items: item === undefined ? [] : [item] };
      const done = item === undefined ? { kind: 'cancel' as const, actor } : { kind: 'cancel' as const, actor, item };
      return sending(done, () => world.shop.client(OrderService, token).cancelOrder(asked));
    }
    case 'fulfil': {
      const part = order.parts[command.part % order.parts.length];
      const { actor, token } = actorOf(world, order, command.by, part?.vendorId ?? '');
      const to = [PartStatus.PACKED, PartStatus.SHIPPED, PartStatus.DELIVERED][command.to] ?? PartStatus.PACKED;
      const asked = { ...id, partId: part?.id ?? '', status: to };
      const done = { kind: 'fulfil' as const, actor, partId: asked.partId, to };
      return sending(done, () => world.shop.client(OrderService, token).updateFulfillment(asked));
    }
    case 'return': {
      const item = itemOf(order, command.pieces);
      if (item === undefined) return [];
      const asked = { ...id, items: [item], reason: 'too small' };
      const call = () => customer.client(OrderService).requestReturn(asked);
      const { answer, value } = await answerOf(call);
      if (answer === 'ok') world.sent.push({ orderId, call });
      return happened({ kind: 'return', ...item, returnId: value?.returnId ?? '' }, answer);
    }
    case 'resolve': {
      const one = order.returns[command.index % Math.max(1, order.returns.length)];
      if (one === undefined) return [];
      const part = order.parts.find(({ id: partId }) => partId === one.partId);
      const { actor, token } = actorOf(world, order, command.by, part?.vendorId ?? '');
      const [decision, to] = decisions[command.to] ?? decisions[0];
      const { restock } = command;
      const asked = { ...id, returnId: one.id, decision, restock };
      const done = { kind: 'resolve' as const, actor, returnId: one.id, to, restock };
      return sending(done, () => world.shop.client(OrderService, token).resolveReturn(asked));
    }
  }
}

const decisions = [
  [ReturnDecision.RECEIVE, OrderReturnStatus.RECEIVED],
  [ReturnDecision.APPROVE, OrderReturnStatus.APPROVED],
  [ReturnDecision.REJECT, OrderReturnStatus.REJECTED],
] as const;

async function changeCoupon(
  world: World,
  { coupon, change }: Extract<Command, { kind: 'coupon' }>,
): Promise<Happened[]> {
  const found = [...world.coupons.values()][coupon];
  if (found === undefined) return [];
  const { id, code, maxUses } = found;
  const to = change === 'raise' ? maxUses + 1 : Math.max(1, maxUses - 1);
  const coupons = world.shop.client(CouponService, world.people.admin.token);
  const updating = (path: string, values: object) =>
    answerOf(() =>
      coupons.updateCoupon({ requestId: requestId(), coupon: { id, ...values }, updateMask: { paths: [path] } }),
    );
  const changes = {
    pause: () => updating('paused', { paused: true }),
    resume: () => updating('paused', { paused: false }),
    raise: () => updating('max_uses', { maxUses: to }),
    lower: () => updating('max_uses', { maxUses: to }),
    delete: () => answerOf(() => coupons.deleteCoupon({ requestId: requestId(), couponId: id })),
  };
  const { answer } = await changes[change]();
  return [{ on: 'coupon', code, done: { command: { change, maxUses: to }, answer } }];
}

/** As who something is done to what that vendor sells. */
function actorOf({ people, users }: World, order: ModelOrder, by: By | 'customer', vendorId: string) {
  const { vendors, admin } = people;
  const actor = (role: OrderActor['role'], one: Pick<Account, 'id' | 'token'> | undefined) => ({
    actor: { id: one?.id ?? '', role },
    token: one?.token ?? '',
  });
  if (by === 'admin') return actor('admin', admin);
  if (by === 'customer')
    return actor(
      'customer',
      users.find(({ id }) => id === order.userId),
    );
  return actor(
    'vendor',
    vendors.find(({ id }) => (id === vendorId) === (by === 'seller')),
  );
}

function itemOf(order: ModelOrder, pieces: { readonly line: number; readonly quantity: number } | undefined) {
  const lines = order.parts.flatMap((part) => part.lines);
  const line = lines[(pieces?.line ?? 0) % Math.max(1, lines.length)];
  return pieces === undefined || line === undefined ? undefined : { lineId: line.id, quantity: pieces.quantity };
}
