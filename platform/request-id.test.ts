import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { MoneySchema, type Money } from '#gen/only2u/type/v1/money_pb.ts';
import { forgetAnswers, once } from './request-id.postgres.ts';
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
