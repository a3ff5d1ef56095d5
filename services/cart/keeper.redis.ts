import type { RedisConnection } from '#platform/connection.redis.ts';
import { Fault } from '#platform/fault.ts';
import type { RedisScript } from '#platform/script.redis.ts';
import type { Cart } from './cart.ts';
import { decodeContent, type StoredContent } from './content.ts';
import type { StoredCart, WrittenCart } from './behind.postgres.ts';
import { cleaning, erasing, finding, restoring, saving, taking } from './scripts.redis.ts';

/** What Redis says of a cart: that it has it, that there is none, or that PostgreSQL has to be asked first. */
export type Answer =
  | { readonly life: string; readonly kind: 'known'; readonly cart: Cart }
  | { readonly life: string; readonly kind: 'none' | 'again' }
  | { readonly life: string; readonly kind: 'unknown'; readonly cartId: string };

export type Saving = {
  readonly cart: Cart;
  readonly content: StoredContent;
  readonly from: number | undefined;
  readonly ends: Pick<Cart, 'id' | 'version'> | undefined;
  readonly request:
    { readonly actor: string; readonly field: string; readonly kept: string; readonly keepMs: number } | undefined;
  readonly event: string;
  readonly now: Date;
};

export type Taken = { readonly life: string; readonly carts: readonly (WrittenCart & { readonly saves: string })[] };

/** Carts in Redis, script by script. What calls them knows PostgreSQL; this doesn't. */
export type Keeper = {
  find(by: 'cart' | 'user', id: string): Promise<Answer>;
  /** Offers what PostgreSQL has, or says that it has nothing. */
  restore(missed: Missed, row: StoredCart | undefined): Promise<Answer>;
  save(change: Saving): Promise<'saved' | 'lost' | 'answered' | 'unknown'>;
  /** Ends the user's carts, these among them. Answers which. */
  erase(userId: string, cartIds: readonly string[], now: Date): Promise<string[]>;
  /** What is kept of a request, or undefined. */
  kept(actor: string, field: string): Promise<string | undefined>;
  /** The next carts to be written behind; undefined while another writer has its turn. */
  take(writer: string): Promise<Taken | undefined>;
  clean(writer: string, taken: Taken): Promise<void>;
  /** How many carts PostgreSQL has yet to be told of, and how long the first of them has waited. */
  unwritten(): Promise<{ readonly carts: number; readonly waitedMs: number }>;
};

/** By what a cart was missed, in which life of Redis, and which cart it was if that is known. */
export type Missed = {
  readonly life: string;
  readonly userId: string;
  readonly cartId: string;
  readonly now: Date;
};

const dayMs = 86_400_000; // what a key outlasts its cart, for clocks that differ
const noneMs = 3_600_000; // how long it is known that PostgreSQL has none: nobody but us writes there
const turnMs = 3_000; // a batch takes some 20 ms; a writer that was killed is succeeded after it, and two at once would do no harm
const batch = 200; // carts in one statement: some 20 ms, and some MB where all are full

