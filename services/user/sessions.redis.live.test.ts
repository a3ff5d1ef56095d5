import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openRedisSessions, type RedisSessions } from './redis.testing.ts';
import { createAccount } from './account.ts';
import { decideRefresh, isOpen, openSession, rotateSession, type Session } from './session.ts';
import { testUserStore } from './store.contract.ts';
import type { UserStore } from './store.ts';

describe('a store with its sessions in Redis', () => {
  testUserStore(async () => {
    const sessions = await openRedisSessions();
    const store = await sessions.open();
    return {
      ...store,
      async close() {
        await store.close();
        await sessions.close();
      },
    };
  });
});

describe('what Redis does', () => {
  let sessions: RedisSessions;
  let store: UserStore;
  let other: UserStore;
  beforeAll(async () => {
    sessions = await openRedisSessions();
    [store, other] = await Promise.all([sessions.open(), sessions.open()]);
  });
  afterAll(async () => {
    await Promise.all([store.close(), other.close()]);
    await sessions.close();
  });

  const now = new Date();
  const hash = (text: string): Buffer => Buffer.from(text.padEnd(32));

  async function opened(): Promise<Session> {
    const account = createAccount({ id: `usr_${randomUUID()}`, email: 'a@example.com', displayName: 'A' }, now);
    await store.accounts.add(account, { email: account.email, passwordHash: hash(randomUUID()) });
    const about = { userId: account.id, userAgent: '', address: '192.0.2.1', tokenHash: hash('0'), requestId: '0' };
    const session = openSession({ id: `ses_${randomUUID()}`, ...about }, now);
    await store.sessions.add(session, { requestId: session.id, fingerprint: hash('f') });
    return session;
  }

  function next(session: Session, by = ''): Session {
    const generation = session.generation + 1;
    const rotation = { tokenHash: hash(`${generation}${by}`), requestId: `${generation}${by}`, address: '' };
    return rotateSession(session, rotation, now);
  }

  async function refreshed(session: Session, on = store): Promise<Session> {
    const to = next(session);
    expect(await on.sessions.rotate(session, to)).toBe(true);
    return to;
  }

  const recorded = async (id: string) =>
    (await sessions.database.query<{ generation: number }>('SELECT generation FROM session WHERE id = $1', [id]))[0]
      ?.generation;

  async function until(holds: () => Promise<boolean>): Promise<void> {
    const endMs = performance.now() + 20_000;
    while (!(await holds())) if (performance.now() > endMs) throw new Error('it does not come true');
  }

  /** While Redis is killed and started again, empty, until both processes reach it. */
  async function emptied(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    await sessions.server.kill();
    await meanwhile();
    await sessions.server.start();
    await sessions.reached();
  }

  test('another process sees a refresh at once, and PostgreSQL soon', async () => {
    const one = await refreshed(await opened());
    expect((await other.sessions.get(one.id))?.session).toEqual(one);
    await until(async () => (await recorded(one.id)) === 1);
  });

  test('a token is traded once, whichever of two processes is asked', async () => {
    const session = await opened();
    const asked = Array.from({ length: 20 }, (_, index) => {
      const on = index % 2 === 0 ? store : other;
      return on.sessions.rotate(session, next(session, String(index)));
    });
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
  });

  test('Redis emptied: the token that works goes on working, and a used one is known for used', async () => {
    const zero = await opened();
    const one = await refreshed(zero);
    await until(async () => (await recorded(one.id)) === 1);
    await emptied();
    const found = (await other.sessions.get(one.id))?.session;
    expect(found).toEqual(one);
    const presented = { generation: 0, tokenHash: zero.tokenHash, requestId: 'thief' };
    expect(found && decideRefresh(found, presented, now)).toBe('reuse');
    expect(await store.sessions.rotate(zero, next(zero, 'thief'))).toBe(false);
    await refreshed(one);
  });

  test('Redis away: refreshes go on, and a copy from before it does not undo them', async () => {
    const one = await refreshed(await opened());
    await until(async () => (await recorded(one.id)) === 1);
    let two = one;
    await emptied(async () => {
      two = await refreshed(one);
      expect((await store.sessions.get(one.id))?.session).toEqual(two);
      expect(await other.sessions.rotate(one, next(one, 'thief'))).toBe(false);
    });
    // As a Redis would have it that came back with its file of a while ago.
    await until(async () => other.sessions.rotate(two, next(two)).catch(() => false));
    expect((await store.sessions.get(one.id))?.session.generation).toBe(3);
  });

  test('a sign-out holds whatever Redis says or forgets', async () => {
    const one = await refreshed(await opened());
    await store.change((tx) => tx.sessions.end(one, now));
    expect(await other.sessions.rotate(one, next(one))).toBe(false);
    const found = (await other.sessions.get(one.id))?.session;
    expect(found && isOpen(found, now)).toBe(false);
    const two = await refreshed(await opened());
    await emptied(async () => {
      expect(await store.change((tx) => tx.sessions.end(two, now))).toBe(true);
      expect(await store.sessions.rotate(two, next(two))).toBe(false);
    });
    const back = (await other.sessions.get(two.id))?.session;
    expect(back && isOpen(back, now)).toBe(false);
  });
});
