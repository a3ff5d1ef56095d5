import type { Logger } from 'pino';
import type { RedisConnection } from '#platform/connection.redis.ts';
import type { Database } from '#platform/database.postgres.ts';
import { Fault } from '#platform/fault.ts';
import { redisScript } from '#platform/script.redis.ts';
import { createRotations } from './rotations.ts';
import type { Session } from './session.ts';
import { recordRotations } from './sessions.postgres.ts';
import type { Accounts, Sessions, UserStore } from './store.ts';

export type RedisSessionsOptions = {
  readonly store: UserStore;
  readonly database: Database;
  readonly redis: RedisConnection;
  readonly log: Logger;
};

const keptMs = 24 * 3_600_000; // PostgreSQL is told within milliseconds, or when it is back

// KEYS: the session. ARGV: generation it was made from, time to live, whether PostgreSQL has decided, then the fields. What is there of the same
// generation or an older one is a copy from before PostgreSQL moved on: who asks has seen PostgreSQL. Nothing there says nothing about others.
const rotating = redisScript(`
local has = redis.call('hget', KEYS[1], 'generation')
if not has and ARGV[3] == '0' then return 2 end
if has and (has == 'ended' or tonumber(has) > tonumber(ARGV[1])) then return 0 end
redis.call('hset', KEYS[1], unpack(ARGV, 4))
redis.call('pexpire', KEYS[1], ARGV[2])
return 1`);

const ending = redisScript(`
for _, key in ipairs(KEYS) do
  redis.call('del', key)
  redis.call('hset', key, 'generation', 'ended')
  redis.call('pexpire', key, ARGV[1])
end`);

/**
 * The store with the refreshes of sessions in Redis. A session is opened and ended in PostgreSQL alone, which every refresh asks (its account has to be read anyway), so that a
 * sign-out can't come undone by anything that Redis does. Which refresh token is the next is decided in Redis by one script, and recorded in PostgreSQL by
 * this process milliseconds later, many in one statement; of the two the later generation counts. While Redis is away, or knows nothing of
 * the session (new, or forgotten), PostgreSQL decides.
 */
export function withSessionsInRedis({ store, database, redis, log }: RedisSessionsOptions): UserStore {
  const rotations = createRotations({ record: (rotated) => recordRotations(database, rotated), log });
  const keyOf = (id: string): string => redis.key('session', id);

  /** Only closes the moment between a refresh's look at PostgreSQL and its change in Redis: no harm is done when it can't be told. */
  async function tellEnded(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await redis.ask(ending.run(redis.client, ids.map(keyOf), [keptMs])).catch((error: unknown) => {
      if (!isAway(error)) throw error;
    });
  }

  async function heard(id: string): Promise<Record<string, string>> {
    return redis.ask(redis.client.hgetall(keyOf(id))).catch((error: unknown) => {
      if (isAway(error)) return {};
      throw error;
    });
  }

  const sessions: Sessions = {
    ...store.sessions,
    async get(id) {
      const [found, hot] = await Promise.all([store.sessions.get(id), heard(id)]);
      if (found === undefined) return undefined;
      const latest = later(later(found.session, decode(found.session, hot)), rotations.get(id));
      if (latest !== found.session && rotations.get(id) === undefined) rotations.add(latest); // another process may have been killed
      return { session: latest, account: found.account };
    },
    async rotate(from, to) {
      const ask = (decided: 0 | 1): Promise<unknown> =>
        redis
          .ask(rotating.run(redis.client, [keyOf(from.id)], [from.generation, keptMs, decided, ...encode(to)]))
          .catch((error: unknown) => {
            if (isAway(error)) return 'away';
            throw error;
          });
      const done = await ask(0);
      if (done === 'away' || done === 2) {
        await rotations.flush();
        const rotated = await store.sessions.rotate(from, to);
        if (rotated && done === 2) await ask(1);
        return rotated;
      }
      if (done !== 1) return false;
      rotations.add(to);
      return true;
    },
    ...endingIn(store.sessions, tellEnded),
  };

  return {
    ...store,
    sessions,
    async change(work) {
      const ended = new Set<string>();
      const note = async (ids: readonly string[]): Promise<void> => {
        for (const id of ids) ended.add(id);
      };
      const result = await store.change((tx) => {
        const noting = { ...tx.sessions, ...endingIn(tx.sessions, note) };
        return work({ ...tx, sessions: noting, accounts: erasingIn(tx.accounts, note) });
      });
      await tellEnded([...ended]);
      return result;
    },
    async close() {
      await rotations.close();
      await redis.close();
      await store.close();
    },
  };
}

type Note = (ids: readonly string[]) => Promise<void>;

function endingIn(sessions: Sessions, note: Note): Pick<Sessions, 'end' | 'endOthers' | 'endOldest'> {
  const noted = async (ids: string[]): Promise<string[]> => {
    await note(ids);
    return ids;
  };
  return {
    async end(session, now) {
      const ended = await sessions.end(session, now);
      if (ended) await note([session.id]);
      return ended;
    },
    endOthers: async (session, now) => noted(await sessions.endOthers(session, now)),
    endOldest: async (userId, keep, now) => noted(await sessions.endOldest(userId, keep, now)),
  };
}

function erasingIn(accounts: Accounts, note: Note): Accounts {
  return {
    ...accounts,
    async erase(id, now) {
      const ids = await accounts.erase(id, now);
      await note(ids);
      return ids;
    },
  };
}

/** Whether a session has ended is PostgreSQL's to say. */
function later(session: Session, other: Session | undefined): Session {
  return other !== undefined && other.generation > session.generation
    ? { ...other, endTime: session.endTime }
    : session;
}

function encode(session: Session): (string | number)[] {
  return [
    ...['generation', session.generation, 'hash', session.tokenHash.toString('base64'), 'request', session.requestId],
    ...[
      'address',
      session.address,
      'refreshed',
      session.refreshTime.getTime(),
      'expires',
      session.expireTime.getTime(),
    ],
  ];
}

/** The session as Redis has it: the rest of it never changes, or is PostgreSQL's to say. */
function decode(session: Session, hot: Readonly<Record<string, string>>): Session | undefined {
  const { generation, hash = '', request = '', address = '', refreshed, expires } = hot;
  if (generation === undefined || generation === 'ended') return undefined;
  return {
    ...session,
    ...{ generation: Number(generation), tokenHash: Buffer.from(hash, 'base64'), requestId: request, address },
    ...{ refreshTime: new Date(Number(refreshed)), expireTime: new Date(Number(expires)) },
  };
}

function isAway(error: unknown): boolean {
  return error instanceof Fault && error.reason === 'REDIS_UNAVAILABLE';
}
