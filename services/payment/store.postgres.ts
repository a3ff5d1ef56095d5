import { brokenUnique, type Database, type Sql } from '#platform/database.postgres.ts';
import { publish } from '#platform/outbox.postgres.ts';
import { schedule } from '#platform/tasks.postgres.ts';
import { paymentChanged } from './messages.ts';
import type { Changed, Payment } from './payment.ts';
import { requestIdReused } from '#platform/fault.ts';
import {
  chargeStates,
  methods,
  movementKinds,
  paymentColumns,
  paymentOf,
  refundStates,
  statuses,
  type PaymentRow,
} from './rows.postgres.ts';
import type { ChangeOptions, PaymentKey, PaymentStore } from './store.ts';

export const migrations = new URL('./migrations/', import.meta.url);

/** Sends a refund to its provider: the key is the refund's id. */
export const refundTask = 'payment.refund';

const forgetBatch = 1_000;

export function createPostgresPayments(database: Database): PaymentStore {
  async function find(key: PaymentKey): Promise<Payment | 'closed' | undefined> {
    return (await readPayment(database, key, [], ''))[0];
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
        `update payment set provider_order_id = $2, check_time = $3 where id = $1 and provider_order_id = ''`,
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

    change: (key, options, work) => database.transaction((tx) => change(tx, key, options, work)),

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

async function change(
  tx: Sql,
  key: PaymentKey,
  { now, chargeIds = [], event }: ChangeOptions,
  work: (payment: Payment) => Changed,
): Promise<Payment | undefined> {
  if (event !== undefined && !(await isNew(tx, event, now))) return undefined;
  const before = await lockPayment(tx, key, chargeIds);
  if (before === undefined || before === 'closed') return undefined;
  const { payment, movements } = work(before);
  if (payment === before) return before;
  const after = { ...payment, version: before.version + 1, updateTime: now };
  await save(tx, before, { payment: after, movements });
  if (movements.length > 0 || isEnd(before, after)) await publish(tx, paymentChanged(after));
  const known = new Set(before.refunds.map(({ id }) => id));
  const toSend = after.refunds.filter(({ id, state }) => state === 'pending' && !known.has(id));
  await schedule(tx, ...toSend.map(({ id }) => ({ kind: refundTask, key: id })));
  return after;
}

function isEnd(before: Payment, after: Payment): boolean {
  return before.status !== after.status && (after.status === 'captured' || after.status === 'canceled');
}

async function isNew(tx: Sql, { provider, id }: { provider: string; id: string }, now: Date): Promise<boolean> {
  const fresh = await tx.query(
    'insert into provider_event (provider, id, time) values ($1, $2, $3) on conflict do nothing returning 1',
    [provider, id, now],
  );
  return fresh.length > 0;
}

/**
 * Whoever waited for the lock has the row as it was left, but what belongs to it as it was before: that is read again then, now that
 * nobody can change it.
 */
async function lockPayment(tx: Sql, key: PaymentKey, chargeIds: readonly string[]) {
  const [payment, isStale] = await readPayment(tx, key, chargeIds, 'for update of p');
  return isStale ? (await readPayment(tx, key, chargeIds, ''))[0] : payment;
}

async function readPayment(
  sql: Sql,
  key: PaymentKey,
  chargeIds: readonly string[],
  lock: '' | 'for update of p',
): Promise<[payment: Payment | 'closed' | undefined, isStale: boolean]> {
  const rows = await ask();
  const [row] = rows;
  return row === undefined ? [undefined, false] : [paymentOf(row), row.seen !== row.version];

  function ask(): Promise<PaymentRow[]> {
    if ('id' in key) {
      return sql.query(`select ${paymentColumns} from payment p where p.id = $1 ${lock}`, [key.id, chargeIds]);
    }
    if ('orderId' in key) {
      return sql.query(`select ${paymentColumns} from payment p where p.order_id = $1 ${lock}`, [
        key.orderId,
        chargeIds,
      ]);
    }
    return sql.query(
      `select ${paymentColumns} from payment p
       where p.provider = $1 and p.provider_order_id = $3 and p.provider_order_id <> '' ${lock}`,
      [key.provider, chargeIds, key.providerOrderId],
    );
  }
}

/** The payment, its charges, its refunds and the ledger: one statement. The payment is locked. */
async function save(tx: Sql, before: Payment, { payment, movements }: Changed): Promise<void> {
  const chargesBefore = new Map(before.charges.map((charge) => [charge.id, charge]));
  const refundsBefore = new Map(before.refunds.map((refund) => [refund.id, refund]));
  const charges = payment.charges.filter((charge) => chargesBefore.get(charge.id) !== charge);
  const refunds = payment.refunds.filter((refund) => refundsBefore.get(refund.id) !== refund);
  try {
    await tx.query(
      `with given_charge as (
         select * from json_to_recordset($2::json) as c (id text, amount int8, state smallint, failed boolean,
           time timestamptz, is_new boolean)),
       new_charge as (
         insert into charge (provider, id, payment_id, amount, state, failed, time)
         select $3, id, $1, amount, state, failed, time from given_charge where is_new),
       old_charge as (
         update charge c set state = g.state, failed = g.failed from given_charge g
         where c.provider = $3 and c.id = g.id and not g.is_new),
       given_refund as (
         select * from json_to_recordset($4::json) as r (id text, request_id text, charge_id text, amount int8, reason text,
           state smallint, provider_id text, create_time timestamptz, done_time timestamptz, is_new boolean)),
       new_refund as (
         insert into refund (id, payment_id, request_id, charge_id, amount, reason, state, provider_id, create_time, done_time)
         select id, $1, request_id, charge_id, amount, reason, state, provider_id, create_time, done_time
         from given_refund where is_new),
       old_refund as (
         update refund r set charge_id = g.charge_id, amount = g.amount, state = g.state, provider_id = g.provider_id,
           done_time = g.done_time
         from given_refund g where r.id = g.id and not g.is_new),
       moved as (
         insert into ledger_entry (account, amount, currency, provider, kind, provider_id, payment_id, time, create_time)
         select leg.account, leg.sign * m.amount, $6, $3, m.kind, m.id, $1, m.time, $7
         from json_to_recordset($5::json) as m (kind smallint, id text, amount int8, time timestamptz)
         cross join lateral (values
           (case $3 when 'cash' then 'cash' else 'provider' end, case m.kind when 1 then 1 else -1 end),
           ('customer', case m.kind when 1 then -1 else 1 end)) as leg (account, sign))
       update payment set status = $8, paid_by = $9, captured = $10, refunded = $11, failed_attempts = $12,
         last_failure = $13, last_failure_time = $14, check_time = $15, version = $16, update_time = $7
       where id = $1`,
      [
        payment.id,
        JSON.stringify(
          charges.map(({ id, amount, state, failed, time }) => {
            const isNew = !chargesBefore.has(id);
            return { id, amount: String(amount), state: chargeStates[state], failed, time, is_new: isNew };
          }),
        ),
        payment.provider,
        JSON.stringify(
          refunds.map((refund) => ({
            id: refund.id,
            request_id: refund.requestId ?? null,
            charge_id: refund.chargeId,
            amount: String(refund.amount),
            reason: refund.reason,
            state: refundStates[refund.state],
            provider_id: refund.providerId,
            create_time: refund.createTime,
            done_time: refund.doneTime ?? null,
            is_new: !refundsBefore.has(refund.id),
          })),
        ),
        JSON.stringify(
          movements.map(({ kind, providerId, amount, time }) => {
            return { kind: movementKinds[kind], id: providerId, amount: String(amount), time };
          }),
        ),
        payment.amount.currency,
        payment.updateTime,
        statuses[payment.status],
        payment.paidBy,
        payment.captured,
        payment.refunded,
        payment.failedAttempts,
        payment.lastFailure,
        payment.lastFailureTime ?? null,
        payment.checkTime ?? null,
        payment.version,
      ],
    );
  } catch (error) {
    const taken = brokenUnique(error);
    const asked = refunds.find(({ requestId }) => requestId !== undefined)?.requestId;
    if (taken === 'refund_request_id_key' && asked !== undefined) throw requestIdReused(asked);
    const [collected] = charges;
    if (taken === 'charge_pkey' && payment.method === 'cash' && collected !== undefined)
      throw requestIdReused(collected.id);
    throw error;
  }
}
