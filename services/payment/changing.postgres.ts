import { changeWith } from '#platform/change.postgres.ts';
import { brokenUnique, type Database, type Sql } from '#platform/database.postgres.ts';
import { requestIdReused } from '#platform/fault.ts';
import { paymentChanged } from './messages.ts';
import type { Changed, Payment } from './payment.ts';
import { chargeStates, movementKinds, readPayment, refundStates, statuses } from './rows.postgres.ts';
import type { ChangeOptions, PaymentKey } from './store.ts';

/** Sends a refund to its provider: the key is the refund's id. */
export const refundTask = 'payment.refund';

type Work = (payment: Payment) => Changed;
type Outcome = { readonly payment: Payment | undefined };

/** `change` of the store: by comparing and setting, twice at most, and then under a lock, so that nobody loses for ever. */
export async function changePayment(
  database: Database,
  key: PaymentKey,
  options: ChangeOptions,
  work: Work,
): Promise<Payment | undefined> {
  const { found } = options;
  // What was found may be old: only what is written by it counts, since that compares.
  const first = found && (await write(database, found, options, work));
  if (first !== undefined && first.payment !== found) return first.payment;
  const outcome = (await look(database)) ?? (await database.transaction(lockAndLook));
  if (outcome === undefined) throw new Error('a payment changed while it was locked');
  return outcome.payment;

  async function look(sql: Sql): Promise<Outcome | undefined> {
    const { payment, isKnown } = await readPayment(sql, key, options);
    if (payment === undefined || payment === 'closed' || isKnown) return { payment: undefined };
    return write(sql, payment, options, work);
  }

  // Whoever waited for the lock reads again: now nobody can change it.
  async function lockAndLook(tx: Sql): Promise<Outcome | undefined> {
    const { payment, isKnown, isStale } = await readPayment(tx, key, { ...options, lock: true });
    if (isStale) return look(tx);
    if (payment === undefined || payment === 'closed' || isKnown) return { payment: undefined };
    return write(tx, payment, options, work);
  }
}

/** Answers undefined when the payment is another by now. */
async function write(
  sql: Database | Sql,
  before: Payment,
  options: ChangeOptions,
  work: Work,
): Promise<Outcome | undefined> {
  const { payment, movements } = work(before);
  if (payment === before) return { payment };
  const after = { ...payment, version: before.version + 1, updateTime: options.now };
  const isTold = movements.length > 0 || isEnd(before, after);
  const known = new Set(before.refunds.map(({ id }) => id));
  const toSend = after.refunds.filter(({ id, state }) => state === 'pending' && !known.has(id));
  const { charges, refunds } = differences(before, after);
  try {
    const won = await changeWith(sql, {
      text,
      also,
      values: valuesOf({ before, after, charges, refunds, movements, event: options.event }),
      events: isTold ? [paymentChanged(after)] : [],
      tasks: toSend.map(({ id }) => ({ kind: refundTask, key: id })),
    });
    return won ? { payment: after } : undefined;
  } catch (error) {
    const taken = brokenUnique(error);
    const asked = refunds.find(({ requestId }) => requestId !== undefined)?.requestId;
    if (taken === 'refund_request_id_key' && asked !== undefined) throw requestIdReused(asked);
    const [collected] = charges;
    if (taken === 'charge_pkey' && after.method === 'cash' && collected !== undefined)
      throw requestIdReused(collected.id);
    throw error;
  }
}

function isEnd(before: Payment, after: Payment): boolean {
  return before.status !== after.status && (after.status === 'captured' || after.status === 'canceled');
}

function differences(before: Payment, after: Payment) {
  const known = new Set<unknown>([...before.charges, ...before.refunds]);
  return {
    charges: after.charges.filter((charge) => !known.has(charge)),
    refunds: after.refunds.filter((refund) => !known.has(refund)),
  };
}

// The payment first: who has it changes the rest alone.
const text = `update payment set status = $8, paid_by = $9, captured = $10, refunded = $11, failed_attempts = $12,
    last_failure = $13, last_failure_time = $14, check_time = $15, version = $16, update_time = $7
  where id = $1 and version = $17 returning id`;

const givenCharges = `json_to_recordset($2::json) as g (id text, amount int8, state smallint, failed boolean, time timestamptz,
    is_new boolean)`;
const givenRefunds = `json_to_recordset($4::json) as g (id text, request_id text, charge_id text, amount int8, reason text,
    state smallint, provider_id text, create_time timestamptz, done_time timestamptz, is_new boolean)`;

const also = [
  // Without "on conflict": an event that is known would undo the whole.
  'insert into provider_event (provider, id, time) select $18, $19, $7 from changed where $19::text is not null',
  `insert into charge (provider, id, payment_id, amount, state, failed, time)
   select $3, g.id, changed.id, g.amount, g.state, g.failed, g.time from changed cross join ${givenCharges} where g.is_new`,
  `update charge c set state = g.state, failed = g.failed from changed cross join ${givenCharges}
   where c.provider = $3 and c.id = g.id and not g.is_new`,
  `insert into refund (id, payment_id, request_id, charge_id, amount, reason, state, provider_id, create_time, done_time)
   select g.id, changed.id, g.request_id, g.charge_id, g.amount, g.reason, g.state, g.provider_id, g.create_time, g.done_time
   from changed cross join ${givenRefunds} where g.is_new`,
  `update refund r set charge_id = g.charge_id, amount = g.amount, state = g.state, provider_id = g.provider_id,
     done_time = g.done_time
   from changed cross join ${givenRefunds} where r.id = g.id and not g.is_new`,
  `insert into ledger_entry (account, amount, currency, provider, kind, provider_id, payment_id, time, create_time)
   select leg.account, leg.sign * m.amount, $6, $3, m.kind, m.id, changed.id, m.time, $7
   from changed cross join json_to_recordset($5::json) as m (kind smallint, id text, amount int8, time timestamptz)
   cross join lateral (values
     (case $3 when 'cash' then 'cash' else 'provider' end, case m.kind when 1 then 1 else -1 end),
     ('customer', case m.kind when 1 then -1 else 1 end)) as leg (account, sign)`,
];

type Written = ReturnType<typeof differences> &
  Pick<Changed, 'movements'> &
  Pick<ChangeOptions, 'event'> & { readonly before: Payment; readonly after: Payment };

function valuesOf({ before, after, charges, refunds, movements, event }: Written): readonly unknown[] {
  const chargesBefore = new Set(before.charges.map(({ id }) => id));
  const refundsBefore = new Set(before.refunds.map(({ id }) => id));
  return [
    after.id,
    JSON.stringify(
      charges.map(({ id, amount, state, failed, time }) => {
        return { id, amount: String(amount), state: chargeStates[state], failed, time, is_new: !chargesBefore.has(id) };
      }),
    ),
    after.provider,
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
    after.amount.currency,
    after.updateTime,
    statuses[after.status],
    after.paidBy,
    after.captured,
    after.refunded,
    after.failedAttempts,
    after.lastFailure,
    after.lastFailureTime ?? null,
    after.checkTime ?? null,
    after.version,
    before.version,
    event?.provider ?? null,
    event?.id ?? null,
  ];
}
