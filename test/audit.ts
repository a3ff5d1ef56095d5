import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** Where a service keeps its data, as an owner of it. */
export type UrlOf = (service: string) => string;

export type Books = {
  /** What does not agree, in words; empty when everything does. */
  readonly problems: readonly string[];
  readonly summary: string;
};

const schemas: Readonly<Record<string, string>> = {
  user: 'user_service',
  product: 'product',
  cart: 'cart',
  coupon: 'coupon',
  order: 'order_service',
  payment: 'payment',
};

// Not what is due later by plan, such as a look for payments that nobody spoke of again.
const dueNow = `due_time <= now() or attempts > 0 or kind = 'payment.test-event'`;

type Ask = <R>(service: string, text: string) => Promise<R[]>;

/** Reads one service's data after the other's, each by its own role. For shops where nothing is being done. */
async function reading<T>(urlOf: UrlOf, work: (ask: Ask) => Promise<T>): Promise<T> {
  const clients = new Map<string, pg.Client>();
  const open = async (service: string): Promise<pg.Client> => {
    const known = clients.get(service);
    if (known !== undefined) return known;
    const client = new pg.Client({
      connectionString: urlOf(service),
      options: `-c search_path=${schemas[service] ?? service}`,
      types: { getTypeParser: (oid: number) => (oid === 20 || oid === 1700 ? BigInt : pg.types.getTypeParser(oid)) },
    });
    await client.connect();
    clients.set(service, client);
    return client;
  };
  try {
    return await work(
      async <R>(service: string, text: string) => (await (await open(service)).query(text)).rows as R[],
    );
  } finally {
    for (const client of clients.values()) await client.end();
  }
}

/** What is still to be done: events on their way, tasks that are due, orders and refunds half done. An order that waits to be paid counts if `awaiting`. */
export function unsettled(urlOf: UrlOf, { awaiting = false } = {}): Promise<string[]> {
  return reading(urlOf, async (ask) => {
    const open: string[] = [];
    const count = async (service: string, what: string, text: string): Promise<void> => {
      const [row] = await ask<{ count: bigint }>(service, `select count(*) from ${text}`);
      if (row !== undefined && row.count > 0n) open.push(`${row.count} ${what} of ${service}`);
    };
    for (const service of Object.keys(schemas)) {
      await count(service, 'events not handed on', 'outbox');
      await count(service, 'tasks due', `task where dead_time is null and (${dueNow})`);
    }
    await count('user', 'events not handled', 'event_bus.delivery').catch(() => undefined); // another's database
    await count('order', 'orders half done', `orders where status in (1, 6${awaiting ? ', 2' : ''})`);
    await count('payment', 'refunds not sent', 'refund where state = 1');
    return open;
  });
}

/** Waits until nothing is left to be done, orders that wait to be paid among it. Answers what is still open when the time is over. */
export async function untilSettled(urlOf: UrlOf, withinMs: number): Promise<string[]> {
  const giveUpMs = Date.now() + withinMs;
  for (;;) {
    const open = await unsettled(urlOf, { awaiting: true });
    if (open.length === 0 || Date.now() >= giveUpMs) return open;
    await pause(500);
  }
}

type OrderRow = { readonly id: string; readonly status: number; readonly document: OrderDocument };

// What the audit reads of an order, as it lies in its row.
type OrderDocument = {
  readonly method: 'online' | 'cash';
  readonly confirmTime?: string;
  readonly couponUse: 'kept' | 'due' | 'returned';
  readonly coupons: readonly { readonly code: string; readonly amount: number }[];
  readonly parts: readonly {
    readonly shipping: number;
    readonly shippingDiscount: number;
    readonly lines: readonly {
      readonly variantId: string;
      readonly quantity: number;
      readonly unitPrice: number;
      readonly discount: number;
      readonly canceled: number;
      readonly returned: number;
    }[];
  }[];
  readonly refunds: readonly { readonly amount: number; readonly sent: boolean }[];
  readonly restocks: readonly {
    readonly items: readonly { readonly variantId: string; readonly quantity: number }[];
    readonly done: boolean;
  }[];
  readonly collections: readonly { readonly amount: number; readonly done: boolean }[];
};

const awaitingPayment = 2;
const canceled = 7;

/**
 * Whether stock, coupon uses, payments, ledger and the test provider's own books agree with the orders, to the piece and the
 * minor unit. For a shop where nothing is being done.
 */
