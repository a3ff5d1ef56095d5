import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { openUserShop, refusal, requestId, type Person, type UserShop } from './service.testing.ts';

let shop: UserShop;
let admin: Person;
beforeAll(async () => {
  shop = await openUserShop();
  admin = await shop.join({ role: Role.ADMIN });
});
afterAll(() => shop.close());

const rename = (id: string, displayName: string, etag = '') => ({
  requestId: requestId(),
  user: { id, displayName, etag },
  updateMask: { paths: ['display_name'] },
});

test('one’s own account is "me", and another’s is refused whether or not it exists', async () => {
  const [asha, ravi] = [await shop.join(), await shop.join()];
  expect((await asha.users.getUser({ userId: 'me' })).user).toEqual(asha.user);
  expect((await asha.users.getUser({ userId: asha.user.id })).user).toEqual(asha.user);
  const refused = { code: 'PermissionDenied', reason: 'NOT_YOUR_ACCOUNT' };
  for (const userId of [ravi.user.id, 'usr_none']) {
    expect(await refusal(asha.users.getUser({ userId }))).toMatchObject(refused);
    expect(await refusal(asha.users.updateUser(rename(userId, 'Mine')))).toMatchObject(refused);
    expect(await refusal(asha.users.deleteUser({ requestId: requestId(), userId }))).toMatchObject(refused);
  }
});

test('an admin reads and changes any account, and is told of one that isn’t there', async () => {
  const asha = await shop.join();
  expect((await admin.users.getUser({ userId: asha.user.id })).user).toEqual(asha.user);
  const { user } = await admin.users.updateUser({
    requestId: requestId(),
    user: { id: asha.user.id, roles: [Role.VENDOR] },
    updateMask: { paths: ['roles'] },
  });
  expect(user).toMatchObject({ displayName: 'Asha', roles: [Role.CUSTOMER, Role.VENDOR], etag: '2' });
  expect(await refusal(admin.users.getUser({ userId: 'usr_none' }))).toMatchObject({
    code: 'NotFound',
    reason: 'USER_NOT_FOUND',
  });
});

test('only what the mask names is changed, and a stale etag is refused', async () => {
  const { users, user } = await shop.join();
  const request = {
    ...rename('me', 'Asha Rao', user.etag),
    user: { id: 'me', displayName: 'Asha Rao', etag: user.etag },
  };
  const changed = await users.updateUser(request);
  expect(changed.user).toMatchObject({ displayName: 'Asha Rao', email: user.email, roles: user.roles, etag: '2' });
  expect((await users.updateUser(request)).user).toEqual(changed.user); // repeated
  expect(await refusal(users.updateUser(rename('me', 'Ravi', user.etag)))).toMatchObject({
    code: 'Aborted',
    reason: 'ETAG_MISMATCH',
  });
  expect(await refusal(users.updateUser({ ...request, user: { id: 'me', displayName: 'Ravi' } }))).toMatchObject({
    code: 'AlreadyExists',
    reason: 'REQUEST_ID_REUSED',
  });
});

test.each([
  [['email'], 'PATH_UNKNOWN', 'update_mask'],
  [['display_name', 'id'], 'PATH_UNKNOWN', 'update_mask'],
  [[], 'MASK_EMPTY', 'update_mask'],
])('the mask %j is refused', async (paths, reason, field) => {
  const { users } = await shop.join();
  const update = users.updateUser({ ...rename('me', 'Asha'), updateMask: { paths } });
  expect(await refusal(update)).toMatchObject({ code: 'InvalidArgument', reason, fields: [field] });
});

test('nobody but an admin changes roles, not even their own', async () => {
  const { users } = await shop.join();
  const update = users.updateUser({
    requestId: requestId(),
    user: { id: 'me', roles: [Role.ADMIN] },
    updateMask: { paths: ['display_name', 'roles'] },
  });
  expect(await refusal(update)).toMatchObject({ code: 'PermissionDenied', reason: 'ROLES_FOR_ADMINS' });
});

test('a role that is none and an account without a name are refused with their fields', async () => {
  const roles = admin.users.updateUser({
    requestId: requestId(),
    user: { id: 'me', roles: [Role.UNSPECIFIED] },
    updateMask: { paths: ['roles'] },
  });
  expect(await refusal(roles)).toMatchObject({ code: 'InvalidArgument' });
  expect(await refusal(admin.users.updateUser(rename('', 'Asha')))).toMatchObject({ fields: ['user.id'] });
  expect(await refusal(admin.users.updateUser(rename('me', ' ')))).toMatchObject({ fields: ['user.display_name'] });
});

