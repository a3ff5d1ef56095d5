import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findStored } from './behind.postgres.ts';
import { decodeContent } from './content.ts';
import { countOf, countUp, startCounting } from './counting.testing.ts';
import { openRedisCarts, until, type RedisCarts } from './redis.testing.ts';

let carts: RedisCarts;
let here: Awaited<ReturnType<RedisCarts['open']>>;
let there: typeof here;
beforeAll(async () => {
  carts = await openRedisCarts();
  [here, there] = await Promise.all([carts.open(), carts.open()]);
});
afterAll(() => carts.close());

const now = (): Date => new Date();

/** What PostgreSQL has of a cart. */
async function written(id: string): Promise<number> {
  const [row] = await findStored(carts.database, id, '');
  if (row === undefined) return 0;
  const { id: cartId, userId, version, expireTime } = row;
  return countOf({ id: cartId, userId, version, expireTime, ...decodeContent(row.content) });
}

type Acknowledged = { readonly count: number; readonly version: number; readonly ms: number };

/** Changes carts at once from two processes' stores until it is stopped. */
async function startLoad(size: number) {
  const ids = await Promise.all(Array.from({ length: size }, () => startCounting(here.store)));
  await here.drain();
  const told = new Map<string, Acknowledged[]>(ids.map((id) => [id, []]));
  let running = true;
  const work = async (id: string, on: typeof here): Promise<void> => {
    while (running) {
      const done = await countUp(on.store, id).catch(() => undefined); // refused while Redis is away
      if (done !== undefined) told.get(id)?.push({ ...done, ms: performance.now() });
      else await new Promise(setImmediate);
    }
  };
  const workers = ids.flatMap((id) => [work(id, here), work(id, there)]);
  return {
    ids,
    told,
    async stop() {
      running = false;
      await Promise.all(workers);
      await here.drain();
    },
  };
}

const lastBefore = (told: readonly Acknowledged[] | undefined, ms: number): number =>
  Math.max(0, ...(told ?? []).filter((one) => one.ms <= ms).map(({ count }) => count));

function expectNoVersionTwice(told: ReadonlyMap<string, readonly Acknowledged[]>): void {
  for (const all of told.values()) expect(new Set(all.map(({ version }) => version)).size).toBe(all.length);
}

test('Redis emptied under load: all that was written behind is there, and no version comes back with other content', async () => {
  const { ids, told, stop } = await startLoad(8);
  for (let round = 0; round < 3; round++) {
    const begun = told.get(ids[0] ?? '')?.length ?? 0;
    await until(async () => (told.get(ids[0] ?? '')?.length ?? 0) > begun + 20);
    const safe = await Promise.all(ids.map(written));
    await here.redis.client.flushall();
    const found = await Promise.all(ids.map((id) => here.store.find(id, now())));
    found.forEach((cart, index) => expect(countOf(cart)).toBeGreaterThanOrEqual(safe[index] ?? 0));
  }
  await stop();
  expectNoVersionTwice(told);
  for (const id of ids) expect(await written(id)).toBe(countOf(await here.store.find(id, now())));
});

test('Redis killed under load and started again: all is there but what the last second may have lost, and changes go on within 10 s', async () => {
  const { ids, told, stop } = await startLoad(8);
  await until(async () => ids.every((id) => (told.get(id)?.length ?? 0) > 50));
  const safe = await Promise.all(ids.map(written));
  const killedMs = performance.now();
  await carts.server.kill();
  await carts.server.start();
  const counts = () => ids.map((id) => told.get(id)?.at(-1)?.ms ?? 0);
  await until(async () => counts().every((ms) => ms > killedMs + 50), 10_000);
  await stop();
  expectNoVersionTwice(told);
  for (const [index, id] of ids.entries()) {
    const since = (told.get(id) ?? []).filter(({ ms }) => ms > killedMs).map(({ count }) => count);
    const first = Math.min(...since);
    expect(first).toBeGreaterThan(safe[index] ?? 0); // what PostgreSQL had, whatever the file lacked
    expect(first).toBeGreaterThan(lastBefore(told.get(id), killedMs - 2_000)); // fsync each second, which may take one
  }
});

test('a process killed at random points loses nothing that it acknowledged', async () => {
  for (let round = 0; round < 3; round++) {
    const about = JSON.stringify({ variables: carts.variables, url: carts.database.url });
    const child = spawn(process.execPath, ['services/cart/killed.testing.ts', about], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const told = new Map<string, number>();
    let lines = 0;
    const enough = 50 + Math.floor(Math.random() * 200);
    const ended = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout })) {
      const [id = '', count] = line.split(' ');
      told.set(id, Number(count));
      if (++lines === enough) child.kill('SIGKILL');
    }
    await ended;
    await here.drain();
    for (const [id, count] of told) {
      expect(countOf(await here.store.find(id, now()))).toBeGreaterThanOrEqual(count);
      expect(await written(id)).toBeGreaterThanOrEqual(count);
    }
  }
});

test('whatever is changed, written and lost in whatever order, a version has one content for ever, and what was written is there', async () => {
  const step = fc.constantFrom('change', 'change', 'change there', 'write', 'lose', 'look');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const id = await startCounting(here.store);
      await here.drain();
      const contents = new Map<number, number>();
      let safe = 0;
      const note = (version: number, count: number): void => {
        expect(contents.get(version) ?? count).toBe(count);
        contents.set(version, count);
      };
      for (const [index, what] of steps.entries()) {
        if (what === 'write') {
          await here.drain();
          safe = countOf(await here.store.find(id, now()));
        } else if (what === 'lose') await here.redis.client.flushall();
        else if (what === 'look') {
          const cart = await (index % 2 === 0 ? here : there).store.find(id, now());
          expect(countOf(cart)).toBeGreaterThanOrEqual(safe);
          note(cart?.version ?? 0, countOf(cart));
        } else {
          const done = await countUp((what === 'change' ? here : there).store, id);
          if (done !== undefined) note(done.version, done.count);
        }
      }
    }),
    { numRuns: 60 },
  );
});
