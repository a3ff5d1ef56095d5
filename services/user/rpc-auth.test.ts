import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { toJson } from '@bufbuild/protobuf';
import { SignUpResponseSchema } from '#gen/only2u/user/v1/auth_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import {
  atOnce,
  dayMs,
  minuteMs,
  newAddress,
  openUserShop,
  refusal,
  requestId,
  userOf,
  type UserShop,
} from './service.testing.ts';

let shop: UserShop;
beforeAll(async () => {
  shop = await openUserShop();
});
afterAll(() => shop.close());

let people = 0;
const newEmail = (): string => `person${(people += 1)}@example.com`;
const password = 'monsoon-mango-41';
const signUp = (email: string, more: { password?: string; displayName?: string; requestId?: string } = {}) => ({
  requestId: requestId(),
  email,
  password,
  displayName: 'Asha',
  ...more,
});

test('whoever signs up is a signed-in customer', async () => {
  const { user, tokens } = await shop.guest().signUp(signUp('Asha.Rao@Example.com'));
  expect(user).toMatchObject({ email: 'Asha.Rao@Example.com', displayName: 'Asha', roles: [Role.CUSTOMER], etag: '1' });
  expect(userOf(tokens?.accessToken ?? '')).toEqual({
    id: user?.id,
    roles: ['customer'],
    sessionId: expect.stringMatching(/^ses_/),
  });
  const lifeMs = Number(tokens?.accessExpireTime?.seconds ?? 0) * 1000 - shop.now().getTime();
  expect(lifeMs).toBe(10 * minuteMs);
});

test('signing in needs the address, however it is spelled, and the password', async () => {
  const { user, email } = await shop.join();
  const signedIn = await shop.guest().signIn({ requestId: requestId(), email: ` ${email.toUpperCase()}`, password });
  expect(signedIn.user).toEqual(user);
});

test('a wrong password and an unknown address are refused alike', async () => {
  const { email } = await shop.join();
  const wrong = await refusal(shop.guest().signIn({ requestId: requestId(), email, password: 'not the password' }));
  const unknown = await refusal(shop.guest().signIn({ requestId: requestId(), email: newEmail(), password }));
  expect(wrong).toEqual({ code: 'Unauthenticated', reason: 'SIGN_IN_FAILED', fields: [], retryAfterMs: 0 });
  expect(unknown).toEqual(wrong);
});

test('signing up with a known address looks like signing up with an unknown one', async () => {
  const email = newEmail();
  const shape = async () => {
    const answer = await shop.guest().signUp(signUp(email, { password: `${password} ${requestId()}` }));
    const json = JSON.stringify(toJson(SignUpResponseSchema, answer));
    return json.replaceAll(/(usr_\w+|"accessToken":"[^"]+"|"refreshToken":"[^"]+")/g, '…');
  };
  expect(await shape()).toBe(await shape());
});

test('accounts that share an address are told apart by their passwords', async () => {
  const email = newEmail();
  const [one, two] = [await shop.join({ email }), await shop.join({ email, password: 'quite-another-word' })];
  expect(one.user.id).not.toBe(two.user.id);
  const back = await shop.guest().signIn({ requestId: requestId(), email, password: 'quite-another-word' });
  expect(back.user?.id).toBe(two.user.id);
});

test('signing up with a known address and its password is signing in', async () => {
  const first = await shop.join();
  const again = await shop.guest().signUp(signUp(first.email, { displayName: 'Somebody else' }));
  expect(again.user).toEqual(first.user);
  expect(userOf(again.tokens?.accessToken ?? '').sessionId).not.toBe(userOf(first.tokens.accessToken).sessionId);
});

test.each([
  ['password123', 'PASSWORD_COMMON'],
  ['somebody@example.com', 'PASSWORD_IS_EMAIL'],
  ['ﬁﬁﬁ ﬁﬁ ', 'INVALID_FIELDS'],
  ['short', 'INVALID_FIELDS'],
])('the password %j is refused at sign-up', async (weak, reason) => {
  const refused = await refusal(shop.guest().signUp(signUp('somebody@example.com', { password: weak })));
  expect(refused).toMatchObject({ code: 'InvalidArgument', reason, fields: ['password'] });
});

