import { createHmac, hash, randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import type { Redis } from 'ioredis';
import { AddCartItemRequestSchema } from '#gen/only2u/cart/v1/cart_pb.ts';
import { newId } from '#platform/ids.ts';
import { fingerprintOf } from '#platform/request-id.postgres.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { addPieces, changed, createCart, type Cart } from '#services/cart/cart.ts';
import { encodeContent, type StoredContent } from '#services/cart/content.ts';
import { createKeeper } from '#services/cart/keeper.redis.ts';
import { openRedisPrimary } from '#services/cart/primary.redis.ts';
import { finding, saving } from '#services/cart/scripts.redis.ts';
import { createPostgresStore } from '#services/cart/store.postgres.ts';
import { createRedisStore } from '#services/cart/store.redis.ts';
import type { CartStore } from '#services/cart/store.ts';
import { createAccount } from '#services/user/account.ts';
import { openSession, rotateSession, type Session } from '#services/user/session.ts';
import { withSessionsInRedis } from '#services/user/sessions.redis.ts';
import { createPostgresStore as createUserStore } from '#services/user/store.postgres.ts';
import type { UserStore } from '#services/user/store.ts';
import type { Work } from './compare.ts';
import { tablesOf, type World } from './world.ts';

const size = 64; // carts and sessions, more than are in flight, so that nobody loses to another
const log = silentLog();
const unitPrice = { minorUnits: 10_000n, currency: 'INR' };
const seen = { unitPrice, productId: 'prd_1', title: 'Shirt', variantTitle: 'M' };
const request = create(AddCartItemRequestSchema, { variantId: 'var_1', quantity: 1 });

/** Carts and refreshes of sessions, in Redis and in PostgreSQL alone. */
export async function benchCart(world: World): Promise<void> {
  const { compare, embedded, atEnd } = world;
  const { redis, bareRedis: bare } = await world.redis();
  const behind = await embedded(tablesOf('cart'));
  const byBare = await bareWorks(bare, redis.key('{bare}', ''));
  const quiet = { wake: () => undefined, drain: () => Promise.resolve() };
  const inRedis = { keeper: createKeeper(redis), database: behind, sweep: () => Promise.resolve(0) };
  const byRedis = await cartWorks(createRedisStore({ ...inRedis, behind: quiet }));
  const byPostgres = await cartWorks(createPostgresStore(await embedded(tablesOf('cart'))));
  // Bare, finding reads the JSON and makes no amounts and dates of it, and saving gets its content ready to be written.
  await compare('cart find', {
    'bare ioredis, same script': byBare.find,
    Redis: byRedis.find,
    'PostgreSQL (embedded)': byPostgres.find,
  });
  await compare('cart save, not written behind', { 'bare ioredis, same script': byBare.save, Redis: byRedis.save });
  const primary = openRedisPrimary({ redis, database: behind, group: 'cart', now: () => new Date(), newId, log });
  atEnd(() => primary.close());
  const { save } = await cartWorks(primary.store);
  await compare('cart save', { 'Redis, and PostgreSQL behind it': save, 'PostgreSQL (embedded)': byPostgres.save });

  const recording = await embedded(tablesOf('user'));
  const sessions = await world.redis();
  const store = withSessionsInRedis({
    ...{ store: createUserStore(recording), database: recording, log },
    redis: sessions.redis,
  });
  atEnd(() => store.close());
  await compare('refresh a session (look and rotate)', {
    Redis: await refreshing(store),
    'PostgreSQL (embedded)': await refreshing(createUserStore(await embedded(tablesOf('user')))),
  });
}

type CartWorks = { readonly save: Work; readonly find: Work };

function newCarts(): Cart[] {
  const empty = () => createCart(newId('crt'), '', new Date());
  const add = (cart: Cart, index: number) => addPieces(cart, { variantId: `var_${index}`, quantity: 1, seen });
  return Array.from({ length: size }, () => [0, 1, 2].reduce(add, empty()));
}

/** Saves over and over, each time the next version, and reads. */
async function cartWorks(store: CartStore): Promise<CartWorks> {
  const carts = newCarts();
  const saveOne = (cart: Cart, from: number | undefined) => {
    const about = { actor: cart.id, method: 'bench', requestId: randomUUID(), request, now: new Date() };
    return store.save({ cart, from, ends: undefined, request: about, outcome: { cartId: cart.id, leftOut: [] } });
  };
  for (const cart of carts) await saveOne(cart, undefined);
  return {
    async save(call) {
      const cart = carts[call % size];
      if (cart === undefined) throw new Error('there are carts');
      const next = changed(cart, { items: cart.items });
      if ((await saveOne(next, cart.version)) === 'saved') carts[call % size] = next;
    },
    find: (call) => store.find(carts[call % size]?.id ?? '', new Date()),
  };
}

async function bareWorks(bare: Redis, base: string): Promise<CartWorks> {
  const run = /run_id:(\w{1,12})/.exec(await bare.info('server'))?.[1] ?? '';
  const [find, save] = await Promise.all([finding, saving].map(({ text }) => bare.script('LOAD', text)));
  const carts = newCarts().map((cart) => ({ cart, version: 0, content: encodeContent(cart) }));
  async function saveOne(call: number): Promise<void> {
    const one = carts[call % size];
    if (one === undefined) throw new Error('there are carts');
    const { id, expireTime } = one.cart;
    const head = [run, Date.now(), id, '', one.version === 0 ? '' : one.version, one.version + 1, expireTime.getTime()];
    const print = fingerprintOf(request).toString('base64url').slice(0, 22);
    const kept = `zzzzzz.${print}.${id}.`;
    const field = hash('sha256', JSON.stringify(['bench', randomUUID()]), 'base64url').slice(0, 22);
    const rest = [JSON.stringify(one.content), 600_000_000, '', '', id, field, kept, 172_800_000, ''];
    if ((await bare.evalsha(String(save), 1, base, ...head, ...rest)) === 'saved') one.version++;
  }
  for (let call = 0; call < size; call++) await saveOne(call);
  return {
    save: saveOne,
    async find(call) {
      const answer = await bare.evalsha(String(find), 1, base, run, 'c', carts[call % size]?.cart.id ?? '');
      if (!Array.isArray(answer) || answer[1] !== 'known') throw new Error('there are carts');
      return JSON.parse(String(answer[6])) as StoredContent;
    },
  };
}

async function refreshing(store: UserStore): Promise<Work> {
  const now = new Date();
  const keyed = (text: string): Buffer => createHmac('sha256', 'bench').update(text).digest();
  const account = createAccount({ id: newId('usr'), email: 'bench@example.com', displayName: 'Bench' }, now);
  await store.accounts.add(account, { email: account.email, passwordHash: keyed(account.id) });
  const sessions: Session[] = [];
  for (let index = 0; index < size; index++) {
    const about = { userId: account.id, userAgent: '', address: '', tokenHash: keyed('0'), requestId: '' };
    const session = openSession({ id: newId('ses'), ...about }, now);
    await store.sessions.add(session, { requestId: session.id, fingerprint: keyed('') });
    sessions.push(session);
  }
  return async (call) => {
    const found = await store.sessions.get(sessions[call % size]?.id ?? '');
    if (found === undefined) throw new Error('there are sessions');
    const requestId = randomUUID();
    const to = rotateSession(found.session, { tokenHash: keyed(requestId), requestId, address: '' }, new Date());
    await store.sessions.rotate(found.session, to);
  };
}
