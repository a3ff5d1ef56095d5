import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { Redis } from 'ioredis';
import { AddCartItemRequestSchema } from '#gen/only2u/cart/v1/cart_pb.ts';
import { openRedis } from '#platform/connection.redis.ts';
import { newId } from '#platform/ids.ts';
import { migrate } from '#platform/migrate.postgres.ts';
import { openPool, type Database } from '#platform/pool.postgres.ts';
import { randomPassword, startPostgres } from '#platform/postgres-process.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { freePort } from '#platform/testing/global-setup.ts';
import { startTestRedis } from '#platform/testing/redis-server.ts';
import { addPieces, changed, createCart, type Cart } from '#services/cart/cart.ts';
import { encodeContent } from '#services/cart/content.ts';
import { openRedisPrimary } from '#services/cart/primary.redis.ts';
import { finding, saving } from '#services/cart/scripts.redis.ts';
import { createPostgresStore } from '#services/cart/store.postgres.ts';
import type { CartStore } from '#services/cart/store.ts';
import { createAccount } from '#services/user/account.ts';
import { openSession, rotateSession, type Session } from '#services/user/session.ts';
import { withSessionsInRedis } from '#services/user/sessions.redis.ts';
import { createPostgresStore as createUserStore } from '#services/user/store.postgres.ts';
import type { UserStore } from '#services/user/store.ts';

// Carts and refreshes of sessions in Redis, beside a bare ioredis with the same commands and PostgreSQL alone: node bench/engines/cart.ts
// on a Redis and a PostgreSQL that it starts itself, both with what they do for durability. BENCH_SECONDS (2) is how long each line is
// measured; the sides take turns of 100 ms, so that all meet the same machine.

type Work = (call: number) => Promise<unknown>;
type Side = { readonly name: string; readonly work: Work; count: number; ms: number; readonly tookMs: number[] };

const turnMs = 100;
const seconds = Number(process.env['BENCH_SECONDS'] ?? 2);
const size = 64; // more than are in flight, so that nobody loses to another
const log = silentLog();
const seen = {
  unitPrice: { minorUnits: 10_000n, currency: 'INR' },
  productId: 'prd_1',
  title: 'Shirt',
  variantTitle: 'M',
};
const prefix = 'bench:';
const request = create(AddCartItemRequestSchema, { variantId: 'var_1', quantity: 1 });

async function compare(name: string, works: Readonly<Record<string, Work>>): Promise<void> {
  for (const inFlight of [1, 16]) {
    const sides = Object.entries(works).map(([side, work]): Side => ({
      name: side,
      work,
      count: 0,
      ms: 0,
      tookMs: [],
    }));
    for (const side of sides) await turn(side, inFlight);
    for (const side of sides) Object.assign(side, { count: 0, ms: 0, tookMs: [] });
    for (let round = 0; round < (seconds * 1_000) / turnMs; round++) {
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await turn(side, inFlight);
    }
    const bare = sides.find((side) => side.name === 'bare ioredis');
    for (const side of sides) console.log(`| ${name}, ${inFlight} in flight: ${side.name} | ${row(side, bare)} |`);
  }
}

async function turn(side: Side, inFlight: number): Promise<void> {
  const beganMs = performance.now();
  let call = side.count;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() - beganMs < turnMs) {
        const atMs = performance.now();
        await side.work(call++);
        side.tookMs.push(performance.now() - atMs);
      }
    }),
  );
  side.count = call;
  side.ms += performance.now() - beganMs;
}

const rateOf = ({ count, ms }: Side): number => (count / ms) * 1_000;

function row(side: Side, bare: Side | undefined): string {
  const sorted = side.tookMs.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(2);
  const ofBare = bare === undefined ? '' : `${Math.round((rateOf(side) / rateOf(bare)) * 100)} %`;
  return [Math.round(rateOf(side)).toLocaleString('en'), at(0.5), at(0.99), ofBare].join(' | ');
}

function newCarts(): Cart[] {
  return Array.from({ length: size }, () =>
    Array.from({ length: 3 }, (_, index) => index).reduce(
      (cart, index) => addPieces(cart, { variantId: `var_${index}`, quantity: 1, seen }),
      createCart(newId('crt'), '', new Date()),
    ),
  );
}

/** Saves over and over, each time the next version, and reads. */
async function cartWorks(store: CartStore): Promise<{ readonly save: Work; readonly find: Work }> {
  const carts = newCarts();
  const saveOne = (cart: Cart, from: number | undefined) => {
    const about = { actor: cart.id, method: 'bench', requestId: randomUUID(), request, now: new Date() };
    return store.save({ cart, from, ends: undefined, request: about, outcome: { cartId: cart.id, leftOut: [] } });
  };
  for (const cart of carts) await saveOne(cart, undefined);
  return {
    async save(call) {
      const cart = carts[call % size] ?? carts[0];
      if (cart === undefined) throw new Error('there are carts');
      const next = changed(cart, { items: cart.items });
      if ((await saveOne(next, cart.version)) === 'saved') carts[call % size] = next;
    },
    find: (call) => store.find(carts[call % size]?.id ?? '', new Date()),
  };
}

