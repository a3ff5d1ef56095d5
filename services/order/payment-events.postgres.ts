import { PaymentChangedSchema } from '#gen/only2u/payment/v1/events_pb.ts';
import { onChange } from '#platform/change.postgres.ts';
import type { EventHandler } from '#platform/outbox.postgres.ts';
import { notePayment } from './order-checkout.ts';
import { orderChange } from './store.postgres.ts';
import { takenOf } from './taken.grpc.ts';

/** What was taken for an order is noted, and the order goes on. The events may come late, twice and in any order. */
export function onPaymentChanged(now: () => Date): EventHandler {
  return onChange(PaymentChangedSchema, (sql, event) =>
    orderChange(sql, event.orderId, (order) =>
      order.currency === event.captured?.currency ? notePayment(order, takenOf(order.method, event), now()) : order,
    ),
  );
}