export function audit(urlOf: UrlOf): Promise<Books> {
  return reading(urlOf, async (ask) => {
    const orders = await ask<OrderRow>('order', 'select id, status, document from orders order by id');
    const problems = [
      ...orders.flatMap(orderProblems),
      ...(await stockProblems(ask, orders)),
      ...(await couponProblems(ask, orders)),
      ...(await paymentProblems(ask, orders)),
      ...(await providerProblems(ask)),
      ...(await deadProblems(ask)),
    ];
    const sold = orders.filter(({ document }) => document.confirmTime !== undefined);
    const closed = orders.filter(({ status }) => status === canceled);
    const taken = await ask<{ net: bigint }>(
      'payment',
      `select coalesce(sum(amount) filter (where account <> 'customer'), 0) as net from ledger_entry`,
    );
    const summary = `${orders.length} orders: ${sold.length} were confirmed, ${closed.length} are canceled; ${taken[0]?.net ?? 0n} minor units kept`;
    return { problems, summary };
  });
}

function orderProblems({ id, document }: OrderRow): string[] {
  return [
    ...document.parts
      .flatMap(({ lines }) => lines)
      .filter((line) => line.canceled + line.returned > line.quantity)
      .map((line) => `${id}: more of ${line.variantId} went back than was bought`),
    ...(refundedOf(document) > totalOf(document) ? [`${id}: more money goes back than was paid`] : []),
  ];
}

async function stockProblems(ask: Ask, orders: readonly OrderRow[]): Promise<string[]> {
  const problems = await ask<{ problem: string }>(
    'product',
    `select format('%s: %s on hand, but its ledger says %s', s.variant_id, s.on_hand, coalesce(m.sum, 0)) as problem
       from stock s left join (select variant_id, sum(delta) from stock_movement group by variant_id) m using (variant_id)
       where s.on_hand <> coalesce(m.sum, 0)
     union all
     select format('%s: %s reserved, but holds are %s', s.variant_id, s.reserved, coalesce(h.sum, 0))
       from stock s left join (
         select variant_id, sum(quantity) from reservation_item i join reservation r on r.id = i.reservation_id
         where r.state = 1 and counted group by variant_id) h using (variant_id)
       where s.reserved <> coalesce(h.sum, 0)
     union all
     select format('%s: %s on hand, %s reserved', variant_id, on_hand, reserved) from stock
       where on_hand < 0 or reserved > on_hand`,
  );
  const held = await ask<{ order_id: string; state: number; items: string }>(
    'product',
    `select r.order_id, r.state, string_agg(format('%s*%s-%s', variant_id, quantity, restocked), ' ' order by variant_id) as items
     from reservation r join reservation_item i on i.reservation_id = r.id
     where r.order_id is not null and r.state in (1, 2) group by r.id`,
  );
  const wanted = new Map<string, string>();
  for (const { id, status, document } of orders) {
    if (status === awaitingPayment) wanted.set(id, `1 ${piecesOf(document)}`);
    else if (document.confirmTime !== undefined) wanted.set(id, `2 ${piecesOf(document)}`);
  }
  const found = new Map<string, string>();
  for (const { order_id: id, state, items } of held) {
    const goneBack = state === 2 && !wanted.has(id) && items.split(' ').every((item) => /\*(\d+)-\1$/.test(item));
    if (!goneBack) found.set(id, `${found.has(id) ? `${found.get(id) ?? ''} and ` : ''}${state} ${items}`);
  }
  return [...problems.map(({ problem }) => problem), ...differences('stock held', wanted, found)];
}

async function couponProblems(ask: Ask, orders: readonly OrderRow[]): Promise<string[]> {
  const problems = await ask<{ problem: string }>(
    'coupon',
    `select format('%s: %s uses of %s, but orders use it %s times for %s', code, uses, spent, coalesce(r.count, 0), coalesce(r.sum, 0)) as problem
     from coupon c left join (select coupon_id, count(*), sum(amount) from redemption where live group by coupon_id) r on r.coupon_id = c.id
     where uses <> coalesce(r.count, 0) or spent <> coalesce(r.sum, 0) or (max_uses > 0 and uses > max_uses)`,
  );
  const used = await ask<{ order_id: string; uses: string }>(
    'coupon',
    `select order_id, string_agg(format('%s %s', code, amount), ', ' order by code) as uses
     from redemption r join coupon c on c.id = r.coupon_id where live group by order_id`,
  );
  const wanted = orders
    .filter(
      ({ status, document }) => status !== canceled && document.couponUse === 'kept' && document.coupons.length > 0,
    )
    .map(({ id, document }) => {
      const uses = document.coupons.map(({ code, amount }) => `${code} ${amount}`).sort();
      return [id, uses.join(', ')] as const;
    });
  const found = used.map(({ order_id: id, uses }) => [id, uses] as const);
  return [...problems.map(({ problem }) => problem), ...differences('coupons', new Map(wanted), new Map(found))];
}