export function createKeeper(redis: RedisConnection): Keeper {
  const { client, ask } = redis;
  const base = redis.key('{cart}', ''); // the braces keep all carts in one slot
  const run = createRun(redis);
  function call(script: RedisScript, ...args: readonly (string | number)[]): Promise<unknown> {
    const known = run();
    const on = (life: string): Promise<unknown> => ask(script.run(client, [base], [life, ...args]));
    return typeof known === 'string' ? on(known) : known.then(on);
  }

  return {
    find: (by, id) => call(finding, by === 'cart' ? 'c' : 'u', id).then(toAnswer),

    async restore({ life, userId, cartId, now }, row) {
      const id = row?.id ?? cartId;
      const ttl = row === undefined ? noneMs : ttlOf(row.expireTime, now);
      const of = row && [row.version, row.userId, row.expireTime.getTime(), JSON.stringify(row.content)];
      const args = of === undefined ? [] : [...of, row?.ended === true ? '1' : ''];
      return toAnswer(await call(restoring, life, userId, id, ttl, ...args));
    },

    async save({ cart, content, from, ends, request, event, now }) {
      const { id, userId, version, expireTime } = cart;
      const stored = [version, expireTime.getTime(), JSON.stringify(content), ttlOf(expireTime, now)];
      const about =
        request === undefined ? ['', '', '', 0] : [request.actor, request.field, request.kept, request.keepMs];
      const ending = [ends?.id ?? '', ends?.version ?? ''];
      const head = [now.getTime(), id, userId, from ?? ''];
      const answer = await call(saving, ...head, ...stored, ...ending, ...about, event);
      if (answer === 'saved' || answer === 'lost' || answer === 'answered' || answer === 'unknown') return answer;
      throw new Error(`Redis answered ${String(answer)} to a change of a cart`);
    },

    async erase(userId, cartIds, now) {
      return texts(await call(erasing, now.getTime(), userId, ...cartIds));
    },

    kept: async (actor, field) => (await ask(client.hget(`${base}q:${actor}`, field))) ?? undefined,

    async take(writer) {
      const answer: unknown = await call(taking, writer, turnMs, batch);
      if (answer === 'busy') return undefined;
      const [life, carts] = list(answer);
      return { life: String(life), carts: list(carts).map((cart) => toWritten(texts(cart))) };
    },

    async clean(writer, { life, carts }) {
      await call(cleaning, writer, life, ...carts.flatMap(({ id, saves }) => [id, saves]));
    },

    async unwritten() {
      const key = `${base}dirty`;
      const asked = [client.zcard(key), client.zrange(key, '0', '0', 'WITHSCORES'), client.time()] as const;
      const [carts, [, since], [seconds, micros]] = await ask(Promise.all(asked));
      const nowMs = Number(seconds) * 1_000 + Number(micros) / 1_000;
      return { carts, waitedMs: since === undefined ? 0 : Math.max(0, nowMs - Number(since) / 1_000) };
    },
  };
}

/** Which run of Redis the connection has reached: another after each restart, and on another server. */
function createRun({ client, ask }: RedisConnection): () => string | Promise<string> {
  let run: string | undefined;
  client.on('close', () => (run = undefined));
  return () => {
    if (run !== undefined) return run;
    return ask(client.info('server')).then((text) => (run = /run_id:(\w{1,12})/.exec(text)?.[1] ?? 'unknown'));
  };
}

function ttlOf(expireTime: Date, now: Date): number {
  return Math.max(0, expireTime.getTime() - now.getTime()) + dayMs;
}

function toAnswer(answer: unknown): Answer {
  const [life = '', kind, id = '', version, userId = '', expireMs, content = ''] = texts(answer);
  if (kind === 'none' || kind === 'again') return { life, kind };
  if (kind === 'unknown') return { life, kind, cartId: id };
  if (kind !== 'known') throw new Error(`Redis answered ${String(kind)} about a cart`);
  const inside = decodeContent(JSON.parse(content) as StoredContent);
  const cart = { id, userId, ...inside, version: Number(version), expireTime: new Date(Number(expireMs)) };
  return { life, kind, cart };
}

function toWritten(stored: readonly string[]): Taken['carts'][number] {
  const [id = '', saves = '', version, userId = '', expireMs, content = '', gone, applied = ''] = stored;
  const events = applied === '' ? [] : applied.split(' ');
  const expireTime = new Date(Number(expireMs));
  return { id, saves, version: Number(version), userId, expireTime, content, ended: gone !== '', events };
}

function texts(answer: unknown): string[] {
  return list(answer).map(String);
}

function list(answer: unknown): readonly unknown[] {
  if (!Array.isArray(answer)) throw new Error('Redis answered no list');
  return answer;
}

/** Whether it is Redis that is away, and not what stands behind it. */
export function isRedisAway(error: unknown): boolean {
  return error instanceof Fault && error.reason === 'REDIS_UNAVAILABLE';
}
