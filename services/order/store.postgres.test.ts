import { expect, test } from '@jest/globals';
import { openTestDatabase } from '#platform/testing/database.ts';
import { describeOrderStore } from './store.contract.ts';
import { createPostgresOrders, migrations } from './store.postgres.ts';

describeOrderStore('orders in PostgreSQL', async () => {
  const database = await openTestDatabase('order_service', migrations);
  const changed: string[] = [];
  return {
    store: createPostgresOrders({ database, changed: (id) => changed.push(id) }),
    changed,
    async told() {
      const rows = await database.query<{ topic: string }>('select topic from outbox order by seq');
      return rows.map(({ topic }) => topic);
    },
    async due(id) {
      const [task] = await database.query<{ due: Date | null }>(
        `select nullif(due_time, '-infinity') as due from task where key = $1`,
        [id],
      );
      return task === undefined ? undefined : (task.due ?? 'now');
    },
    close: () => database.close(),
  };
});

// What each list and look reads, among 50,000 orders of one user: pages of an index, however many orders there are.
test('lists and looks read no more in a large shop', async () => {
  const database = await openTestDatabase('order_service', migrations);
  try {
    await database.query(
      `insert into orders (id, user_id, request_id, fingerprint, status, version, create_time, update_time, document)
       select 'ord_' || lpad(n::text, 8, '0'), 'usr_' || n % 5, 'req_' || n, '', 1 + n % 7, 1, now(), now(), '{}'
       from generate_series(1, 50000) n`,
    );
    await database.query(
      `insert into order_part (vendor_id, order_id, order_status) select 'usr_v', id, status from orders`,
    );
    await database.query('analyze orders');
    await database.query('analyze order_part');
    const cost = async (text: string, values: readonly unknown[]) => {
      const plan = await database.query<{ 'QUERY PLAN': [{ Plan: { 'Shared Hit Blocks': number } }] }>(
        `explain (analyze, buffers, format json) ${text}`,
        values,
      );
      return plan[0]?.['QUERY PLAN'][0].Plan['Shared Hit Blocks'] ?? Infinity;
    };
    const looks: readonly (readonly [string, readonly unknown[]])[] = [
      ['select 1 from orders where user_id = $1 and status < 6 limit 1', ['usr_1']],
      ['select document from orders where user_id = $1 and id < $2 order by id desc limit 20', ['usr_1', '~']],
      ['select document from orders where status = $1 and id < $2 order by id desc limit 20', [2, '~']],
      [
        `select document from order_part join orders on orders.id = order_id
         where vendor_id = $1 and order_status = $2 and order_id < $3 order by order_id desc limit 20`,
        ['usr_v', 3, '~'],
      ],
    ];
    for (const [text, values] of looks) expect([text, (await cost(text, values)) < 200]).toEqual([text, true]);
  } finally {
    await database.close();
  }
}, 30_000);