test('a name of spaces and an address that is none are refused with their fields', async () => {
  const nameless = shop.guest().signUp(signUp(newEmail(), { displayName: '   ' }));
  expect(await refusal(nameless)).toMatchObject({ reason: 'NAME_EMPTY', fields: ['display_name'] });
  expect(await refusal(shop.guest().signUp(signUp('nobody')))).toMatchObject({ fields: ['email'] });
});

test('a repeated sign-up opens no second session, and gives the same refresh token', async () => {
  const request = signUp(newEmail());
  const [first, again] = [await shop.guest().signUp(request), await shop.guest().signUp(request)];
  expect(again.user).toEqual(first.user);
  expect(again.tokens?.refreshToken).toBe(first.tokens?.refreshToken);
  const other = await refusal(shop.guest().signUp({ ...request, displayName: 'Ravi' }));
  expect(other).toMatchObject({ code: 'AlreadyExists', reason: 'REQUEST_ID_REUSED' });
});

test('fifty sign-ups at once with the same request make one account and one session', async () => {
  const request = signUp(newEmail());
  const { answers, reasons } = await atOnce(Array.from({ length: 50 }, () => shop.guest().signUp(request)));
  expect(reasons).toEqual([]);
  expect(new Set(answers.map(({ user }) => user?.id)).size).toBe(1);
  expect(new Set(answers.map(({ tokens }) => tokens?.refreshToken)).size).toBe(1);
});

test('a repeated sign-in answers the same session, and none that was used or ended since', async () => {
  const { email } = await shop.join();
  const request = { requestId: requestId(), email, password };
  const first = await shop.guest().signIn(request);
  expect((await shop.guest().signIn(request)).tokens?.refreshToken).toBe(first.tokens?.refreshToken);
  await shop.guest().refreshSession({ requestId: requestId(), refreshToken: first.tokens?.refreshToken ?? '' });
  expect(await refusal(shop.guest().signIn(request))).toMatchObject({
    code: 'FailedPrecondition',
    reason: 'REQUEST_ANSWERED',
  });
});

test('an account keeps its hundred latest sessions', async () => {
  const { email, tokens, user } = await shop.join();
  await shop.database.query(
    `INSERT INTO session SELECT id || n, user_id, user_agent, address, create_time, refresh_time, expire_time, end_time, generation,
      token_hash, request_id, 'many ' || n, open_fingerprint FROM session, generate_series(1, 120) AS n WHERE user_id = $1`,
    [user.id],
  );
  await shop.guest().signIn({ requestId: requestId(), email, password });
  const { auth } = shop.as(tokens);
  const page = await auth.listSessions({ pageSize: 100 });
  expect(page.sessions).toHaveLength(100);
  expect(page.nextPageToken).toBe('');
});

test('sessions are listed page by page, each with its client, and one’s own is marked', async () => {
  const { email, tokens } = await shop.join();
  for (let i = 0; i < 4; i += 1) await shop.guest('192.0.2.9').signIn({ requestId: requestId(), email, password });
  const { auth } = shop.as(tokens);
  const first = await auth.listSessions({ pageSize: 3 });
  const second = await auth.listSessions({ pageSize: 3, pageToken: first.nextPageToken });
  expect([first.sessions.length, second.sessions.length, second.nextPageToken]).toEqual([3, 2, '']);
  expect(first.sessions[0]).toMatchObject({ address: '192.0.2.9', userAgent: 'test', current: false });
  expect([...first.sessions, ...second.sessions].filter(({ current }) => current)).toHaveLength(1);
  const stranger = await shop.join();
  const forged = stranger.auth.listSessions({ pageSize: 3, pageToken: first.nextPageToken });
  expect(await refusal(forged)).toMatchObject({ code: 'InvalidArgument', reason: 'PAGE_TOKEN_INVALID' });
});

test('a session that was signed out of or revoked is refreshed no more', async () => {
  const { email, tokens, auth } = await shop.join();
  const other = await shop.guest().signIn({ requestId: requestId(), email, password });
  const sessionId = userOf(other.tokens?.accessToken ?? '').sessionId;
  const revoke = { requestId: requestId(), sessionId };
  await auth.revokeSession(revoke);
  await auth.revokeSession(revoke);
  await auth.signOut({ requestId: requestId() });
  for (const ended of [tokens, other.tokens]) {
    const refresh = shop.guest().refreshSession({ requestId: requestId(), refreshToken: ended?.refreshToken ?? '' });
    expect(await refusal(refresh)).toMatchObject({ code: 'Unauthenticated', reason: 'SESSION_ENDED' });
  }
});

