import type { Database, Sql } from '#platform/database.postgres.ts';
import { once } from '#platform/request-id.postgres.ts';
import { hold, untilWon } from './inventory-hold.postgres.ts';
import {
  noteTurned,
  reservationColumns,
  reservationOf,
  stockColumns,
  stockOf,
  type ReservationRow,
  type StockRow,
} from './inventory-rows.postgres.ts';
import type { ExpireOptions, InventoryStore, InventoryTx } from './inventory-store.ts';
import type { Movement, Reservation } from './inventory.ts';

// The contract's numbers.
const kinds = { adjusted: 1, sold: 2, imported: 3, restocked: 4 } as const satisfies Record<Movement['kind'], number>;

export function createPostgresInventory(database: Database): InventoryStore {
  return {
    async findStocks(variantIds) {
      const rows = await database.query<StockRow>(
        `select ${stockColumns} from unnest($1::text[]) with ordinality as asked (id, place)
         join stock s on s.variant_id = asked.id join variant v on v.id = asked.id join product p on p.id = v.product_id
         order by asked.place`,
        [variantIds],
      );
      return rows.map(stockOf);
    },

    hold: (asked) => hold(database, asked),

    commit: (id, now) => untilWon(() => commit(database, id, now)),

    change: (repeat, work) => database.transaction((tx) => once(tx, repeat, () => work(createTx(tx)))),

    expire: (options) => database.transaction((tx) => expire(tx, options)),

    async forget({ before, limit }) {
      const rows = await database.query(
        `with gone as (
           delete from reservation where id in (
             select id from reservation where state in (3, 4) and update_time < $1
             order by update_time limit $2 for update skip locked) returning id),
         items as (delete from reservation_item i using gone where i.reservation_id = gone.id)
         select 1 from gone`,
        [before, limit],
      );
      return rows.length;
    },
  };
}

function createTx(tx: Sql): InventoryTx {
  return {
    async lockStocks(variantIds) {
      const rows = await tx.query<StockRow>(
        `select ${stockColumns} from stock s join variant v on v.id = s.variant_id join product p on p.id = v.product_id
         where s.variant_id = any($1) order by s.variant_id for update of s`,
        [variantIds],
      );
      return rows.map(stockOf);
    },

    async move(movement) {
      await moveStocks(tx, [movement]);
    },

    async lockReservation(id) {
      // Its items are read by a statement of their own: the one that waits would tell how they were before it waited.
      await tx.query('select 1 from reservation where id = $1 for update', [id]);
      const rows = await tx.query<ReservationRow>(`select ${reservationColumns} from reservation r where r.id = $1`, [
        id,
      ]);
      return rows.map(reservationOf)[0];
    },

    async lockOrder(orderId) {
      // A statement of its own: what is read next is as it was left by whoever went through the gate before.
      await tx.query(`select pg_advisory_xact_lock(hashtextextended('reserve ' || $1, 0))`, [orderId]);
      const rows = await tx.query<ReservationRow>(
        `select ${reservationColumns} from reservation r
         where r.order_id = $1 and (r.state in (1, 2) or r.closing) for update of r`,
        [orderId],
      );
      return rows.map(reservationOf)[0];
    },

    async release({ id }, { now, closing }) {
      const rows = await tx.query<{ variant_id: string }>(
        `with locked as materialized (
           select s.variant_id, i.quantity from reservation_item i join stock s on s.variant_id = i.variant_id
           where i.reservation_id = $1 and i.counted order by s.variant_id for update of s),
         freed as (
           update stock s set reserved = s.reserved - locked.quantity from locked where s.variant_id = locked.variant_id
           returning s.variant_id, s.on_hand - s.reserved as available, locked.quantity),
         ended as (update reservation set state = 3, update_time = $2, closing = $3 where id = $1)
         select variant_id from freed where available > 0 and available - quantity <= 0`,
        [id, now, closing],
      );
      await noteTurned(tx, variantIdsOf(rows));
    },

    async closeOrder({ id, orderId, now }) {
      await tx.query(
        `insert into reservation (id, state, order_id, closing, expire_time, create_time, update_time)
         values ($1, 3, $2, true, $3, $3, $3)`,
        [id, orderId, now],
      );
    },

    async restock({ id }, returned, now) {
      const rows = await tx.query<{ variant_id: string; turned: boolean }>(
        `with noted as (
           update reservation_item i set restocked = i.restocked + back.quantity
           from unnest($2::text[], $3::integer[]) as back (variant_id, quantity)
           where i.reservation_id = $1 and i.variant_id = back.variant_id
           returning i.variant_id, back.quantity, i.counted),
         locked as materialized (
           select s.variant_id, noted.quantity from noted join stock s on s.variant_id = noted.variant_id
           where noted.counted order by s.variant_id for update of s),
         shelved as (
           update stock s set on_hand = s.on_hand + locked.quantity from locked where s.variant_id = locked.variant_id
           returning s.variant_id, s.on_hand - s.reserved as available, locked.quantity),
         moved as (
           insert into stock_movement (variant_id, delta, kind, reference, reason, actor, create_time)
           select variant_id, quantity, ${kinds.restocked}, $1, '', '', $4 from shelved)
         select variant_id, available > 0 and available - quantity <= 0 as turned from shelved`,
        [id, returned.map((item) => item.variantId), returned.map((item) => item.quantity), now],
      );
      await noteTurned(tx, variantIdsOf(rows.filter(({ turned }) => turned)));
      const shelved = new Set(variantIdsOf(rows));
      return returned.flatMap(({ variantId }) => (shelved.has(variantId) ? [] : [variantId]));
    },
  };
}

