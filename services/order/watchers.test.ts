import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createPostgresPubSub } from '#platform/pubsub.postgres.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { migrations } from './store.postgres.ts';
import { createWatchers, type Watchers } from './watchers.ts';

let database: TestDatabase;
let watchers: Watchers;
let notifications: number;

function open(): Watchers {
  const counting: typeof database = {
    ...database,
    query(text, values) {
      if (text.includes('pg_notify')) notifications += 1;
      return database.query(text, values);
    },
  };
  return createWatchers({ pubsub: createPostgresPubSub(counting), log: silentLog() });
}

beforeEach(async () => {
  database = await openTestDatabase('order_service', migrations);
  notifications = 0;
  watchers = open();
});

afterEach(async () => {
  await watchers.close();
  await database.close();
});

test('a change is heard by all who watch the order, in each process, and by nobody else', async () => {
  const other = open();
  const watches = [await watchers.watch('ord_1'), await watchers.watch('ord_1'), await other.watch('ord_1')];
  const elsewhere = await watchers.watch('ord_2');
  const gone = new AbortController();
  let heard = false;
  const silent = elsewhere.changed(gone.signal).then(() => (heard = !gone.signal.aborted));
  watchers.tell('ord_1');
  await Promise.all(watches.map((watch) => watch.changed(undefined)));
  gone.abort();
  await silent;
  expect(heard).toBe(false);
  for (const watch of [...watches, elsewhere]) watch.close();
  await other.close();
});

test('a change that comes between two looks is not missed', async () => {
  const watch = await watchers.watch('ord_1');
  const witness = await watchers.watch('ord_1');
  watchers.tell('ord_1');
  await witness.changed(undefined);
  await watch.changed(undefined); // heard before it was asked
  watch.close();
  witness.close();
});

test('many changes of a moment are told by few statements', async () => {
  const ids = Array.from({ length: 100 }, (_, n) => `ord_${n}`);
  const watches = await Promise.all(ids.map((id) => watchers.watch(id)));
  for (const id of ids) watchers.tell(id);
  await Promise.all(watches.map((watch) => watch.changed(undefined)));
  expect(notifications).toBeLessThanOrEqual(2);
  for (const watch of watches) watch.close();
});

test('too many are refused, and there is room again when one goes', async () => {
  const watches = await Promise.all(Array.from({ length: 1_000 }, () => watchers.watch('ord_1')));
  await expect(watchers.watch('ord_1')).rejects.toMatchObject({ reason: 'TOO_MANY_WATCHERS' });
  watches[0]?.close();
  watches[0]?.close();
  watches.push(await watchers.watch('ord_1'));
  await expect(watchers.watch('ord_1')).rejects.toMatchObject({ reason: 'TOO_MANY_WATCHERS' });
  for (const watch of watches) watch.close();
});

test('whoever waits is told to come again when the server ends', async () => {
  const watch = await watchers.watch('ord_1');
  const waiting = watch.changed(undefined);
  await Promise.all([expect(waiting).rejects.toMatchObject({ reason: 'CLOSING' }), watchers.close()]);
});
