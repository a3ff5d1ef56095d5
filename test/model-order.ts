import { OrderReturnStatus, PartStatus } from '#gen/only2u/order/v1/order_pb.ts';

// What an order may do, told apart from the services: from the contract, as small as it can be.

export type ModelLine = {
  readonly id: string;
  readonly variantId: string;
  readonly quantity: number;
  /** What was paid for all its pieces. */
  readonly total: bigint;
  readonly canceled: number;
  readonly returned: number;
};

export type ModelPart = {
  readonly id: string;
  readonly vendorId: string;
  readonly status: PartStatus;
  readonly lines: readonly ModelLine[];
  /** What was paid for it. */
  readonly shipping: bigint;
};

export type ModelReturn = {
  readonly id: string;
  readonly partId: string;
  readonly lineId: string;
  readonly quantity: number;
  readonly status: OrderReturnStatus;
  readonly restocked: boolean;
};

export type ModelOrder = {
  readonly id: string;
  readonly userId: string;
  readonly online: boolean;
  readonly stands: 'awaiting' | 'confirmed' | 'closed';
  /** Where the money is: `undecided` while a closed order's payment may still be either. */
  readonly money: 'none' | 'held' | 'taken' | 'undecided' | 'refused';
  readonly closeReason: string;
  readonly parts: readonly ModelPart[];
  readonly returns: readonly ModelReturn[];
  readonly coupons: readonly { readonly code: string; readonly amount: bigint }[];
};

export type OrderActor = { readonly id: string; readonly role: 'customer' | 'vendor' | 'admin' };

export type OrderCommand =
  | { readonly kind: 'pay'; readonly declined: boolean; readonly tells: boolean }
  | {
      readonly kind: 'cancel';
      readonly actor: OrderActor;
      readonly item?: { readonly lineId: string; readonly quantity: number };
    }
  | { readonly kind: 'fulfil'; readonly actor: OrderActor; readonly partId: string; readonly to: PartStatus }
  | { readonly kind: 'return'; readonly lineId: string; readonly quantity: number; readonly returnId: string }
  | {
      readonly kind: 'resolve';
      readonly actor: OrderActor;
      readonly returnId: string;
      readonly to: OrderReturnStatus;
      readonly restock: boolean;
    }
  /** The time to pay is over: it need not have come to it when other things were quicker. */
  | { readonly kind: 'expire' }
  /** Asked before, and answered: nothing may happen. */
  | { readonly kind: 'again' };

export type Outcome<S> = { readonly state: S; readonly answer: string };

/** What the command may answer, and the order after it: several where services decide one after the other. */
export function stepOrder(start: ModelOrder, command: OrderCommand): Outcome<ModelOrder>[] {
  // The confirmation follows the money when it likes.
  const before = start.stands === 'awaiting' && start.money === 'taken' ? [start, confirmed(start)] : [start];
  return before.flatMap((order) => stepOne(order, command));
}

/** Where it may be once nothing is left to be done. */
export function restingStates(order: ModelOrder): ModelOrder[] {
  if (order.stands === 'awaiting' && order.money === 'taken') return [confirmed(order)];
  if (order.stands === 'awaiting' && order.money === 'held') return [order, confirmed({ ...order, money: 'taken' })];
  if (order.stands === 'awaiting' && order.money === 'refused') return [closed(order, 'PAYMENT_TIMED_OUT')];
  return order.money === 'undecided' ? [{ ...order, money: 'refused' }] : [order];
}

function stepOne(order: ModelOrder, command: OrderCommand): Outcome<ModelOrder>[] {
  switch (command.kind) {
    case 'again':
      return ok(order);
    case 'pay':
      return pay(order, command);
    case 'expire': {
      const open = order.stands === 'awaiting' && (order.money === 'none' || order.money === 'held');
      const refused: ModelOrder = { ...order, money: 'refused' };
      return open ? [...ok(order), ...ok(refused), ...ok(closed(refused, 'PAYMENT_TIMED_OUT'))] : ok(order);
    }
    case 'cancel':
      return cancel(order, command);
    case 'fulfil': {
      const { actor, partId, to } = command;
      const part = order.parts.find(({ id }) => id === partId);
      if (part === undefined || !sees(order, actor, part)) return refused(order, 'ORDER_NOT_FOUND');
      if (!moves[part.status]?.includes(to)) return refused(order, 'ILLEGAL_MOVE');
      return ok(withPart(order, { ...part, status: to }));
    }
    case 'return': {
      const { lineId, quantity, returnId: id } = command;
      const { part, line } = lineOf(order, lineId);
      if (part.status !== PartStatus.DELIVERED) return refused(order, 'NOT_RETURNABLE');
      const asked = order.returns.filter((one) => one.lineId === lineId && open.includes(one.status));
      const left = asked.reduce((sum, one) => sum - one.quantity, line.quantity - line.canceled - line.returned);
      if (quantity > left) return refused(order, 'QUANTITY_TOO_LARGE');
      const status = OrderReturnStatus.REQUESTED;
      return ok({
        ...order,
        returns: [...order.returns, { id, partId: part.id, lineId, quantity, status, restocked: false }],
      });
    }
    case 'resolve':
      return resolve(order, command);
  }
}

const open: readonly OrderReturnStatus[] = [OrderReturnStatus.REQUESTED, OrderReturnStatus.APPROVED];