test('another’s session is as good as none, and an ended session revokes nothing', async () => {
  const [asha, ravi] = [await shop.join(), await shop.join()];
  const sessionId = userOf(ravi.tokens.accessToken).sessionId;
  const revoke = () => refusal(asha.auth.revokeSession({ requestId: requestId(), sessionId }));
  expect(await revoke()).toMatchObject({ code: 'NotFound', reason: 'SESSION_NOT_FOUND' });
  await asha.auth.signOut({ requestId: requestId() });
  expect(await revoke()).toMatchObject({ code: 'Unauthenticated', reason: 'SESSION_ENDED' });
});

test('changing the password ends the other sessions and keeps this one', async () => {
  const { email, tokens, auth } = await shop.join();
  const other = await shop.guest().signIn({ requestId: requestId(), email, password });
  const change = { requestId: requestId(), currentPassword: password, newPassword: 'winter-walnut-77' };
  await auth.changePassword(change);
  await auth.changePassword(change); // repeated: answered, though the old password is gone
  const reused = await refusal(auth.changePassword({ ...change, newPassword: 'another-walnut-77' }));
  expect(reused).toMatchObject({ code: 'AlreadyExists', reason: 'REQUEST_ID_REUSED' });
  const refresh = (token = '') => shop.guest().refreshSession({ requestId: requestId(), refreshToken: token });
  expect(await refusal(refresh(other.tokens?.refreshToken))).toMatchObject({ reason: 'SESSION_ENDED' });
  await refresh(tokens.refreshToken);
  const old = shop.guest().signIn({ requestId: requestId(), email, password });
  expect(await refusal(old)).toMatchObject({ reason: 'SIGN_IN_FAILED' });
  await shop.guest().signIn({ requestId: requestId(), email, password: 'winter-walnut-77' });
});

test('a password isn’t changed with a wrong one, to a weak one, or by an ended session', async () => {
  const { auth, email } = await shop.join();
  const change = (currentPassword: string, newPassword: string) =>
    refusal(auth.changePassword({ requestId: requestId(), currentPassword, newPassword }));
  expect(await change('not the password', 'winter-walnut-77')).toMatchObject({
    code: 'InvalidArgument',
    reason: 'PASSWORD_WRONG',
    fields: ['current_password'],
  });
  expect(await change(password, email)).toMatchObject({ reason: 'PASSWORD_IS_EMAIL', fields: ['new_password'] });
  await auth.signOut({ requestId: requestId() });
  expect(await change(password, 'winter-walnut-77')).toMatchObject({ reason: 'SESSION_ENDED' });
});

test('a sign-in and a change of the password at once leave no session of the old password behind', async () => {
  const { email, auth, tokens } = await shop.join();
  const [changed, ...signedIn] = await Promise.allSettled([
    auth.changePassword({ requestId: requestId(), currentPassword: password, newPassword: 'winter-walnut-77' }),
    ...Array.from({ length: 8 }, () => shop.guest().signIn({ requestId: requestId(), email, password })),
  ]);
  expect(changed.status).toBe('fulfilled');
  expect(signedIn).toHaveLength(8);
  const { sessions } = await shop.as(tokens).auth.listSessions({});
  expect(sessions.map(({ current }) => current)).toEqual([true]);
});

test('what the database holds of a session or a password opens nothing', async () => {
  const { tokens } = await shop.join();
  const dump = JSON.stringify(
    await Promise.all(
      ['session', 'account', 'request_ids', 'attempt', 'signing_key'].map((table) =>
        shop.database.query(`SELECT ${table}::text AS row FROM ${table}`),
      ),
    ),
  );
  for (const secret of [tokens.refreshToken, tokens.accessToken, password, '"d":']) expect(dump).not.toContain(secret);
});

test('a session unused for 30 days has ended', async () => {
  const { tokens } = await shop.join({ address: newAddress() });
  shop.wait(30 * dayMs);
  const late = shop.guest().refreshSession({ requestId: requestId(), refreshToken: tokens.refreshToken });
  expect(await refusal(late)).toMatchObject({ reason: 'SESSION_ENDED' });
});