test('all accounts are listed to admins, the latest first, page by page', async () => {
  for (let i = 0; i < 5; i += 1) {
    shop.wait(1);
    await shop.join();
  }
  const all = (await admin.users.listUsers({ pageSize: 1000 })).users.map(({ id }) => id);
  const paged: string[] = [];
  let pageToken = '';
  do {
    const page = await admin.users.listUsers({ pageSize: 2, pageToken });
    paged.push(...page.users.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  expect(paged).toEqual(all);
  expect(all.at(-1)).toBe('usr_house');
  const { users } = await shop.join();
  expect(await refusal(users.listUsers({}))).toMatchObject({ code: 'PermissionDenied', reason: 'ROLE_MISSING' });
});

test.each(['forged', 'AAAA'])('the page token %j is refused', async (pageToken) => {
  expect(await refusal(admin.users.listUsers({ pageToken }))).toMatchObject({
    code: 'InvalidArgument',
    reason: 'PAGE_TOKEN_INVALID',
    fields: ['page_token'],
  });
});

test('others’ profiles are names without addresses, in the order asked for', async () => {
  const [asha, ravi] = [await shop.join(), await shop.join()];
  const userIds = [ravi.user.id, 'usr_none', asha.user.id, ravi.user.id];
  const { profiles } = await asha.users.batchGetUsers({ userIds });
  expect(profiles.map(({ id }) => id)).toEqual([ravi.user.id, asha.user.id]);
  expect(JSON.stringify(profiles)).not.toContain('@');
});

test('a deleted account leaves an id and no trace of a person', async () => {
  const email = 'erase.me@example.com';
  const { users, user, tokens, password } = await shop.join({ email });
  await users.createAddress({
    requestId: requestId(),
    address: { recipient: 'Erase Me', lines: ['12 Erase Road'], city: 'Erasepur', countryCode: 'IN' },
  });
  await users.updateUser(rename('me', 'Erase Me'));
  await admin.users.updateUser(rename(user.id, 'Erase Me Too'));
  const request = { requestId: requestId(), userId: 'me' };
  await users.deleteUser(request);
  await users.deleteUser(request); // repeated
  const tables = ['account', 'session', 'address', 'request_ids', 'attempt'];
  const dump = JSON.stringify(
    await Promise.all(tables.map((table) => shop.database.query(`SELECT ${table}::text AS row FROM ${table}`))),
  );
  expect(dump).toContain(user.id);
  expect(dump.toLowerCase()).not.toContain('erase');
  expect(dump).not.toContain(Buffer.from('rase').toString('hex')); // as bytea is printed
  const refresh = shop.guest().refreshSession({ requestId: requestId(), refreshToken: tokens.refreshToken });
  expect(await refusal(refresh)).toMatchObject({ reason: 'SESSION_ENDED' });
  const signIn = shop.guest().signIn({ requestId: requestId(), email, password });
  expect(await refusal(signIn)).toMatchObject({ reason: 'SIGN_IN_FAILED' });
  expect(await refusal(users.getUser({ userId: 'me' }))).toMatchObject({ reason: 'USER_NOT_FOUND' });
  expect((await admin.users.batchGetUsers({ userIds: [user.id] })).profiles).toEqual([]);
});

test('the other services are told of an account made and of one ended, once each', async () => {
  const { users, user } = await shop.join();
  const request = { requestId: requestId(), userId: 'me' };
  await users.deleteUser(request);
  await users.deleteUser(request); // repeated
  expect(await shop.told(user.id, 2)).toEqual(['only2u.user.v1.UserCreated', 'only2u.user.v1.UserDeleted']);
});

test('an ended session deletes no account, and a stale etag keeps it', async () => {
  const { users, auth } = await shop.join();
  const remove = (etag = '') => users.deleteUser({ requestId: requestId(), userId: 'me', etag });
  expect(await refusal(remove('7'))).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' });
  await auth.signOut({ requestId: requestId() });
  expect(await refusal(remove())).toMatchObject({ code: 'Unauthenticated', reason: 'SESSION_ENDED' });
});

test('a text with the character U+0000 is refused wherever it goes', async () => {
  const { users, user } = await shop.join();
  const address = { recipient: 'A\u0000', lines: ['12 MG Road'], city: 'Bengaluru', countryCode: 'IN' };
  const refused = [
    users.batchGetUsers({ userIds: ['usr_\u0000'] }),
    admin.users.getUser({ userId: 'usr_\u0000' }),
    users.createAddress({ requestId: requestId(), address }),
    users.deleteAddress({ requestId: '\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000', addressId: 'adr_1' }),
    users.updateUser(rename(user.id, 'A\u0000')),
    shop.guest().signIn({ requestId: requestId(), email: 'a\u0000@example.com', password: 'monsoon-mango-41' }),
  ].map(refusal);
  for (const { code } of await Promise.all(refused)) expect(code).toBe('InvalidArgument');
});

test('the house can’t be deleted or given other roles', async () => {
  const remove = admin.users.deleteUser({ requestId: requestId(), userId: 'usr_house' });
  expect(await refusal(remove)).toMatchObject({ code: 'FailedPrecondition', reason: 'HOUSE_ACCOUNT' });
  const demote = admin.users.updateUser({
    requestId: requestId(),
    user: { id: 'usr_house', roles: [] },
    updateMask: { paths: ['roles'] },
  });
  expect(await refusal(demote)).toMatchObject({ reason: 'HOUSE_ACCOUNT' });
});