async function paymentProblems(ask: Ask, orders: readonly OrderRow[]): Promise<string[]> {
  const problems = await ask<{ problem: string }>(
    'payment',
    `select format('%s: captured %s and refunded %s, but its ledger says %s and %s', p.order_id, captured, refunded, l.taken, l.given) as problem
       from payment p left join lateral (
         select coalesce(sum(amount) filter (where kind = 1), 0) as taken, coalesce(-sum(amount) filter (where kind = 2), 0) as given
         from ledger_entry where payment_id = p.id and account <> 'customer') l on true
       where captured <> l.taken or refunded <> l.given or refunded > captured
     union all
     select format('ledger %s %s %s does not balance', provider, kind, provider_id) from ledger_entry
       group by provider, kind, provider_id having sum(amount) <> 0 or count(*) <> 2
     union all
     select format('refund %s has failed or is not done', id) from refund where state <> 3`,
  );
  const kept = await ask<{ order_id: string; net: bigint }>(
    'payment',
    'select order_id, captured - refunded as net from payment',
  );
  const wanted = orders.map(({ id, status, document }) => [id, String(keptOf(status, document))] as const);
  const found = new Map(kept.map(({ order_id: id, net }) => [id, String(net)] as const));
  for (const { id } of orders) if (!found.has(id)) found.set(id, '0'); // it never came to a payment
  return [...problems.map(({ problem }) => problem), ...differences('money kept', new Map(wanted), found)];
}

/** The test provider's own books beside the ledger. */
async function providerProblems(ask: Ask): Promise<string[]> {
  const rows = await ask<{ problem: string }>(
    'payment',
    `select format('%s: the provider says %s, the ledger %s', coalesce(t.id, l.provider_id), t.amount, l.amount) as problem
     from (select id, amount from test_charge where state = 'captured' union all select id, -amount from test_refund) t
     full join (select provider_id, amount from ledger_entry where provider = 'test' and account <> 'customer') l on l.provider_id = t.id
     where t.amount is distinct from l.amount`,
  );
  return rows.map(({ problem }) => problem);
}

async function deadProblems(ask: Ask): Promise<string[]> {
  const problems: string[] = [];
  for (const service of Object.keys(schemas)) {
    const dead = await ask<{ kind: string; key: string; error: string }>(
      service,
      'select kind, key, error from task where dead_time is not null',
    );
    problems.push(...dead.map(({ kind, key, error }) => `dead task ${kind} ${key}: ${error}`));
  }
  return problems;
}

function differences(what: string, wanted: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): string[] {
  return [...new Set([...wanted.keys(), ...found.keys()])]
    .filter((id) => wanted.get(id) !== found.get(id))
    .map((id) => `${id}: ${what} ${found.get(id) ?? 'nothing'}, by the order ${wanted.get(id) ?? 'nothing'}`);
}

/** "var_1*2-1 …": of each variant how many were bought, and how many went back on the shelf. */
function piecesOf({ parts, restocks }: OrderDocument): string {
  const bought = parts.flatMap(({ lines }) => lines);
  const back = restocks.filter(({ done }) => done).flatMap(({ items }) => items);
  return bought
    .map(({ variantId, quantity }) => {
      const returned = back
        .filter((item) => item.variantId === variantId)
        .reduce((sum, item) => sum + item.quantity, 0);
      return `${variantId}*${quantity}-${returned}`;
    })
    .sort()
    .join(' ');
}

/** What of the customer's money the shop has to have. */
function keptOf(status: number, document: OrderDocument): number {
  if (status === awaitingPayment || document.confirmTime === undefined) return 0;
  const collected = document.collections.filter(({ done }) => done).reduce((sum, { amount }) => sum + amount, 0);
  return (document.method === 'cash' ? collected : totalOf(document)) - refundedOf(document);
}

function totalOf({ parts }: OrderDocument): number {
  return parts.reduce(
    (sum, { lines, shipping, shippingDiscount }) =>
      sum +
      shipping -
      shippingDiscount +
      lines.reduce((all, line) => all + line.unitPrice * line.quantity - line.discount, 0),
    0,
  );
}

function refundedOf({ refunds }: OrderDocument): number {
  return refunds.reduce((sum, { amount }) => sum + amount, 0);
}
