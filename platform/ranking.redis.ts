import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import type { RedisConnection } from './connection.redis.ts';
import type { Locks } from './lock.ts';
import type { EventHandler } from './outbox.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import type { DayScore, PostgresRanking } from './ranking.postgres.ts';
import { type Counted, dayOf, daysOf, type Ranked, type Ranking, type RankingWindow } from './ranking.ts';
import { redisScript } from './script.redis.ts';

export type RedisRankingOptions = RankingWindow & {
  readonly redis: RedisConnection;
  /** What is true: Redis holds a copy. */
  readonly truth: PostgresRanking;
  readonly locks: Pick<Locks, 'tryHold'>;
  readonly log: Logger;
  now(): Date;
  /** How old the sum over the days may be: 5 s unless told. */
  readonly sumMs?: number;
  /** How long a copy counts as whole before it is compared with the truth again: 10 min unless told. */
  readonly wholeMs?: number;
};

// KEYS: whole, sum, the days. Adds the days up unless that was done just now.
const summed = `
if redis.call('exists', KEYS[1]) == 0 then return false end
if redis.call('exists', KEYS[2]) == 0 then
  redis.call('zunionstore', KEYS[2], #KEYS - 2, unpack(KEYS, 3))
  redis.call('zremrangebyrank', KEYS[2], 0, -1 - ARGV[1])
  redis.call('pexpire', KEYS[2], ARGV[2])
end
`;
const topping = redisScript(`${summed}return redis.call('zrevrange', KEYS[2], ARGV[3], ARGV[4], 'withscores')`);
const placing = redisScript(`${summed}local place = redis.call('zrevrank', KEYS[2], ARGV[3])
if not place then return {} end
return {place, redis.call('zscore', KEYS[2], ARGV[3])}`);

const dayMs = 24 * 3_600_000;
const restoreLeaseMs = 10_000;
const scoresAtOnce = 500; // of a day, in one command

/**
 * A copy in Redis of what PostgreSQL counts: reads cost the same however much was sold. What was counted is copied as the day's whole
 * score, and of two the larger holds (ZADD GT), so it doesn't matter how often, in which order and by whom it is copied. A board that is
 * missing (Redis was emptied) is copied anew, by one process, while the others read PostgreSQL; so do all while Redis is away. What
 * was missed then is caught up with when the copy's time is over.
 */
export function createRedisRanking(options: RedisRankingOptions): Ranking {
  const { redis, truth, locks, log, now, sumMs = 5_000, wholeMs = 600_000, ...window } = options;
  const restoring = new Map<string, Promise<void>>();

  const keyOf = (board: string, part: string): string => redis.key('rank', board, part);
  const keysOf = (board: string): string[] =>
    ['whole', 'sum', ...daysOf(window, now())].map((part) => keyOf(board, part));

  /** Copies scores as they are now. Together they are one step, and `whole` says that nothing is missing. */
  async function copy(scores: readonly DayScore[], whole?: string): Promise<void> {
    const step = redis.client.multi();
    const days = Map.groupBy(scores, ({ board, day }) => keyOf(board, day));
    for (const [key, members] of days) {
      for (let at = 0; at < members.length; at += scoresAtOnce) {
        const some = members.slice(at, at + scoresAtOnce);
        step.zadd(key, 'GT', ...some.flatMap(({ score, member }) => [score, member]));
      }
      step.zremrangebyrank(key, 0, -1 - window.kept);
      step.pexpire(key, (window.days + 1) * dayMs);
    }
    if (whole !== undefined) step.set(keyOf(whole, 'whole'), '1', 'PX', wholeMs);
    await redis.ask(step.exec());
  }

  /** In the background: this time PostgreSQL answers. */
  function restore(board: string): void {
    if (restoring.has(board)) return;
    const work = locks
      .tryHold(`rank ${board}`, { ttlMs: restoreLeaseMs }, async ({ signal }) => {
        const scores = await truth.daysOf(board);
        if (!signal.aborted) await copy(scores, board);
      })
      .then(
        () => undefined,
        (error: unknown) =>
          log.debug({ err: error, board }, 'a ranking is not copied now; the next reader tries again'),
      )
      .finally(() => restoring.delete(board));
    restoring.set(board, work);
  }

  /** What Redis answers; undefined when the board isn't there, or Redis. */
  async function asked(board: string, answer: Promise<unknown>): Promise<readonly string[] | undefined> {
    try {
      const found = await redis.ask(answer);
      if (Array.isArray(found)) return found.map(String);
      restore(board);
    } catch (error) {
      log.debug({ err: error, board }, 'a ranking is read from PostgreSQL');
    }
    return undefined;
  }

  async function noteCounted({ time, scores }: Counted): Promise<void> {
    try {
      await copy(await truth.scoresOf(dayOf(time), scores));
    } catch (error) {
      log.debug({ err: error }, 'what was counted is not copied; it comes when the copy’s time is over');
    }
  }

  return {
    counting<S extends DescMessage>(
      schema: S,
      plan: (sql: Sql, event: MessageShape<S>) => Promise<Counted | undefined>,
    ): EventHandler {
      return {
        schema,
        async handle(event, coming) {
          let counted: Counted | undefined;
          const counting = truth.counting(schema, async (sql, said) => (counted = await plan(sql, said)));
          await counting.handle(event, coming);
          if (counted !== undefined) await noteCounted(counted);
        },
      };
    },
    async top(board, page) {
      const { offset, limit } = page;
      const [from, to] = [offset, offset + limit - 1];
      // What was added up just now is read as it lies: the script with its nine keys takes twice as long.
      const ready = await asked(board, redis.client.zrevrange(keyOf(board, 'sum'), from, to, 'WITHSCORES'));
      if (ready !== undefined && ready.length > 0) return pairs(ready);
      const args = [window.kept, sumMs, from, to];
      const found = ready && (await asked(board, topping.run(redis.client, keysOf(board), args)));
      return found === undefined ? truth.top(board, page) : pairs(found);
    },
    async placeOf(board, member) {
      const args = [window.kept, sumMs, member];
      const found = await asked(board, placing.run(redis.client, keysOf(board), args));
      if (found === undefined) return truth.placeOf(board, member);
      const [place, score] = found;
      return place === undefined ? undefined : { place: Number(place), score: Number(score) };
    },
    async close() {
      await Promise.all(restoring.values());
      await truth.close();
    },
  };
}

function pairs(found: readonly string[]): Ranked[] {
  const ranked: Ranked[] = [];
  for (let at = 0; at + 1 < found.length; at += 2)
    ranked.push({ member: found[at] ?? '', score: Number(found[at + 1]) });
  return ranked;
}
