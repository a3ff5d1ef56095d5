import { createHash } from 'node:crypto';
import { z } from 'zod';
import { changeWith } from '#platform/change.postgres.ts';
import type { Database, Sql } from '#platform/database.postgres.ts';
import { Fault, requestIdReused } from '#platform/fault.ts';
import { schedule, type TaskToDo } from '#platform/tasks.postgres.ts';
import type { ChargeFact, Fact, RefundFact } from './facts.ts';
import {
  providerRefused,
  signatureInvalid,
  webhookMalformed,
  type Provider,
  type ProviderMovement,
} from './provider.ts';
import { isSignature, signatureOf } from './signature.ts';
import { arrivals, draw, type Faults } from './test-faults.ts';

/** Brings an event of the test provider: the key is the event's id and which time it comes, the body is the event. */
export const testEventTask = 'payment.test-event';

export type TestProviderOptions = {
  readonly database: Database;
  readonly secret: string;
  readonly faults: Faults;
  now(): Date;
};

export type TestPayment = { readonly chargeId: string; readonly signature: string };

/** The provider, and what its page can do. */
export type TestProvider = Provider & {
  pay(asked: {
    readonly requestId: string;
    readonly orderId: string;
    readonly declined: boolean;
  }): Promise<TestPayment>;
  /** As it signs its events. */
  sign(body: Uint8Array): string;
};

type ChargeRow = {
  readonly id: string;
  readonly order_id: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly state: ChargeFact['state'];
  readonly time: Date;
};

const pageSize = 500;
const declinedText = 'The bank declined the payment.';

const amountShape = z.object({ minor_units: z.string().regex(/^\d{1,13}$/), currency: z.string().regex(/^[A-Z]{3}$/) });
const eventShape = z.object({
  created_at: z.iso.datetime(),
  order_id: z.string(),
  charge: z.object({
    id: z.string(),
    amount: amountShape,
    state: z.enum(['failed', 'authorized', 'captured']),
    time: z.iso.datetime(),
  }),
  refund: z.object({ id: z.string(), receipt: z.string(), amount: amountShape, time: z.iso.datetime() }).optional(),
});

/** The secret that the test provider made when the schema was. */
export async function readTestSecret(sql: Sql): Promise<string> {
  const [row] = await sql.query<{ secret: string }>('select secret from test_secret');
  if (row === undefined) throw new Error('the test provider has no secret');
  return row.secret;
}

/**
 * A provider that is built in, for laptops and tests: with books of its own in tables of its own, and events that come by
 * themselves. An order's id says what is to be paid, sealed, so that making one leaves nothing behind. An order can be paid more than
 * once, as by a customer with two tabs.
 */
