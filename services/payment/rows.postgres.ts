import type { Sql } from '#platform/database.postgres.ts';
import type { Charge, Payment, PaymentMethod, PaymentStatus, Refund } from './payment.ts';
import type { ChangeOptions, PaymentKey } from './store.ts';

/** The numbers that stand for names in the tables. */
export const methods = { online: 1, cash: 2 } as const satisfies Record<PaymentMethod, number>;
export const statuses = { pending: 1, authorized: 2, captured: 3, canceled: 4 } as const satisfies Record<
  PaymentStatus,
  number
>;
export const chargeStates = { failed: 1, authorized: 2, captured: 3 } as const satisfies Record<
  Charge['state'],
  number
>;
export const refundStates = { pending: 1, failed: 2, succeeded: 3 } as const satisfies Record<Refund['state'], number>;
export const movementKinds = { captured: 1, refunded: 2 } as const;

export type PaymentRow = {
  readonly id: string;
  readonly order_id: string;
  readonly user_id: string;
  readonly currency: string;
  readonly amount: bigint;
  readonly method: number;
  readonly provider: string;
  readonly provider_order_id: string;
  readonly status: number;
  readonly paid_by: string;
  readonly captured: bigint;
  readonly refunded: bigint;
  readonly failed_attempts: number;
  readonly last_failure: string;
  readonly last_failure_time: Date | null;
  readonly check_time: Date | null;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
  /** The version by which `charges` and `refunds` were read. */
  readonly seen: number;
  readonly charges: readonly ChargeRow[];
  readonly refunds: readonly RefundRow[];
};

type ChargeRow = {
  readonly id: string;
  readonly amount: string;
  readonly state: number;
  readonly failed: boolean;
  readonly time: string;
};

type RefundRow = {
  readonly id: string;
  readonly request_id: string | null;
  readonly charge_id: string;
  readonly amount: string;
  readonly reason: string;
  readonly state: number;
  readonly provider_id: string;
  readonly create_time: string;
  readonly done_time: string | null;
};

/** A payment whole, in one row. `$2` names the charges to bring beside those that hold money. */
export const paymentColumns = `p.*, (select q.version from payment q where q.id = p.id) as seen,
  (select coalesce(json_agg(json_build_object('id', c.id, 'amount', c.amount::text, 'state', c.state, 'failed', c.failed,
     'time', c.time)), '[]')
   from charge c where c.payment_id = p.id and (c.state > 1 or c.id = any($2))) as charges,
  (select coalesce(json_agg(json_build_object('id', r.id, 'request_id', r.request_id, 'charge_id', r.charge_id,
     'amount', r.amount::text, 'reason', r.reason, 'state', r.state, 'provider_id', r.provider_id,
     'create_time', r.create_time, 'done_time', r.done_time) order by r.create_time, r.id), '[]')
   from refund r where r.payment_id = p.id) as refunds`;

export function paymentOf(row: PaymentRow): Payment | 'closed' {
  if (row.method === 0) return 'closed';
  return {
    id: row.id,
    orderId: row.order_id,
    userId: row.user_id,
    amount: { minorUnits: row.amount, currency: row.currency },
    method: nameOf(methods, row.method),
    provider: row.provider,
    providerOrderId: row.provider_order_id,
    status: nameOf(statuses, row.status),
    paidBy: row.paid_by,
    captured: row.captured,
    refunded: row.refunded,
    failedAttempts: row.failed_attempts,
    lastFailure: row.last_failure,
    lastFailureTime: row.last_failure_time ?? undefined,
    checkTime: row.check_time ?? undefined,
    charges: row.charges.map(chargeOf),
    refunds: row.refunds.map(refundOf),
    version: row.version,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}

function chargeOf({ id, amount, state, failed, time }: ChargeRow): Charge {
  return { id, amount: BigInt(amount), state: nameOf(chargeStates, state), failed, time: new Date(time) };
}

function refundOf(row: RefundRow): Refund {
  return {
    id: row.id,
    requestId: row.request_id ?? undefined,
    chargeId: row.charge_id,
    amount: BigInt(row.amount),
    reason: row.reason,
    state: nameOf(refundStates, row.state),
    providerId: row.provider_id,
    createTime: new Date(row.create_time),
    doneTime: row.done_time === null ? undefined : new Date(row.done_time),
  };
}

function nameOf<Name extends string>(numbers: Readonly<Record<Name, number>>, number: number): Name {
  for (const name in numbers) if (numbers[name] === number) return name;
  throw new Error(`a row holds the unknown number ${number}`);
}

export type ReadOptions = Pick<Partial<ChangeOptions>, 'chargeIds' | 'event'> & { readonly lock?: boolean };

export type ReadPayment = {
  readonly payment: Payment | 'closed' | undefined;
  /** Who waited for the lock has the row as it was left, but what belongs to it as it was before. */
  readonly isStale: boolean;
  /** Whether the event was handled before. */
  readonly isKnown: boolean;
};

export async function readPayment(
  sql: Sql,
  key: PaymentKey,
  { chargeIds = [], event, lock = false }: ReadOptions,
): Promise<ReadPayment> {
  const more = [chargeIds, event?.provider ?? '', event?.id ?? ''];
  const [row] = await ask();
  if (row === undefined) return { payment: undefined, isStale: false, isKnown: false };
  return { payment: paymentOf(row), isStale: row.seen !== row.version, isKnown: row.is_known };

  function ask(): Promise<(PaymentRow & { readonly is_known: boolean })[]> {
    const end = lock ? 'for update of p' : '';
    if ('id' in key) return sql.query(`${reading} p.id = $1 ${end}`, [key.id, ...more]);
    if ('orderId' in key) return sql.query(`${reading} p.order_id = $1 ${end}`, [key.orderId, ...more]);
    return sql.query(`${reading} p.provider = $1 and p.provider_order_id = $5 and p.provider_order_id <> '' ${end}`, [
      key.provider,
      ...more,
      key.providerOrderId,
    ]);
  }
}

const reading = `select ${paymentColumns},
    exists (select from provider_event e where e.provider = $3 and e.id = $4) as is_known
  from payment p where`;
