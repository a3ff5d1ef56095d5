import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SignOutRequestSchema, SignOutResponseSchema } from '#gen/only2u/user/v1/auth_pb.ts';
import { UserProfileSchema } from '#gen/only2u/user/v1/user_pb.ts';
import { changeAccount, createAccount, houseAccountId, type Account } from './account.ts';
import { changeAddress, createAddress } from './address.ts';
import { openSession, rotateSession, type Session } from './session.ts';
import type { UserStore } from './store.ts';

const now = new Date('2026-03-01T10:00:00.123Z');
const after = (ms: number): Date => new Date(now.getTime() + ms);
const hash = (text: string): Buffer => Buffer.from(text.padEnd(32));

let count = 0;
const newId = (prefix: string): string => `${prefix}_${String((count += 1)).padStart(6, '0')}`;

/** What every store of the user service does. */
export function testUserStore(open: () => Promise<UserStore>): void {
  let store: UserStore;
  beforeAll(async () => {
    store = await open();
  });
  afterAll(() => store.close());

  async function addAccount(more: { email?: string; password?: string; createTime?: Date } = {}): Promise<Account> {
    const id = newId('usr');
    const email = more.email ?? `${id}@example.com`;
    const account = createAccount({ id, email, displayName: 'Asha' }, more.createTime ?? now);
    await store.accounts.add(account, { email, passwordHash: hash(more.password ?? 'password') });
    return account;
  }

  const makeSession = (userId: string): Session =>
    openSession(
      { id: newId('ses'), userId, userAgent: 'curl', address: '', tokenHash: hash('t'), requestId: 'r' },
      now,
    );

  async function addSession(userId: string): Promise<Session> {
    const session = makeSession(userId);
    await store.sessions.add(session, { requestId: session.id, fingerprint: hash('f') });
    return session;
  }

  const fields = {
    recipient: 'Asha',
    lines: ['12 MG Road', 'Floor 2'],
    city: 'Bengaluru',
    region: '',
    postalCode: '',
    countryCode: 'IN',
    phone: '',
  };
  async function addAddress(userId: string) {
    const address = createAddress(newId('adr'), userId, fields, now);
    await store.addresses.add(address);
    return address;
  }

  describe('accounts', () => {
    test('what was added comes back as it was', async () => {
      const account = await addAccount();
      expect(await store.accounts.get(account.id)).toEqual(account);
      expect(await store.accounts.getAll([account.id, 'usr_none'])).toEqual([account]);
      expect(await store.accounts.get('usr_none')).toBeUndefined();
    });

    test('several accounts share an address, none shares address and password', async () => {
      const email = 'Shared@example.com';
      const [one, two] = [await addAccount({ email, password: 'one' }), await addAccount({ email, password: 'two' })];
      const again = createAccount({ id: newId('usr'), email, displayName: 'Again' }, now);
      expect(await store.accounts.add(again, { email: 'shared@EXAMPLE.com', passwordHash: hash('one') })).toBe(false);
      const hold = (password: string) =>
        store.change((tx) => tx.accounts.hold({ email: 'shared@example.com', passwordHash: hash(password) }));
      expect(await hold('one')).toEqual(one);
      expect(await hold('two')).toEqual(two);
      expect(await hold('three')).toBeUndefined();
    });

    test('a change is kept', async () => {
      const account = await addAccount();
      const changed = changeAccount(account, { displayName: 'Asha Rao', roles: ['vendor'] }, after(1));
      await store.accounts.save(changed);
      expect(await store.accounts.get(account.id)).toEqual(changed);
    });

    test('a password that another account with this address has is refused', async () => {
      const email = 'taken@example.com';
      const [one] = [await addAccount({ email, password: 'one' }), await addAccount({ email, password: 'two' })];
      const change = store.change((tx) => tx.accounts.setPassword(one, { email, passwordHash: hash('two') }));
      await expect(change).rejects.toMatchObject({ kind: 'already-exists', reason: 'PASSWORD_NOT_AVAILABLE' });
    });

    test('lists go from the latest to the first, page by page', async () => {
      const times = [30, 20, 20, 10].map((hours) => after(hours * 3_600_000_000));
      const added: string[] = [];
      for (const createTime of times) added.push((await addAccount({ createTime })).id);
      const [first, a = '', b = '', last] = added;
      const expected = [first, ...[a, b].sort().reverse(), last];
      const all = (await store.accounts.list({ after: undefined, limit: 4 })).map(({ id }) => id);
      expect(all).toEqual(expected);
      const [, cursor] = await store.accounts.list({ after: undefined, limit: 2 });
      expect((await store.accounts.list({ after: cursor, limit: 2 })).map(({ id }) => id)).toEqual(expected.slice(2));
    });

    test('an erased account leaves nothing, and its address is free', async () => {
      const email = 'gone@example.com';
      const account = await addAccount({ email });
      const session = await addSession(account.id);
      await addAddress(account.id);
      await store.change((tx) => tx.accounts.erase(account.id, after(1)));
      expect(await store.accounts.get(account.id)).toBeUndefined();
      expect(await store.accounts.getAll([account.id])).toEqual([]);
      expect(await store.change((tx) => tx.accounts.lock(account.id))).toBeUndefined();
      expect(await store.sessions.get(session.id)).toBeUndefined();
      expect(await store.addresses.count(account.id)).toBe(0);
      expect((await addAccount({ email })).id).not.toBe(account.id);
    });

    test('the house is there, and nobody signs in as it', async () => {
      expect(await store.accounts.get(houseAccountId)).toMatchObject({ roles: ['customer', 'vendor', 'admin'] });
      const held = await store.change((tx) => tx.accounts.lock(houseAccountId));
      expect(held?.passwordHash).toBeUndefined();
    });
  });

  describe('sessions', () => {
    test('a session comes back with its account', async () => {
      const account = await addAccount();
      const session = await addSession(account.id);
      expect(await store.sessions.get(session.id)).toEqual({ session, account });
    });

    test('the same request of an account opens one session, also at the same time', async () => {
      const { id } = await addAccount();
      const opening = { requestId: 'request', fingerprint: hash('first') };
      const added = await Promise.all(Array.from({ length: 10 }, () => store.sessions.add(makeSession(id), opening)));
      expect(new Set(added.map(({ session }) => session.id)).size).toBe(1);
      const later = await store.sessions.add(makeSession(id), { ...opening, fingerprint: hash('second') });
      expect(later.fingerprint).toEqual(hash('first'));
      const other = await addAccount();
      expect((await store.sessions.add(makeSession(other.id), opening)).session.userId).toBe(other.id);
    });

    test('of many rotations of one generation exactly one is done', async () => {
      const session = await addSession((await addAccount()).id);
      const rotations = Array.from({ length: 20 }, (_, index) =>
        rotateSession(
          session,
          { tokenHash: hash(`t${index}`), requestId: `r${index}`, address: '192.0.2.1' },
          after(5),
        ),
      );
      const done = await Promise.all(rotations.map((rotation) => store.sessions.rotate(session, rotation)));
      expect(done.filter(Boolean)).toHaveLength(1);
      expect((await store.sessions.get(session.id))?.session).toEqual(rotations[done.indexOf(true)]);
    });

    test('an ended session is not listed, refreshed or ended again', async () => {
      const { id: userId } = await addAccount();
      const [one, two] = [await addSession(userId), await addSession(userId)];
      expect((await store.sessions.list(userId, { after: undefined, limit: 9 }, now)).map(({ id }) => id)).toEqual([
        two.id,
        one.id,
      ]);
      expect(await store.sessions.list(userId, { after: two.id, limit: 9 }, now)).toEqual([one]);
      expect(await store.sessions.end(one, after(1))).toBe(true);
      expect(await store.sessions.end(one, after(2))).toBe(false);
      const next = rotateSession(one, { tokenHash: hash('n'), requestId: 'n', address: '' }, after(3));
      expect(await store.sessions.rotate(one, next)).toBe(false);
      expect(await store.sessions.list(userId, { after: undefined, limit: 9 }, after(3))).toEqual([two]);
      expect(await store.sessions.list(userId, { after: undefined, limit: 9 }, two.expireTime)).toEqual([]);
    });

    test('nobody ends another’s session', async () => {
      const session = await addSession((await addAccount()).id);
      expect(await store.sessions.end({ id: session.id, userId: (await addAccount()).id }, after(1))).toBe(false);
    });

    test('all others are ended, or all but the latest', async () => {
      const { id: userId } = await addAccount();
      const sessions: Session[] = [];
      for (let i = 0; i < 5; i += 1) sessions.push(await addSession(userId));
      const open = async () =>
        (await store.sessions.list(userId, { after: undefined, limit: 9 }, now)).map(({ id }) => id);
      const ids = sessions.map(({ id }) => id);
      await store.sessions.endOldest(userId, 3, after(1));
      expect(await open()).toEqual([ids[4], ids[3], ids[2]]);
      await store.sessions.endOthers({ id: ids[3] ?? '', userId }, after(1));
      expect(await open()).toEqual([ids[3]]);
    });
  });

  describe('addresses', () => {
    test('they are kept, changed, listed and removed, each account’s for itself', async () => {
      const [asha, ravi] = [await addAccount(), await addAccount()];
      const [one, two] = [await addAddress(asha.id), await addAddress(asha.id)];
      const moved = changeAddress(one, { fields: { ...fields, city: 'Mysuru' }, paths: ['city'] }, after(1));
      await store.addresses.save(moved);
      expect(await store.addresses.list(asha.id, { after: undefined, limit: 9 })).toEqual([two, moved]);
      expect(await store.addresses.list(asha.id, { after: two.id, limit: 9 })).toEqual([moved]);
      expect(await store.addresses.lock(asha.id, one.id)).toEqual(moved);
      expect(await store.addresses.find(asha.id, one.id)).toEqual(moved);
      expect(await store.addresses.find(ravi.id, one.id)).toBeUndefined();
      expect(await store.addresses.lock(ravi.id, one.id)).toBeUndefined();
      await store.addresses.remove(ravi.id, one.id);
      expect(await store.addresses.count(asha.id)).toBe(2);
      await store.addresses.remove(asha.id, one.id);
      expect(await store.addresses.count(asha.id)).toBe(1);
    });
  });

  describe('signing keys', () => {
    test('they are kept in the order in which they sign', async () => {
      const make = (id: string, ms: number) => ({
        id,
        signsFrom: after(ms),
        publicJwk: { kty: 'EC', x: id },
        sealedPrivateKey: hash(id),
      });
      const [late, early] = [make('late', 2), make('early', 1)];
      await store.change(async (tx) => {
        await tx.signingKeys.lock();
        await tx.signingKeys.add(late);
        await tx.signingKeys.add(early);
      });
      expect(await store.signingKeys.list()).toEqual([early, late]);
      await store.signingKeys.setSignsFrom('early', after(3));
      expect((await store.signingKeys.list()).map(({ id }) => id)).toEqual(['late', 'early']);
      await store.signingKeys.remove(['late', 'early']);
      expect(await store.signingKeys.list()).toEqual([]);
    });
  });

  describe('attempts', () => {
    test('they are counted one after the other, whatever the order of their keys', async () => {
      const keys = [hash('b'), hash('a')];
      const countOne = (order: readonly Buffer[]) =>
        store.change(async (tx) => {
          const found = await tx.attempts.lock(order);
          const counts = order.map((key, index) => {
            const failures = (found[index]?.failures ?? 0) + 1;
            return { key, attempts: { failures, lastTime: now, blockedUntil: now } };
          });
          await tx.attempts.save(counts);
        });
      await Promise.all(Array.from({ length: 20 }, (_, i) => countOne(i % 2 === 0 ? keys : keys.toReversed())));
      const found = await store.change((tx) => tx.attempts.lock([...keys, hash('c')]));
      expect(found.map((attempts) => attempts?.failures)).toEqual([20, 20, undefined]);
    });
  });

  describe('transactions', () => {
    const what = (actor: string) => ({
      actor,
      method: 'test',
      requestId: 'request-1',
      request: create(SignOutRequestSchema),
      schema: UserProfileSchema,
      now,
    });

    test('work that throws leaves nothing', async () => {
      const account = createAccount({ id: newId('usr'), email: 'undone@example.com', displayName: 'Asha' }, now);
      const work = store.change(async (tx) => {
        await tx.accounts.add(account, { email: account.email, passwordHash: hash('p') });
        throw new Error('changed my mind');
      });
      await expect(work).rejects.toThrow('changed my mind');
      expect(await store.accounts.get(account.id)).toBeUndefined();
    });

    test('a repeated request is answered, not done, again', async () => {
      let done = 0;
      const ask = () =>
        store.change((tx) =>
          tx.once(what('usr_a'), async () => create(UserProfileSchema, { id: String((done += 1)) })),
        );
      expect((await ask()).id).toBe('1');
      expect((await ask()).id).toBe('1');
    });

    test('the answers kept for an account are forgotten, except the one being given', async () => {
      const count = (requestId: string) =>
        store.change((tx) =>
          tx.once({ ...what('usr_b'), requestId, schema: SignOutResponseSchema }, async () => {
            done.push(requestId);
            return create(SignOutResponseSchema);
          }),
        );
      const done: string[] = [];
      await count('one');
      await count('two');
      await store.change((tx) => tx.forgetReplays('usr_b', 'two'));
      await count('one');
      await count('two');
      expect(done).toEqual(['one', 'two', 'one']);
    });
  });

  test('sweeping deletes what is over and keeps what is not', async () => {
    const account = await addAccount();
    const [over, running] = [await addSession(account.id), await addSession(account.id)];
    await store.sessions.end(over, after(0));
    const attempts = { failures: 1, lastTime: now, blockedUntil: now };
    await store.change(async (tx) => {
      await tx.attempts.lock([hash('old'), hash('recent')]);
      await tx.attempts.save([
        { key: hash('old'), attempts },
        { key: hash('recent'), attempts: { ...attempts, lastTime: after(2 * 86_400_000) } },
      ]);
    });
    await store.sweep(after(2 * 86_400_000 + 1));
    expect(await store.sessions.get(over.id)).toBeUndefined();
    expect(await store.sessions.get(running.id)).toBeDefined();
    const found = await store.change((tx) => tx.attempts.lock([hash('old'), hash('recent')]));
    expect(found).toEqual([undefined, { ...attempts, lastTime: after(2 * 86_400_000) }]);
  });
}
