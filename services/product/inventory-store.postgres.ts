import type { Database, Sql } from '#platform/database.postgres.ts';
import { once } from '#platform/request-id.postgres.ts';
import type { ExpireOptions, InventoryStore, InventoryTx, OwnedStock } from './inventory-store.ts';
import type { Movement, Reservation, ReservationState } from './inventory.ts';
import type { ProductStatus } from './content.ts';
import { noteStock } from './search-index.postgres.ts';

// The contract's numbers.
const states: readonly (ReservationState | undefined)[] = [undefined, 'held', 'committed', 'released', 'expired'];
const statuses: readonly (ProductStatus | undefined)[] = [undefined, 'draft', 'published', 'archived'];
const kinds = { adjusted: 1, sold: 2, imported: 3 } as const satisfies Record<Movement['kind'], number>;

export function createPostgresInventory(database: Database): InventoryStore {
  return {
    async findStocks(variantIds) {
      const rows = await database.query<StockRow>(
        `select ${stockColumns} from unnest($1::text[]) with ordinality as asked (id, place)
         join stock s on s.variant_id = asked.id join variant v on v.id = asked.id join product p on p.id = v.product_id
         order by asked.place`,
        [variantIds],
      );
      return rows.map(toStock);
    },

    change: (repeat, work) => database.transaction((tx) => once(tx, repeat, () => work(createTx(tx)))),

    expire: (options) => database.transaction((tx) => expire(tx, options)),

    async forget({ before, limit }) {
      const rows = await database.query(
        `delete from reservation where id in (
           select id from reservation where state in (3, 4) and update_time < $1
           order by update_time limit $2 for update skip locked) returning 1`,
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
      return rows.map(toStock);
    },

    async move(movement) {
      await moveStocks(tx, [movement]);
    },

    async hold({ id, items, expireTime, createTime }) {
      const rows = await tx.query<{ variant_id: string }>(
        `with wanted as (select * from unnest($4::text[], $5::integer[], $6::boolean[]) as w (variant_id, quantity, counted)),
         made as (insert into reservation (id, state, expire_time, create_time, update_time) values ($1, 1, $2, $3, $3)),
         items as (
           insert into reservation_item (reservation_id, variant_id, quantity, counted)
           select $1, variant_id, quantity, counted from wanted),
         held as (
           update stock s set reserved = s.reserved + wanted.quantity from wanted
           where s.variant_id = wanted.variant_id and wanted.counted
           returning s.variant_id, s.on_hand - s.reserved as available, wanted.quantity)
         select variant_id from held where available <= 0 and available + quantity > 0`,
        [
          id,
          expireTime,
          createTime,
          items.map((item) => item.variantId),
          items.map((item) => item.quantity),
          items.map((item) => item.counted),
        ],
      );
      await noteTurned(tx, rows);
    },

    async lockReservation(id) {
      const [row] = await tx.query<ReservationRow>(
        `select r.id, r.state, r.expire_time, r.create_time,
           (select json_agg(json_build_object('variantId', i.variant_id, 'quantity', i.quantity, 'counted', i.counted)
              order by i.variant_id) from reservation_item i where i.reservation_id = r.id) as items
         from reservation r where r.id = $1 for update of r`,
        [id],
      );
      if (row === undefined) return undefined;
      return {
        id: row.id,
        state: known(states, row.state, id),
        items: row.items ?? [],
        expireTime: row.expire_time,
        createTime: row.create_time,
      };
    },

    // A variant that was deleted meanwhile has no stock to take from; the others go on.
    async commit({ id }, now) {
      await tx.query(
        `with locked as materialized (${lockedItems}),
         sold as (
           update stock s set on_hand = s.on_hand - locked.quantity, reserved = s.reserved - locked.quantity
           from locked where s.variant_id = locked.variant_id returning s.variant_id, locked.quantity),
         moved as (
           insert into stock_movement (variant_id, delta, kind, reference, reason, actor, create_time)
           select variant_id, -quantity, ${kinds.sold}, $1, '', '', $2 from sold)
         update reservation set state = 2, update_time = $2 where id = $1`,
        [id, now],
      );
    },

    async release({ id }, now) {
      const rows = await tx.query<{ variant_id: string }>(
        `with locked as materialized (${lockedItems}),
         freed as (
           update stock s set reserved = s.reserved - locked.quantity from locked where s.variant_id = locked.variant_id
           returning s.variant_id, s.on_hand - s.reserved as available, locked.quantity),
         ended as (update reservation set state = 3, update_time = $2 where id = $1)
         select variant_id from freed where available > 0 and available - quantity <= 0`,
        [id, now],
      );
      await noteTurned(tx, rows);
    },
  };
}

async function expire(tx: Sql, { now, limit, variantIds }: ExpireOptions): Promise<number> {
  const holding =
    variantIds === undefined
      ? ''
      : 'and exists (select from reservation_item i where i.reservation_id = r.id and i.variant_id = any($3))';
  const rows = await tx.query<{ id: string | null; variant_id: string | null }>(
    `with due as materialized (
       select r.id from reservation r where r.state = 1 and r.expire_time <= $1 ${holding}
       order by r.expire_time limit $2 for update skip locked),
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
    variantIds === undefined ? [now, limit] : [now, limit, variantIds],
  );
  await noteTurned(
    tx,
    rows.flatMap(({ variant_id }) => (variant_id === null ? [] : [{ variant_id }])),
  );
  return rows.filter(({ id }) => id !== null).length;
}

// Rows are locked in the order in which they come out of the sort, which is everybody's order.
const lockedItems = `select s.variant_id, i.quantity from reservation_item i join stock s on s.variant_id = i.variant_id
  where i.reservation_id = $1 and i.counted order by s.variant_id for update of s`;

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
  await noteTurned(tx, rows);
}

// Tells the search of variants that sold out or came back. The documents are locked before they are reckoned anew: of two
// customers who each take the last piece of another variant, the second one must see what the first one took.
async function noteTurned(tx: Sql, turned: readonly { readonly variant_id: string }[]): Promise<void> {
  if (turned.length === 0) return;
  const variantIds = turned.map((row) => row.variant_id);
  const documents = await tx.query(
    `select 1 from search_document where product_id in (select product_id from variant where id = any($1))
     order by product_id for update`,
    [variantIds],
  );
  if (documents.length > 0) await noteStock(tx, variantIds); // what is being made has none yet
}

const stockColumns = `s.variant_id, s.on_hand, s.reserved, v.stock_tracked, v.backorder_allowed, v.product_id, p.vendor_id, p.status`;

type StockRow = {
  readonly variant_id: string;
  readonly on_hand: number;
  readonly reserved: number;
  readonly stock_tracked: boolean;
  readonly backorder_allowed: boolean;
  readonly product_id: string;
  readonly vendor_id: string;
  readonly status: number;
};

type ReservationRow = {
  readonly id: string;
  readonly state: number;
  readonly expire_time: Date;
  readonly create_time: Date;
  readonly items: Reservation['items'] | null;
};

function toStock(row: StockRow): OwnedStock {
  return {
    variantId: row.variant_id,
    onHand: row.on_hand,
    reserved: row.reserved,
    tracked: row.stock_tracked,
    backorderAllowed: row.backorder_allowed,
    product: { id: row.product_id, vendorId: row.vendor_id, status: known(statuses, row.status, row.product_id) },
  };
}

function known<T>(names: readonly (T | undefined)[], number: number, id: string): T {
  const name = names[number];
  if (name === undefined) throw new Error(`${id} has the unknown state ${number}`);
  return name;
}