export function createTestProvider({ database, secret, faults, now }: TestProviderOptions): TestProvider {
  const eventSecret = signatureOf(secret, 'events');
  const pageSecret = signatureOf(secret, 'page');

  function sealed(order: string): string {
    return `tord_${order}_${signatureOf(secret, order).slice(0, 16)}`;
  }

  function opened(orderId: string): { readonly minorUnits: bigint; readonly currency: string } {
    const [, receipt = '', amount = '', currency = ''] =
      /^tord_([0-9a-z]{1,30})_(\d{1,13})([A-Z]{3})_[0-9a-f]{16}$/.exec(orderId) ?? [];
    if (sealed(`${receipt}_${amount}${currency}`) !== orderId) {
      throw new Fault('not-found', 'TEST_ORDER_NOT_FOUND', 'The test provider has no such order.');
    }
    return { minorUnits: BigInt(amount), currency };
  }

  function tellings(name: string, charge: ChargeRow, refund?: RefundFact): readonly TaskToDo[] {
    const id = `${name}:${refund?.id ?? charge.id}`;
    const time = now();
    const body = JSON.stringify({
      event: name,
      created_at: time.toISOString(),
      order_id: charge.order_id,
      charge: { id: charge.id, amount: written(charge), state: charge.state, time: charge.time.toISOString() },
      ...(refund && {
        refund: {
          id: refund.id,
          receipt: refund.refundId,
          amount: written({ amount: refund.amount.minorUnits, currency: refund.amount.currency }),
          time: refund.time.toISOString(),
        },
      }),
    });
    return arrivals(faults, id).map((ms, index) => {
      const dueTime = ms === 0 ? undefined : new Date(time.getTime() + ms);
      return { kind: testEventTask, key: `${id}#${index}`, body, dueTime };
    });
  }

  async function findRow(chargeId: string): Promise<ChargeRow | undefined> {
    const rows = await database.query<ChargeRow>('select * from test_charge where id = $1', [chargeId]);
    return rows[0];
  }

  return {
    name: 'test',
    keyId: 'test',
    ordersAreDerived: true,
    sign: (body) => signatureOf(eventSecret, body),

    async createOrder({ receipt, amount }) {
      return sealed(`${receipt.slice(receipt.indexOf('_') + 1)}_${amount.minorUnits}${amount.currency}`);
    },

    async listCharges(orderId) {
      const rows = await database.query<ChargeRow>(
        'select * from test_charge where order_id = $1 order by time, id limit 100',
        [orderId],
      );
      return rows.map(factOf);
    },

    async findCharge(chargeId) {
      const row = await findRow(chargeId);
      return row && { orderId: row.order_id, fact: factOf(row) };
    },

    async capture(chargeId, amount) {
      const row = await findRow(chargeId);
      if (row?.state === 'captured') return factOf(row);
      if (row?.state !== 'authorized' || row.amount !== amount.minorUnits || row.currency !== amount.currency)
        throw providerRefused('PAYMENT_NOT_AUTHORIZED');
      const taken = { ...row, state: 'captured' } as const;
      // When another took it just now, that one told of it.
      await changeWith(database, {
        text: `update test_charge set state = 'captured' where id = $1 and state = 'authorized' returning id`,
        values: [chargeId],
        tasks: tellings('payment.captured', taken),
      });
      return factOf(taken);
    },

    refund: ({ refundId, chargeId, amount }) =>
      database.transaction(async (tx) => {
        const [charge] = await tx.query<ChargeRow>('select * from test_charge where id = $1 for update', [chargeId]);
        const [before] = await tx.query<{ id: string; amount: bigint; time: Date }>(
          'select id, amount, time from test_refund where receipt = $1',
          [refundId],
        );
        if (before !== undefined) return refundFact(before.id, before.time);
        const [given] = await tx.query<{ sum: bigint }>(
          'select coalesce(sum(amount), 0)::int8 as sum from test_refund where charge_id = $1',
          [chargeId],
        );
        if (charge?.state !== 'captured' || (given?.sum ?? 0n) + amount.minorUnits > charge.amount) {
          throw providerRefused('REFUND_TOO_LARGE');
        }
        const made = refundFact(`trfd_${refundId.slice(refundId.indexOf('_') + 1)}`, now());
        await tx.query('insert into test_refund (id, charge_id, receipt, amount, time) values ($1, $2, $3, $4, $5)', [
          made.id,
          chargeId,
          refundId,
          amount.minorUnits,
          made.time,
        ]);
        await schedule(tx, ...tellings('refund.processed', charge, made));
        return made;

        function refundFact(id: string, time: Date): RefundFact {
          return { kind: 'refund', id, chargeId, refundId, amount, state: 'succeeded', time };
        }
      }),

    isSigned: ({ orderId, chargeId, signature }) => isSignature(signature, [pageSecret], `${orderId}|${chargeId}`),

    readEvent(body, signature) {
      if (!isSignature(signature, [eventSecret], body)) throw signatureInvalid();
      const { created_at, order_id, charge, refund } = parseEvent(body);
      const facts: Fact[] = [
        {
          ...charge,
          kind: 'charge',
          amount: read(charge.amount),
          failure: failureOf(charge),
          time: new Date(charge.time),
        },
      ];
      if (refund !== undefined) {
        const { id, receipt, amount, time } = refund;
        const about = { kind: 'refund', id, chargeId: charge.id, refundId: receipt, state: 'succeeded' } as const;
        facts.push({ ...about, amount: read(amount), time: new Date(time) });
      }
      return { time: new Date(created_at), orderId: order_id, facts };
    },

    async pay({ requestId, orderId, declined }) {
      const { minorUnits, currency } = opened(orderId);
      const chargeId = `tpay_${createHash('sha256').update(requestId).digest('hex').slice(0, 26)}`;
      const isDeclined = declined || draw(faults.seed, `decline ${chargeId}`) < faults.decline;
      const state = isDeclined ? 'failed' : 'authorized';
      const row: ChargeRow = { id: chargeId, order_id: orderId, amount: minorUnits, currency, state, time: now() };
      const isFresh = await changeWith(database, {
        text: `insert into test_charge (id, order_id, amount, currency, state, time) values ($1, $2, $3, $4, $5, $6)
           on conflict (id) do nothing returning id`,
        values: [chargeId, orderId, minorUnits, currency, state, row.time],
        tasks: tellings(`payment.${state}`, row),
      });
      const paid = isFresh ? row : await findRow(chargeId);
      const wasDeclined = paid?.state === 'failed';
      if (paid?.order_id !== orderId || wasDeclined !== isDeclined) throw requestIdReused(requestId);
      return { chargeId, signature: wasDeclined ? '' : signatureOf(pageSecret, `${orderId}|${chargeId}`) };
    },

    async *listMovements({ start, end }) {
      for (const [kind, statement] of movementStatements) {
        let after = { time: start, id: '' };
        for (;;) {
          const values = [after.time, after.id, end, pageSize];
          const rows = await database.query<ChargeRow>(statement, values);
          const last = rows.at(-1);
          if (last === undefined) break;
          yield rows.map((row): ProviderMovement => ({ kind, id: row.id, amount: moneyOf(row) }));
          after = last;
        }
      }
    },
  };
}

// JavaScript's times are whole milliseconds, and so are those that were written here.
const movementStatements = [
  [
    'captured',
    `select id, order_id, amount, currency, state, time from test_charge
     where (time, id) > ($1, $2) and time < $3 and state = 'captured' order by time, id limit $4`,
  ],
  [
    'refunded',
    `select r.id, c.order_id, r.amount, c.currency, c.state, r.time from test_refund r
     join test_charge c on c.id = r.charge_id
     where (r.time, r.id) > ($1, $2) and r.time < $3 order by r.time, r.id limit $4`,
  ],
] as const;

function moneyOf({ amount, currency }: Pick<ChargeRow, 'amount' | 'currency'>) {
  return { minorUnits: amount, currency };
}

function factOf(row: ChargeRow): ChargeFact {
  const { id, state, time } = row;
  return { kind: 'charge', id, amount: moneyOf(row), state, failure: failureOf(row), time };
}

function failureOf({ state }: { readonly state: ChargeFact['state'] }): string {
  return state === 'failed' ? declinedText : '';
}

function written({ amount, currency }: Pick<ChargeRow, 'amount' | 'currency'>) {
  return { minor_units: String(amount), currency };
}

function read({ minor_units, currency }: z.infer<typeof amountShape>) {
  return { minorUnits: BigInt(minor_units), currency };
}

function parseEvent(body: Uint8Array): z.infer<typeof eventShape> {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body).toString());
  } catch {
    throw webhookMalformed('it is no JSON');
  }
  const event = eventShape.safeParse(json);
  if (!event.success) throw webhookMalformed('it lacks what an event has');
  return event.data;
}
