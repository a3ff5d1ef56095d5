import { create } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { newId } from './ids.ts';
import type { Database } from './pool.postgres.ts';
import type { Counted, Ranked, Ranking, RankingWindow } from './ranking.ts';

export type RankingBench = {
  readonly ranking: Ranking;
  /** Where events are remembered. */
  readonly database: Database;
  /** Resolves when the board says what was counted until now. */
  fresh(board: string): Promise<void>;
};

export type OpenRanking = (options: RankingWindow & { now(): Date }) => RankingBench;

export const today = new Date('2026-11-23T12:00:00Z');
const dayMs = 24 * 3_600_000;
export const daysAgo = (days: number): Date => new Date(today.getTime() - days * dayMs);

/** Has an event counted that says this. */
export async function count(bench: RankingBench, counted: Counted, eventId = newId('evt')): Promise<void> {
  const { ranking, database } = bench;
  const handler = ranking.counting(UserDeletedSchema, () => Promise.resolve(counted));
  const message = {
    id: eventId,
    topic: UserDeletedSchema.typeName,
    key: '',
    body: Buffer.of(),
    traceparent: '',
    time: today,
  };
  const { signal } = new AbortController();
  await handler.handle(create(UserDeletedSchema), { message, group: 'sample', database, signal });
}

/** What every adapter of the port promises. */
export function rankingContract(open: OpenRanking): void {
  const window = { days: 7, kept: 5 };
  let boards = 0;
  const newBoard = (): string => `board ${++boards}`;
  const add = (bench: RankingBench, board: string, time: Date, scores: Readonly<Record<string, number>>) =>
    count(bench, { time, scores: Object.entries(scores).map(([member, score]) => ({ board, member, score })) });
  const all = async ({ ranking, fresh }: RankingBench, board: string): Promise<Ranked[]> => {
    await fresh(board);
    return ranking.top(board, { offset: 0, limit: 100 });
  };

  test('a board that nobody is on is empty', async () => {
    const bench = open({ ...window, now: () => today });
    expect(await all(bench, newBoard())).toEqual([]);
    expect(await bench.ranking.placeOf(newBoard(), 'a')).toBeUndefined();
  });

  test('the days of the window are added up, the best first; of equals the larger name', async () => {
    const bench = open({ ...window, now: () => today });
    const board = newBoard();
    await add(bench, board, daysAgo(6), { a: 2, b: 1 });
    await add(bench, board, daysAgo(1), { a: 2, c: 9 });
    await add(bench, board, today, { a: 1, d: 1 });
    expect(await all(bench, board)).toEqual([
      { member: 'c', score: 9 },
      { member: 'a', score: 5 },
      { member: 'd', score: 1 },
      { member: 'b', score: 1 },
    ]);
    expect(await bench.ranking.top(board, { offset: 1, limit: 2 })).toEqual([
      { member: 'a', score: 5 },
      { member: 'd', score: 1 },
    ]);
    expect(await bench.ranking.placeOf(board, 'a')).toEqual({ place: 1, score: 5 });
    expect(await bench.ranking.placeOf(board, 'x')).toBeUndefined();
  });

  test('an event that comes twice counts once', async () => {
    const bench = open({ ...window, now: () => today });
    const board = newBoard();
    const counted = { time: today, scores: [{ board, member: 'a', score: 3 }] };
    await count(bench, counted, 'evt_twice');
    await Promise.all([count(bench, counted, 'evt_twice'), count(bench, counted, 'evt_twice')]);
    expect(await all(bench, board)).toEqual([{ member: 'a', score: 3 }]);
  });

  test('one event may count for several on several boards, and for one of them more than once', async () => {
    const bench = open({ ...window, now: () => today });
    const [one, other] = [newBoard(), newBoard()];
    const scores = [
      { board: one, member: 'a', score: 1 },
      { board: other, member: 'b', score: 2 },
      { board: one, member: 'a', score: 4 },
    ];
    await count(bench, { time: today, scores });
    expect(await all(bench, one)).toEqual([{ member: 'a', score: 5 }]);
    expect(await all(bench, other)).toEqual([{ member: 'b', score: 2 }]);
  });

  test('a day that is over for the window counts no more, and neither does what comes from before it or from the future', async () => {
    let now = today;
    const bench = open({ ...window, now: () => now });
    const board = newBoard();
    await add(bench, board, daysAgo(6), { a: 1 });
    await add(bench, board, daysAgo(7), { b: 1 });
    await add(bench, board, daysAgo(-1), { c: 1 });
    expect(await all(bench, board)).toEqual([{ member: 'a', score: 1 }]);
    now = daysAgo(-1);
    expect(await all(bench, board)).toEqual([]);
  });

  test('a board shows its best alone', async () => {
    const bench = open({ ...window, now: () => today });
    const board = newBoard();
    await add(bench, board, today, { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 });
    expect((await all(bench, board)).map(({ member }) => member)).toEqual(['g', 'f', 'e', 'd', 'c']);
    expect(await bench.ranking.top(board, { offset: 4, limit: 100 })).toEqual([{ member: 'c', score: 3 }]);
    expect(await bench.ranking.top(board, { offset: 5, limit: 100 })).toEqual([]);
    expect(await bench.ranking.placeOf(board, 'a')).toBeUndefined();
  });

  test('whoever was not among the best of a day comes back with all of the day', async () => {
    const bench = open({ ...window, now: () => today });
    const board = newBoard();
    await add(bench, board, today, { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 });
    expect((await all(bench, board)).map(({ member }) => member)).not.toContain('a');
    await add(bench, board, today, { a: 9 });
    expect((await all(bench, board))[0]).toEqual({ member: 'a', score: 10 });
  });

  test('however events come, again and at the same time, each counts once', async () => {
    const event = fc.record({ id: fc.nat(5), member: fc.constantFrom('a', 'b', 'c'), again: fc.boolean() });
    const bench = open({ ...window, now: () => today });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(event, { selector: ({ id }) => id }), async (events) => {
        const board = newBoard();
        const expected = new Map<string, number>();
        for (const { id, member } of events) expected.set(member, (expected.get(member) ?? 0) + id + 1);
        await Promise.all(
          events.flatMap(({ id, member, again }) => {
            const counted = { time: daysAgo(id), scores: [{ board, member, score: id + 1 }] };
            const told = () => count(bench, counted, `${board} ${id}`);
            return again ? [told(), told()] : [told()];
          }),
        );
        const shown = new Map((await all(bench, board)).map(({ member, score }) => [member, score]));
        expect(shown).toEqual(expected);
      }),
      { numRuns: 15 },
    );
  });
}
