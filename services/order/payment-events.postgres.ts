import { PaymentChangedSchema } from '#gen/only2u/payment/v1/events_pb.ts';
import { on, type EventHandler } from '#platform/outbox.postgres.ts';
import { notePayment } from './order-checkout.ts';
import { changeOrder } from './store.postgres.ts';
import { takenOf } from './taken.grpc.ts';

/** What was taken for an order is noted, and the order goes on. The events may come late, twice and in any order. */
export function onPaymentChanged(now: () => Date): EventHandler {
  return on(PaymentChangedSchema, async (tx, event) => {
    await changeOrder(tx, event.orderId, (order) =>
      order.currency === event.captured?.currency ? notePayment(order, takenOf(order.method, event), now()) : order,
    );
  });
}