async function bareWorks(bare: Redis) {
  const base = `${prefix}{cart}:`;
  const run = /run_id:(\w{1,12})/.exec(await bare.info('server'))?.[1] ?? '';
  const carts = newCarts().map((cart) => ({ cart, version: 0, text: JSON.stringify(encodeContent(cart)) }));
  const save: Work = async (call) => {
    const one = carts[call % size];
    if (one === undefined) return;
    const { id, expireTime } = one.cart;
    const head = [run, Date.now(), id, '', one.version === 0 ? '' : one.version, one.version + 1, expireTime.getTime()];
    const kept = `zzzzzz.0123456789012345678901.${id}.`;
    const rest = [one.text, 600_000_000, '', '', id, randomUUID().slice(0, 22), kept, 172_800_000, ''];
    if ((await saving.run(bare, [base], [...head, ...rest])) === 'saved') one.version++;
  };
  for (let call = 0; call < size; call++) await save(call);
  const find: Work = async (call) => {
    const answer = await finding.run(bare, [base], [run, 'c', carts[call % size]?.cart.id ?? '']);
    return Array.isArray(answer) && (JSON.parse(String(answer[6])) as unknown);
  };
  return { save, find };
}

async function refreshing(store: UserStore): Promise<Work> {
  const now = new Date();
  const hash = (text: string): Buffer => createHmac('sha256', 'bench').update(text).digest();
  const account = createAccount({ id: newId('usr'), email: 'bench@example.com', displayName: 'Bench' }, now);
  await store.accounts.add(account, { email: account.email, passwordHash: hash(account.id) });
  const sessions: Session[] = [];
  for (let index = 0; index < size; index++) {
    const about = { userId: account.id, userAgent: '', address: '', tokenHash: hash('0'), requestId: '' };
    const session = openSession({ id: newId('ses'), ...about }, now);
    await store.sessions.add(session, { requestId: session.id, fingerprint: hash('') });
    sessions.push(session);
  }
  return async (call) => {
    const found = await store.sessions.get(sessions[call % size]?.id ?? '');
    if (found === undefined) throw new Error('there are sessions');
    const requestId = randomUUID();
    const to = rotateSession(found.session, { tokenHash: hash(requestId), requestId, address: '' }, new Date());
    await store.sessions.rotate(found.session, to);
  };
}

const folder = await mkdtemp(join(tmpdir(), 'only2u-bench-'));
const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
try {
  const [password, port] = [randomPassword(), await freePort()];
  const postgres = await startPostgres({ folder: join(folder, 'postgres'), port, password, settings: {} });
  closing.push(() => postgres.close());
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const open = async (schema: string, service: string): Promise<Database> => {
    await migrate({ url, schema, migrations: new URL(`../../services/${service}/migrations/`, import.meta.url) });
    const database = openPool({ url, schema, plansOnce: service === 'cart' });
    closing.push(() => database.close());
    return database;
  };
  const server = await startTestRedis({ lines: ['appendonly yes', 'appendfsync everysec'] });
  closing.push(() => server.close());
  const settings = { REDIS_URL: server.url, REDIS_PREFIX: prefix, REDIS_CA: undefined };
  const bare = new Redis(server.url);
  closing.push(async () => bare.disconnect());

  console.log('| what | a second | p50 ms | p99 ms | of bare |\n|---|---:|---:|---:|---:|');
  const [behind, alone] = [await open('behind', 'cart'), await open('alone', 'cart')];
  const redis = await openRedis(settings, log);
  const primary = openRedisPrimary({ redis, database: behind, group: 'cart', now: () => new Date(), newId, log });
  closing.push(() => primary.close());
  const [byBare, byRedis] = [await bareWorks(bare), await cartWorks(primary.store)];
  const byPostgres = await cartWorks(createPostgresStore(alone));
  for (const what of ['find', 'save'] as const) {
    const sides = { 'bare ioredis': byBare[what], 'Redis adapter': byRedis[what], PostgreSQL: byPostgres[what] };
    await compare(`cart ${what}`, sides);
  }
  const [recording, deciding] = [await open('recording', 'user'), await open('deciding', 'user')];
  const redisStore = withSessionsInRedis({
    ...{ store: createUserStore(recording), database: recording, log },
    redis: await openRedis(settings, log),
  });
  closing.push(() => redisStore.close());
  const sides = { Redis: await refreshing(redisStore), PostgreSQL: await refreshing(createUserStore(deciding)) };
  await compare('refresh (look and rotate)', sides);
} finally {
  for (const close of closing.toReversed()) await close();
}