/**
 * The second half of a checkout's hot path: one statement, which knows `commit`'s rule. A variant that was deleted meanwhile has
 * no stock to take from; the others go on. The search isn't told: what was held could not be bought before either.
 */
async function commit(sql: Sql, id: string, now: Date): Promise<Reservation | undefined> {
  const rows = await sql.query<ReservationRow>(
    `with before as materialized (select * from reservation where id = $1 for update),
     locked as materialized (
       select s.variant_id, i.quantity from before join reservation_item i on i.reservation_id = before.id
       join stock s on s.variant_id = i.variant_id
       where before.state = 1 and before.expire_time > $2 and i.counted order by s.variant_id for update of s),
     sold as (
       update stock s set on_hand = s.on_hand - locked.quantity, reserved = s.reserved - locked.quantity
       from locked where s.variant_id = locked.variant_id returning s.variant_id, locked.quantity),
     moved as (
       insert into stock_movement (variant_id, delta, kind, reference, reason, actor, create_time)
       select variant_id, -quantity, ${kinds.sold}, $1, '', '', $2 from sold),
     ended as (
       update reservation set state = 2, update_time = $2 from before
       where reservation.id = before.id and before.state = 1 and before.expire_time > $2)
     select ${reservationColumns} from before r`,
    [id, now],
  );
  return rows.map(reservationOf)[0];
}

async function expire(tx: Sql, { now, limit, variantIds, reservationId }: ExpireOptions): Promise<number> {
  const values: unknown[] = [now, limit];
  const holding =
    variantIds === undefined
      ? ''
      : `and exists (select from reservation_item i where i.reservation_id = r.id and i.variant_id = any($${values.push(variantIds)}))`;
  const named = reservationId === undefined ? '' : `and r.id = $${values.push(reservationId)}`;
  const rows = await tx.query<{ id: string | null; variant_id: string | null }>(
    `with due as materialized (
       select r.id from reservation r where r.state = 1 and r.expire_time <= $1 ${holding} ${named}
       order by r.expire_time limit $2 for update ${reservationId === undefined ? 'skip locked' : ''}),
     given as materialized (
       select i.variant_id, sum(i.quantity)::integer as quantity from due
       join reservation_item i on i.reservation_id = due.id where i.counted group by i.variant_id),
     locked as materialized (
       select s.variant_id, given.quantity from given join stock s on s.variant_id = given.variant_id
       order by s.variant_id for update of s),
     freed as (
       update stock s set reserved = s.reserved - locked.quantity from locked where s.variant_id = locked.variant_id
       returning s.variant_id, s.on_hand - s.reserved as available, locked.quantity),
     ended as (update reservation r set state = 4, update_time = $1 from due where r.id = due.id returning r.id)
     select id, null as variant_id from ended
     union all select null, variant_id from freed where available > 0 and available - quantity <= 0`,
    values,
  );
  await noteTurned(
    tx,
    rows.flatMap(({ variant_id }) => variant_id ?? []),
  );
  return rows.filter(({ id }) => id !== null).length;
}

/** Moves stocks, each once, and writes the ledger: one statement for any number. The stocks are locked. */
export async function moveStocks(tx: Sql, movements: readonly Movement[]): Promise<void> {
  const rows = await tx.query<{ variant_id: string }>(
    `with moves as (
       select * from json_to_recordset($1::json) as m (variant_id text, delta integer, kind smallint, reference text,
         reason text, actor text, create_time timestamptz)),
     noted as (
       insert into stock_movement (variant_id, delta, kind, reference, reason, actor, create_time)
       select variant_id, delta, kind, reference, reason, actor, create_time from moves),
     moved as (
       update stock s set on_hand = s.on_hand + moves.delta from moves where s.variant_id = moves.variant_id
       returning s.variant_id, s.on_hand - s.reserved as available, moves.delta)
     select variant_id from moved where (available > 0) <> (available - delta > 0)`,
    [
      JSON.stringify(
        movements.map(({ variantId, delta, kind, reference, reason, actor, time }) => {
          return { variant_id: variantId, delta, kind: kinds[kind], reference, reason, actor, create_time: time };
        }),
      ),
    ],
  );
  await noteTurned(tx, variantIdsOf(rows));
}

function variantIdsOf(rows: readonly { readonly variant_id: string }[]): string[] {
  return rows.map((row) => row.variant_id);
}
