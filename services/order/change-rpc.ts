import { create, type DescMessage, type DescMethodUnary, type MessageShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Logger } from 'pino';
import {
  CancelOrderResponseSchema,
  OrderService,
  RequestReturnResponseSchema,
  ResolveReturnResponseSchema,
  ReturnDecision,
  UpdateFulfillmentResponseSchema,
  type UpdateFulfillmentRequest,
} from '#gen/only2u/order/v1/order_pb.ts';
import { Fault, invalidField } from '#platform/fault.ts';
import { repeatable } from '#platform/repeatable.ts';
import { requireUser, type User } from '#platform/rpc/call.ts';
import type { Env } from '#platform/service.ts';
import { actorFor, assertSells, viewOf } from './access.ts';
import type { Checkout } from './checkout.grpc.ts';
import { orderMessage, partNumbers, wordFor } from './encode.ts';
import { financialYear, invoiceNumber } from './invoice.ts';
import { close } from './order-checkout.ts';
import { cancelItems, closeMessages, fulfill, needsInvoice, type Cancelation } from './order-fulfillment.ts';
import { requestReturn, resolveReturn, returnOf, type Resolution } from './order-return.ts';
import { assertEtag, nameOf, orderNotFound, partOf, type Order, type PartStatus } from './order.ts';
import { advanceInline } from './place-rpc.ts';
import type { OrderStore, OrderTx } from './store.ts';

export type ChangeRpcOptions = Pick<Env, 'now' | 'newId'> & {
  readonly store: OrderStore;
  readonly checkout: Checkout;
  readonly log: Logger;
};

type ChangeRpc = Pick<
  ServiceImpl<typeof OrderService>,
  'cancelOrder' | 'updateFulfillment' | 'requestReturn' | 'resolveReturn'
>;

/** The methods of OrderService that change an order. What is answered is the order as it stands now, to a repeated call too. */
export function createChangeRpc(options: ChangeRpcOptions): ChangeRpc {
  const { store, now, newId } = options;
  const { method } = OrderService;

  type Work<O extends DescMessage> = (
    order: Order | undefined,
    time: Date,
    tx: OrderTx,
  ) => Promise<{ readonly order: Order; readonly answer: MessageShape<O> }>;

  function change<I extends DescMessage, O extends DescMessage>(
    called: DescMethodUnary<I, O>,
    request: MessageShape<I> & { readonly requestId: string; readonly orderId: string },
    user: User,
    work: Work<O>,
  ) {
    const time = now();
    const repeat = repeatable(called, request, { actor: user.id, now: time });
    return store.change(request.orderId, repeat, (order, tx) => work(order, time, tx));
  }

  function shownTo(user: User, order: Order) {
    const { actor } = actorFor(user, order, order.id);
    return orderMessage(order, { view: viewOf(actor), history: true });
  }

  return {
    async cancelOrder(request) {
      const user = requireUser();
      const { order } = await change(method.cancelOrder, request, user, async (found, time) => {
        const { order: before, actor } = actorFor(user, found, request.orderId);
        assertEtag(before, request.etag);
        const { items, reason } = request;
        return {
          order: canceled(before, { items, actor, reason, newId }, time),
          answer: create(CancelOrderResponseSchema),
        };
      });
      // What was not confirmed is given back at once if that goes quickly; the rest is the task's.
      const after = order.confirmTime === undefined ? await advanceInline(order, options) : order;
      return { order: shownTo(user, after) };
    },

    async updateFulfillment(request) {
      const user = requireUser();
      const { order } = await change(method.updateFulfillment, request, user, async (found, time, tx) => {
        const before = assertSells(user, found, request.orderId, request.partId);
        assertEtag(before, request.etag);
        const part = partOf(before, request.partId);
        const asked = fulfillmentOf(request);
        // The move is tried without a number first: one that is refused takes none.
        const after = fulfill(before, { ...asked, partId: part.id, invoiceNumber: undefined }, time);
        const answer = create(UpdateFulfillmentResponseSchema);
        if (!needsInvoice(part, asked.status)) return { order: after, answer };
        const year = financialYear(time);
        const number = invoiceNumber(year, await tx.nextInvoice(part.vendorId, year));
        return { order: fulfill(before, { ...asked, partId: part.id, invoiceNumber: number }, time), answer };
      });
      return { order: shownTo(user, order) };
    },

    async requestReturn(request) {
      const user = requireUser();
      const { order, answer } = await change(method.requestReturn, request, user, async (found, time) => {
        const { order: before, actor } = actorFor(user, found, request.orderId);
        if (actor.role === 'vendor') throw orderNotFound(request.orderId); // it is the customer's to ask
        const returnId = newId('ret');
        const { items, reason } = request;
        const after = requestReturn(before, { id: returnId, items: items.map(itemOf), reason }, time);
        return { order: after, answer: create(RequestReturnResponseSchema, { returnId }) };
      });
      return { order: shownTo(user, order), returnId: answer.returnId };
    },

    async resolveReturn(request) {
      const user = requireUser();
      const status = decisions[request.decision];
      if (status === undefined) throw invalidField('decision', 'UNKNOWN', 'is no decision');
      const { order } = await change(method.resolveReturn, request, user, async (found, time) => {
        const { returnId, restock, note } = request;
        const partId = found?.returns.find(({ id }) => id === returnId)?.partId;
        const before = assertSells(user, found, request.orderId, partId);
        returnOf(before, returnId);
        const after = resolveReturn(before, { returnId, status, restock, note, newId }, time);
        return { order: after, answer: create(ResolveReturnResponseSchema) };
      });
      return { order: shownTo(user, order) };
    },
  };
}

