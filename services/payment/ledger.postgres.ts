import type { Database } from '#platform/database.postgres.ts';
import type { Ledger, LedgerMovement } from './ledger.ts';
import { movementKinds } from './rows.postgres.ts';

type EntryRow = {
  readonly provider_id: string;
  readonly kind: number;
  readonly amount: bigint;
  readonly currency: string;
  readonly payment_id: string;
  readonly time: Date;
};

type SumRow = {
  readonly id: string;
  readonly currency: string;
  readonly net: bigint;
  readonly ledger: bigint;
};

const pageSize = 500;

export function createPostgresLedger(database: Database): Ledger {
  return {
    async *listMovements(provider, { start, end }) {
      let [time, id, kind] = [start, '', 0];
      for (;;) {
        const rows = await database.query<EntryRow>(
          `select provider_id, kind, amount, currency, payment_id, time from ledger_entry
           where provider = $1 and account <> 'customer' and time >= $2 and time < $3
             and (time, provider_id, kind) > ($2, $4, $5)
           order by time, provider_id, kind limit $6`,
          [provider, time, end, id, kind, pageSize],
        );
        const last = rows.at(-1);
        if (last === undefined) return;
        yield rows.map(movementOf);
        ({ time, provider_id: id, kind } = last);
      }
    },

    async findMovements(provider, ids) {
      const rows = await database.query<EntryRow>(
        `select provider_id, kind, amount, currency, payment_id, time from ledger_entry
         where provider = $1 and kind in (1, 2) and provider_id = any($2) and account <> 'customer'`,
        [provider, ids],
      );
      return rows.map(movementOf);
    },

    async *listUnbalanced() {
      let after = '';
      for (;;) {
        const rows = await database.query<SumRow & { balanced: boolean }>(
          `select p.id, p.currency, p.captured - p.refunded as net, l.net as ledger,
             p.captured = l.captured and p.refunded = l.refunded and l.balance = 0 as balanced
           from (select * from payment where id > $1 order by id limit $2) p
           cross join lateral (
             select coalesce(sum(amount), 0)::int8 as balance,
               coalesce(sum(amount) filter (where account <> 'customer'), 0)::int8 as net,
               coalesce(sum(amount) filter (where account <> 'customer' and kind = 1), 0)::int8 as captured,
               coalesce(-sum(amount) filter (where account <> 'customer' and kind = 2), 0)::int8 as refunded
             from ledger_entry where payment_id = p.id) l
           order by p.id`,
          [after, pageSize],
        );
        const last = rows.at(-1);
        if (last === undefined) return;
        yield rows.flatMap(({ id, currency, net, ledger, balanced }) =>
          balanced
            ? []
            : [
                {
                  paymentId: id,
                  ledger: { minorUnits: ledger, currency },
                  payment: { minorUnits: net, currency },
                },
              ],
        );
        after = last.id;
      }
    },

    async sum({ start, end }) {
      const rows = await database.query<{ currency: string; captured: bigint; refunded: bigint }>(
        `select currency, coalesce(sum(amount) filter (where kind = 1), 0)::int8 as captured,
           coalesce(-sum(amount) filter (where kind = 2), 0)::int8 as refunded
         from ledger_entry where account <> 'customer' and time >= $1 and time < $2 group by currency order by currency`,
        [start, end],
      );
      return rows.map(({ currency, captured, refunded }) => ({
        captured: { minorUnits: captured, currency },
        refunded: { minorUnits: refunded, currency },
      }));
    },
  };
}

function movementOf({ provider_id, kind, amount, currency, payment_id }: EntryRow): LedgerMovement {
  const minorUnits = amount < 0n ? -amount : amount;
  return {
    kind: kind === movementKinds.captured ? 'captured' : 'refunded',
    id: provider_id,
    amount: { minorUnits, currency },
    paymentId: payment_id,
  };
}
