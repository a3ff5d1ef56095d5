import { Client, types } from 'pg';
import { openDataFolder } from '#platform/data-folder.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { ownerUrl, schemas } from './books.ts';
import { familyCpuSeconds } from './load.ts';
import { freshIds, learn, templateOf, type Replay, type Template } from './replay-template.ts';
import type { Row } from './row.ts';
import { moveTo, otherCore, postgresPids, serverCore } from './shop.ts';
import type { Sent } from './statements.ts';

export type ReplayOptions = {
  readonly dataDir: string;
  readonly port: number;
  /** What one checkout sent, alone. */
  readonly statements: readonly Sent[];
  readonly connections: number;
  readonly seconds: number;
};

type Caller = { readonly clients: ReadonlyMap<string, Client>; next: number };

const cartsEach = 10_000; // more than one caller's checkouts
const settings = '-c plan_cache_mode=force_generic_plan -c jit=off'; // as the services have it

/**
 * A checkout's statements, sent again by bare `pg` on the servers' core, in the order in which the shop sent them. The ids are
 * others each time, so that they do the same work, which is proved by what they leave behind. Each caller has a copy of the
 * shop's database: in one and the same they would take each other's events and tasks, and do less than is recorded.
 */
export async function benchReplay(options: ReplayOptions): Promise<Omit<Row, 'name'>> {
  const { dataDir, port, statements, connections, seconds } = options;
  const server = await createEmbeddedPostgres({ data: await openDataFolder(dataDir), port }).start([]);
  try {
    for (const pid of postgresPids(dataDir)) moveTo(otherCore, pid);
    moveTo(serverCore, process.pid);
    const owner = await connect(await ownerUrl(dataDir, String(port), 'postgres'), 'public');
    const template = templateOf(statements);
    const callers: Caller[] = [];
    for (let number = 0; number < connections; number += 1) {
      await owner.query(`create database replay_${number} template only2u`);
      callers.push(await openCaller(await ownerUrl(dataDir, String(port), `replay_${number}`), template));
    }
    const replay = (caller: Caller): Promise<void> => replayOnce(caller, template, statements);
    for (const caller of callers) await proved(caller, () => replay(caller));
    await Promise.all(callers.map((caller) => loop(() => replay(caller), seconds / 4)));
    const pids = postgresPids(dataDir);
    const [began, cpu, databaseCpu] = [performance.now(), process.cpuUsage(), familyCpuSeconds(pids)];
    const took = (await Promise.all(callers.map((caller) => loop(() => replay(caller), seconds)))).flat();
    const { user, system } = process.cpuUsage(cpu);
    const ran = (performance.now() - began) / 1_000;
    const databaseSpent = (familyCpuSeconds(pids) - databaseCpu) * 1e6;
    for (const { clients } of callers) for (const client of clients.values()) await client.end();
    for (let number = 0; number < connections; number += 1) await owner.query(`drop database replay_${number}`);
    await owner.end();
    took.sort((a, b) => a - b);
    return {
      perSecond: Math.round(took.length / ran),
      p50Ms: Math.round((took[took.length >> 1] ?? 0) * 10) / 10,
      cpuMicros: Math.round((user + system) / took.length),
      databaseMicros: Math.round(databaseSpent / took.length),
    };
  } finally {
    moveTo(otherCore, process.pid);
    await server.close();
  }
}

async function connect(url: string, schema: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    options: `-c search_path=${schema},public ${settings}`,
    types: { getTypeParser },
  });
  client.on('error', () => undefined); // what fails says so itself; this is the server's end after it
  await client.connect();
  return client;
}

// As the shop reads them: numbers of queues are bigints.
function getTypeParser(oid: number): (value: string) => unknown {
  return oid === (types.builtins.INT8 as number) ? BigInt : (types.getTypeParser(oid) as (value: string) => unknown);
}

async function openCaller(url: string, { cart }: Template): Promise<Caller> {
  const clients = new Map<string, Client>();
  for (const schema of schemas) clients.set(schema, await connect(url, schema));
  // As many buyers with such a cart as there will be checkouts, named by their number.
  await clients.get('cart')?.query(
    `insert into cart (id, user_id, content, version, expire_time)
     select 'crt_' || lpad(n::text, 26, '0'), 'usr_' || lpad(n::text, 26, '0'), $1, $2, $3 from generate_series(1, $4::int) n`,
    [JSON.stringify(cart['content']), cart['version'], cart['expireTime'], cartsEach],
  );
  for (const client of clients.values()) await client.query(`select set_config('application_name', 'bench', false)`);
  return { clients, next: 1 };
}

async function replayOnce(caller: Caller, template: Template, statements: readonly Sent[]): Promise<void> {
  const buyer = String(caller.next++).padStart(26, '0');
  const replay: Replay = { buyer, ids: freshIds(statements, buyer, template.cart), made: new Map() };
  for (const unit of template.units) {
    for (const step of unit) {
      const client = caller.clients.get(step.schema);
      if (client === undefined) throw new Error(`${step.schema} is no schema`);
      const isPlain = step.values.length === 0;
      const { rows } = await client.query<Record<string, unknown>>(
        isPlain ? step.text : { name: step.name, text: step.text, values: step.fill(replay) },
      );
      learn(step, rows, replay);
    }
  }
}

// What a checkout leaves behind, and that nothing of it waits any more.
const left = `select
  (select count(*) from order_service.orders where status = 3)::int as orders,
  (select count(*) from payment.payment where status = 3 or method = 2)::int as payments,
  (select count(*) from product.reservation where state = 2)::int as reservations,
  (select count(*) from product.stock_movement where kind = 2)::int as sold,
  (select count(*) from cart.inbox)::int as carts,
  -((select count(*) from event_bus.delivery) + (select count(*) from order_service.outbox)
    + (select count(*) from payment.outbox) + (select count(*) from order_service.task)
    + (select count(*) from payment.task where kind <> 'payment.check'))::int as waiting`;

async function proved({ clients }: Caller, work: () => Promise<void>): Promise<void> {
  const client = clients.get('order_service');
  const ask = async () => (await client?.query<Record<string, number>>(left))?.rows[0] ?? {};
  const before = await ask();
  await work();
  const after = await ask();
  const changes = Object.keys(after).map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)] as const);
  if (changes.some(([name, change]) => change !== (name === 'waiting' ? 0 : 1)))
    throw new Error(`a replay left behind ${changes.map((change) => change.join(' ')).join(', ')}`);
}

async function loop(work: () => Promise<void>, seconds: number): Promise<number[]> {
  const until = performance.now() + seconds * 1_000;
  const took: number[] = [];
  while (performance.now() < until) {
    const began = performance.now();
    await work();
    took.push(performance.now() - began);
  }
  return took;
}