const decisions: Readonly<Partial<Record<ReturnDecision, Resolution['status']>>> = {
  [ReturnDecision.APPROVE]: 'approved',
  [ReturnDecision.REJECT]: 'rejected',
  [ReturnDecision.RECEIVE]: 'received',
};

// Before it is confirmed only the whole order can be canceled: its payment is for all of it.
function canceled(order: Order, cancelation: Cancelation, now: Date): Order {
  const { items, actor } = cancelation;
  if (order.status === 'pending') {
    const text = 'The order is still being placed; try again in a moment.';
    throw new Fault('aborted', 'ORDER_BEING_PLACED', text, { retryAfterMs: 2_000 });
  }
  if (order.status !== 'awaiting-payment') return cancelItems(order, { ...cancelation, items: items.map(itemOf) }, now);
  if (items.length > 0) {
    const text = 'Before it is paid, an order can only be canceled as a whole: leave the items out.';
    throw new Fault('failed-precondition', 'NOT_CANCELABLE', text, { metadata: { status: nameOf(order.status) } });
  }
  return close(order, { reason: `CANCELED_BY_${nameOf(actor.role)}`, message: closeMessages[actor.role] }, now);
}

function itemOf({ lineId, quantity }: { readonly lineId: string; readonly quantity: number }) {
  return { lineId, quantity };
}

type Asked = {
  readonly status: PartStatus | undefined;
  readonly carrier: string | undefined;
  readonly trackingNumber: string | undefined;
};

const maskPaths = new Set(['status', 'carrier', 'tracking_number']);

function fulfillmentOf({ status: number, carrier, trackingNumber, updateMask }: UpdateFulfillmentRequest): Asked {
  const paths = updateMask?.paths ?? [];
  const unknown = paths.find((path) => !maskPaths.has(path));
  if (unknown !== undefined)
    throw invalidField('update_mask', 'MASK_PATH_UNKNOWN', `"${unknown}" is not one of ${[...maskPaths].join(', ')}`);
  const names = (path: string, isSet: boolean): boolean => (paths.length > 0 ? paths.includes(path) : isSet);
  const status = wordFor(partNumbers, number);
  if (paths.includes('status') && status === undefined)
    throw invalidField('status', 'REQUIRED', 'says where the part stands now');
  const asked = {
    status: names('status', status !== undefined) ? status : undefined,
    carrier: names('carrier', carrier !== '') ? carrier : undefined,
    trackingNumber: names('tracking_number', trackingNumber !== '') ? trackingNumber : undefined,
  };
  if (Object.values(asked).every((value) => value === undefined))
    throw invalidField('status', 'NOTHING_TO_CHANGE', 'or the carrier or its number says what to change');
  return asked;
}