const { PACKED, SHIPPED, DELIVERED } = PartStatus;
const moves: Readonly<Partial<Record<PartStatus, readonly PartStatus[]>>> = {
  [PartStatus.CONFIRMED]: [PACKED, SHIPPED, DELIVERED],
  [PACKED]: [SHIPPED, DELIVERED],
  [SHIPPED]: [DELIVERED],
};

function pay(order: ModelOrder, { declined, tells }: { readonly declined: boolean; readonly tells: boolean }) {
  if (declined) return ok(order);
  if (!tells) return ok(order.money === 'none' ? { ...order, money: 'held' } : order);
  const taken: ModelOrder = { ...order, money: 'taken' };
  if (order.money === 'refused') return refused(order, 'PAYMENT_CANCELED');
  if (order.money !== 'undecided') return ok(taken);
  return [...ok(taken), ...refused({ ...order, money: 'refused' }, 'PAYMENT_CANCELED')];
}

function cancel(order: ModelOrder, { actor, item }: Extract<OrderCommand, { kind: 'cancel' }>): Outcome<ModelOrder>[] {
  if (!order.parts.some((part) => sees(order, actor, part))) return refused(order, 'ORDER_NOT_FOUND');
  if (order.stands === 'awaiting') {
    if (item !== undefined) return refused(order, 'NOT_CANCELABLE');
    const money = order.money === 'none' || order.money === 'held' ? 'undecided' : order.money;
    return ok({ ...closed(order, `CANCELED_BY_${actor.role.toUpperCase()}`), money });
  }
  const mine = order.parts.filter((part) => sees(order, actor, part));
  const cancelable = mine.filter(({ status }) => status === PartStatus.CONFIRMED);
  if (cancelable.length === 0) return refused(order, 'NOT_CANCELABLE');
  let after = order;
  if (item === undefined) {
    for (const part of cancelable) {
      const lines = part.lines.map((line) => ({ ...line, canceled: line.quantity }));
      after = withPart(after, { ...part, lines, status: PartStatus.CANCELED });
    }
  } else {
    const { part, line } = lineOf(order, item.lineId);
    if (!mine.includes(part)) return refused(order, 'LINE_NOT_FOUND');
    if (!cancelable.includes(part)) return refused(order, 'NOT_CANCELABLE');
    if (item.quantity > line.quantity - line.canceled) return refused(order, 'QUANTITY_TOO_LARGE');
    const lines = part.lines.map((one) => (one === line ? { ...one, canceled: one.canceled + item.quantity } : one));
    const isGone = lines.every(({ canceled, quantity }) => canceled === quantity);
    after = withPart(order, { ...part, lines, status: isGone ? PartStatus.CANCELED : part.status });
  }
  const isGone = after.parts.every(({ status }) => status === PartStatus.CANCELED);
  return ok(isGone ? { ...after, stands: 'closed', closeReason: `CANCELED_BY_${actor.role.toUpperCase()}` } : after);
}

function resolve(order: ModelOrder, command: Extract<OrderCommand, { kind: 'resolve' }>): Outcome<ModelOrder>[] {
  const { actor, returnId, to, restock } = command;
  const one = order.returns.find(({ id }) => id === returnId);
  const part = order.parts.find(({ id }) => id === one?.partId);
  if (one === undefined || part === undefined || !sees(order, actor, part)) return refused(order, 'ORDER_NOT_FOUND');
  const mayBe = open.includes(one.status) && to !== one.status;
  if (!mayBe) return refused(order, 'ILLEGAL_MOVE');
  const received = to === OrderReturnStatus.RECEIVED;
  const lines = part.lines.map((line) =>
    received && line.id === one.lineId ? { ...line, returned: line.returned + one.quantity } : line,
  );
  const after = { ...one, status: to, restocked: received && restock };
  const returns = order.returns.map((other) => (other === one ? after : other));
  return ok({ ...withPart(order, { ...part, lines }), returns });
}

// A vendor's own parts, from the confirmation on.
function sees(order: ModelOrder, actor: OrderActor, part: ModelPart): boolean {
  if (actor.role !== 'vendor') return true;
  return part.vendorId === actor.id && wasConfirmed(order);
}

/** Whether its vendors ever saw it. One that was closed before has all its pieces still. */
export function wasConfirmed({ stands, parts }: ModelOrder): boolean {
  const lines = parts.flatMap((part) => part.lines);
  return (
    stands === 'confirmed' || (stands === 'closed' && lines.every(({ canceled, quantity }) => canceled === quantity))
  );
}

export function confirmed(order: ModelOrder): ModelOrder {
  const parts = order.parts.map((part) => ({ ...part, status: PartStatus.CONFIRMED }));
  return { ...order, stands: 'confirmed', parts };
}

export function closed(order: ModelOrder, closeReason: string): ModelOrder {
  const parts = order.parts.map((part) => ({ ...part, status: PartStatus.CANCELED }));
  return { ...order, stands: 'closed', closeReason, parts };
}

function lineOf(order: ModelOrder, lineId: string): { readonly part: ModelPart; readonly line: ModelLine } {
  for (const part of order.parts) {
    const line = part.lines.find(({ id }) => id === lineId);
    if (line !== undefined) return { part, line };
  }
  throw new Error(`the order ${order.id} has no line ${lineId}`);
}

function withPart(order: ModelOrder, part: ModelPart): ModelOrder {
  return { ...order, parts: order.parts.map((one) => (one.id === part.id ? part : one)) };
}

function ok(state: ModelOrder): Outcome<ModelOrder>[] {
  return [{ state, answer: 'ok' }];
}

function refused(state: ModelOrder, answer: string): Outcome<ModelOrder>[] {
  return [{ state, answer }];
}
