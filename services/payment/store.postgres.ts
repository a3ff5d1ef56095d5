import type { Database } from '#platform/database.postgres.ts';
import { changePayment } from './changing.postgres.ts';
import type { Payment } from './payment.ts';
import { methods, paymentColumns, paymentOf, readPayment, statuses, type PaymentRow } from './rows.postgres.ts';
import type { PaymentKey, PaymentStore } from './store.ts';

export const migrations = new URL('./migrations/', import.meta.url);

const forgetBatch = 1_000;

export function createPostgresPayments(database: Database): PaymentStore {
  async function find(key: PaymentKey, chargeIds?: readonly string[]): Promise<Payment | 'closed' | undefined> {
    return (await readPayment(database, key, { chargeIds })).payment;
  }

  return {
    find,

    async insert(payment) {
      const { id, orderId, userId, amount, method, provider, providerOrderId, status, checkTime, createTime } = payment;
      const made = await database.query(
        `insert into payment (id, order_id, user_id, currency, amount, method, provider, provider_order_id, status,
           check_time, create_time, update_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
         on conflict (order_id) do nothing returning 1`,
        [
          id,
          orderId,
          userId,
          amount.currency,
          amount.minorUnits,
          methods[method],
          provider,
          providerOrderId,
          statuses[status],
          checkTime ?? null,
          createTime,
        ],
      );
      if (made.length > 0) return { made: true, payment };
      return { made: false, payment: await there(find({ orderId })) };
    },

    async setProviderOrder(id, providerOrderId, checkTime) {
      await database.query(
        `update payment set provider_order_id = $2, check_time = $3, version = version + 1
         where id = $1 and provider_order_id = ''`,
        [id, providerOrderId, checkTime],
      );
      const payment = await there(find({ id }));
      if (payment === 'closed') throw new Error(`${id} is closed and has no provider`);
      return payment;
    },

    async close({ id, orderId, now }) {
      const made = await database.query(
        `insert into payment (id, order_id, user_id, currency, amount, method, provider, status, create_time, update_time)
         values ($1, $2, '', '', 0, 0, '', $3, $4, $4)
         on conflict (order_id) do nothing returning 1`,
        [id, orderId, statuses.canceled, now],
      );
      return made.length > 0 ? 'closed' : there(find({ orderId }));
    },

    change: (key, options, work) => changePayment(database, key, options, work),

    async findRefund(refundId) {
      const [owner] = await database.query<{ id: string }>('select payment_id as id from refund where id = $1', [
        refundId,
      ]);
      const payment = owner && (await find({ id: owner.id }));
      return payment === 'closed' ? undefined : payment;
    },

    async takeDueChecks({ now, leaseMs, limit }) {
      const rows = await database.query<{ id: string }>(
        `update payment set check_time = $1::timestamptz + $3::int8 * interval '1 ms' where id in (
           select id from payment where check_time <= $1 order by check_time limit $2 for update skip locked)
         returning id`,
        [now, limit, leaseMs],
      );
      if (rows.length === 0) return [];
      const payments = await database.query<PaymentRow>(
        `select ${paymentColumns} from payment p where p.id = any($1)`,
        [rows.map(({ id }) => id), []],
      );
      return payments.flatMap((row) => {
        const payment = paymentOf(row);
        return payment === 'closed' ? [] : [payment];
      });
    },

    async nextCheckTime() {
      const [next] = await database.query<{ time: Date | null }>(
        'select min(check_time) as time from payment where check_time is not null',
      );
      return next?.time ?? undefined;
    },

    async forgetEvents(before) {
      await database.query(
        `delete from provider_event where (provider, id) in (
           select provider, id from provider_event where time < $1 order by time limit $2)`,
        [before, forgetBatch],
      );
    },
  };
}

async function there(found: Promise<Payment | 'closed' | undefined>): Promise<Payment | 'closed'> {
  const payment = await found;
  if (payment === undefined) throw new Error('payments are never deleted, and one is missing');
  return payment;
}
