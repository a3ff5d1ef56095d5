import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { MoneySchema, type Money } from '#gen/only2u/type/v1/money_pb.ts';
import { AnsweredBefore, changeOnce, firstAnswer, forgetAnswers, once } from './request-id.postgres.ts';
import { openTestDatabase, type TestDatabase } from './testing/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase('sample', new URL('./testing/migrations/', import.meta.url));
});
afterAll(() => database.close());

const now = new Date('2026-01-01T00:00:00Z');
const method = 'only2u.test.v1.TestService/Pay';

function pay(requestId: string, amount: bigint, work: () => Promise<Money>, more: { actor?: string; now?: Date } = {}) {
  const request = create(MoneySchema, { minorUnits: amount, currency: 'INR' });
  return database.transaction((tx) =>
    once(tx, { actor: 'usr_1', method, requestId, request, schema: MoneySchema, now, ...more }, work),
  );
}

const answering = (amount: bigint) => jest.fn(async () => create(MoneySchema, { minorUnits: amount, currency: 'INR' }));

test('a repeated request gets the first answer, and the work is done once', async () => {
  const work = answering(7n);
  const first = await pay('repeat', 1n, work);
  expect(await pay('repeat', 1n, answering(8n))).toEqual(first);
  expect(work).toHaveBeenCalledTimes(1);
});

test('a reused request_id with other content is refused', async () => {
  await pay('reused', 1n, answering(1n));
  await expect(pay('reused', 2n, answering(1n))).rejects.toMatchObject({
    kind: 'already-exists',
    reason: 'REQUEST_ID_REUSED',
    metadata: { request_id: 'reused' },
  });
});

test('another user may use the same request_id', async () => {
  await pay('shared', 1n, answering(1n));
  expect((await pay('shared', 2n, answering(2n), { actor: 'usr_2' })).minorUnits).toBe(2n);
});

test('of ten at once, one works and all get its answer', async () => {
  let done = 0n;
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      pay('at once', 1n, async () => create(MoneySchema, { minorUnits: ++done, currency: 'INR' })),
    ),
  );
  expect(new Set(answers.map((answer) => answer.minorUnits))).toEqual(new Set([1n]));
});

test('a request that failed is not remembered', async () => {
  await expect(pay('failing', 1n, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect((await pay('failing', 1n, answering(3n))).minorUnits).toBe(3n);
});

test('an answer is kept for two days, then the id is free again', async () => {
  const at = (hours: number) => ({ now: new Date(now.getTime() + hours * 3_600_000) });
  await pay('old', 1n, answering(1n));
  expect((await pay('old', 1n, answering(2n), at(47))).minorUnits).toBe(1n);
  expect((await pay('old', 9n, answering(2n), at(48))).minorUnits).toBe(2n);
});

test('old answers are forgotten, young ones are not', async () => {
  await pay('young', 1n, answering(5n), { actor: 'usr_3', now: new Date(now.getTime() + 3_600_000) });
  await pay('aged', 1n, answering(5n), { actor: 'usr_3' });
  await forgetAnswers(database, new Date(now.getTime() + 48 * 3_600_000));
  expect(await database.query('SELECT request_id FROM request_ids WHERE actor = $1', ['usr_3'])).toEqual([
    { request_id: 'young' },
  ]);
});

test('a request without an id is done each time', async () => {
  const work = answering(1n);
  await pay('', 1n, work);
  await pay('', 1n, work);
  expect(work).toHaveBeenCalledTimes(2);
});

describe('a change in one statement', () => {
  const request = (amount: bigint) => create(MoneySchema, { minorUnits: amount, currency: 'INR' });
  const asked = (requestId: string, amount = 1n, actor = 'usr_1') => {
    return { actor, method, requestId, request: request(amount), schema: MoneySchema, now };
  };
  const note = (name: string) => ({
    text: 'INSERT INTO inbox (group_name, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1',
    values: ['notes', name],
    answer: request(7n),
  });
  const notes = async (name: string) =>
    (await database.query(`SELECT FROM inbox WHERE group_name = 'notes' AND event_id = $1`, [name])).length;

  test('is made once, and its answer is known', async () => {
    expect(await firstAnswer(database, asked('one'))).toBeUndefined();
    expect(await changeOnce(database, asked('one'), note('one'))).toBe(true);
    await expect(changeOnce(database, asked('one'), note('one again'))).rejects.toThrow(AnsweredBefore);
    expect(await notes('one again')).toBe(0);
    expect(await firstAnswer(database, asked('one'))).toEqual(request(7n));
  });

  test('is not remembered when it changed nothing', async () => {
    await changeOnce(database, asked('two'), note('two'));
    expect(await changeOnce(database, asked('two more'), note('two'))).toBe(false);
    expect(await firstAnswer(database, asked('two more'))).toBeUndefined();
  });

  test('is made once of ten at once', async () => {
    const changes = Array.from({ length: 10 }, (_, i) => changeOnce(database, asked('three'), note(`three ${i}`)));
    const settled = await Promise.allSettled(changes);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const made = await Promise.all(changes.map((_, i) => notes(`three ${i}`)));
    expect(made.filter((count) => count === 1)).toHaveLength(1);
  });

  test('keeps another request from having its id, and another user from having its answer', async () => {
    await changeOnce(database, asked('four'), note('four'));
    await expect(firstAnswer(database, asked('four', 2n))).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
    expect(await firstAnswer(database, asked('four', 1n, 'usr_2'))).toBeUndefined();
  });

  test('is made each time without a request_id, and fails as itself', async () => {
    expect(await changeOnce(database, asked(''), note('five'))).toBe(true);
    expect(await changeOnce(database, asked(''), note('five'))).toBe(false);
    const twice = { ...note('five'), text: 'INSERT INTO inbox (group_name, event_id) VALUES ($1, $2) RETURNING 1' };
    await expect(changeOnce(database, asked('five'), twice)).rejects.toMatchObject({ constraint: 'inbox_pkey' });
  });
});
