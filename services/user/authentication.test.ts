import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { Fault } from '#platform/fault.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { createAuthentication, type Authentication } from './authentication.ts';
import { createLimiter } from './limiter.ts';
import { createPasswordHasher } from './password-hash.ts';
import { createRefreshTokens } from './refresh-token.ts';
import { newAddress, requestId } from './service.testing.ts';
import { openSigner } from './signer.ts';
import { createPostgresStore } from './store.postgres.ts';
import type { UserStore } from './store.ts';

const now = (): Date => new Date('2026-03-01T10:00:00Z');
const secret = Buffer.alloc(32, 'secret');

let hashes = 0;
let statements = 0;
let ids = 0;
let database: TestDatabase;
let store: UserStore;
let authentication: Authentication;

beforeAll(async () => {
  database = await openTestDatabase('user_service', new URL('./migrations/', import.meta.url));
  store = createPostgresStore({
    ...database,
    query(text, values) {
      statements += 1;
      return database.query(text, values);
    },
    transaction: (work, options) =>
      database.transaction((tx) => {
        statements += 2; // BEGIN and COMMIT
        return work({
          query(text, values) {
            statements += 1;
            return tx.query(text, values);
          },
        });
      }, options),
  });
  const hasher = createPasswordHasher({ secret, concurrency: 2, metrics: new Registry() });
  authentication = createAuthentication({
    store,
    hasher: {
      hash(email, password) {
        hashes += 1;
        return hasher.hash(email, password);
      },
    },
    limiter: createLimiter({ store, secret }),
    refreshTokens: createRefreshTokens(secret),
    signer: await openSigner({ store, secret, now }),
    requestSecret: secret,
    log: silentLog(),
    now,
    newId: (prefix) => `${prefix}_${String((ids += 1)).padStart(6, '0')}`,
  });
});
afterAll(() => store.close());

const password = 'monsoon-mango-41';
const origin = (address = newAddress()) => ({ address, userAgent: 'test' });
const signUp = (email: string) => ({ requestId: requestId(), email, password, displayName: 'Asha' });
const signIn = (email: string, word = password) => ({ requestId: requestId(), email, password: word });

/** What a call costs, whether or not it is refused. */
async function cost(work: () => Promise<unknown>): Promise<{ hashes: number; statements: number }> {
  [hashes, statements] = [0, 0];
  await work().catch(() => undefined);
  return { hashes, statements };
}

test('signing up costs the same for a known and an unknown address: one hash and the same statements', async () => {
  await authentication.signUp(signUp('known@example.com'), origin());
  const other = { ...signUp('known@example.com'), password: 'quite-another-word' };
  const known = await cost(() => authentication.signUp(other, origin()));
  const unknown = await cost(() => authentication.signUp(signUp('unknown@example.com'), origin()));
  expect(known).toEqual(unknown);
  expect(known.hashes).toBe(1);
});

test('failing to sign in costs the same for a known and an unknown address: one hash and the same statements', async () => {
  await authentication.signUp(signUp('member@example.com'), origin());
  const known = await cost(() => authentication.signIn(signIn('member@example.com', 'wrong'), origin()));
  const unknown = await cost(() => authentication.signIn(signIn('stranger@example.com', 'wrong'), origin()));
  expect(known).toEqual({ hashes: 1, statements: 7 });
  expect(unknown).toEqual(known);
});

test('signing in costs one hash and eleven statements', async () => {
  await authentication.signUp(signUp('costs@example.com'), origin());
  const signedIn = await cost(() => authentication.signIn(signIn('costs@example.com'), origin()));
  expect(signedIn).toEqual({ hashes: 1, statements: 11 });
});

test('refreshing costs no hash and two statements', async () => {
  const { tokens } = await authentication.signUp(signUp('refreshes@example.com'), origin());
  const request = { requestId: requestId(), refreshToken: tokens.refreshToken };
  expect(await cost(() => authentication.refresh(request, origin()))).toEqual({ hashes: 0, statements: 2 });
});

test('an attempt that comes too early costs no hash', async () => {
  const thief = origin();
  const guess = () => authentication.signIn(signIn('victim@example.com', 'wrong'), thief);
  for (let i = 0; i < 6; i += 1) expect((await cost(guess)).hashes).toBe(1);
  expect((await cost(guess)).hashes).toBe(0);
});

test('an attempt that found no place in the queue is not counted', async () => {
  const counted = async (): Promise<number> => {
    const rows = await database.query<{ sum: number }>('SELECT round(sum(failures))::int AS sum FROM attempt');
    return rows[0]?.sum ?? 0;
  };
  const before = await counted();
  const flood = Array.from({ length: 60 }, (_, i) => authentication.signIn(signIn(`flood${i}@example.com`), origin()));
  const settled = await Promise.allSettled(flood);
  const reasons = settled.map((one) =>
    one.status === 'rejected' && one.reason instanceof Fault ? one.reason.reason : '',
  );
  const failed = reasons.filter((reason) => reason === 'SIGN_IN_FAILED');
  expect(reasons.filter((reason) => reason === 'SIGN_IN_BUSY')).toHaveLength(60 - failed.length);
  expect(failed.length).toBeLessThan(60);
  expect((await counted()) - before).toBe(2 * failed.length); // for the pair and for the network
});
