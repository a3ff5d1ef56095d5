import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { createRefreshTokens } from './refresh-token.ts';
import { deriveSecrets } from './secrets.ts';
import { atOnce, dayMs, openUserShop, refusal, requestId, userOf, type UserShop } from './service.testing.ts';

let shop: UserShop;
beforeAll(async () => {
  shop = await openUserShop();
});
afterAll(() => shop.close());

async function refresh(refreshToken: string | undefined, id = requestId()): Promise<string> {
  const { tokens } = await shop.guest().refreshSession({ requestId: id, refreshToken: refreshToken ?? '' });
  return tokens?.refreshToken ?? '';
}

test('a refresh token is traded for new tokens of the same session', async () => {
  const { tokens, user } = await shop.join();
  const { tokens: next } = await shop
    .guest()
    .refreshSession({ requestId: requestId(), refreshToken: tokens.refreshToken });
  expect(next?.refreshToken).not.toBe(tokens.refreshToken);
  expect(userOf(next?.accessToken ?? '')).toEqual({ ...userOf(tokens.accessToken), id: user.id });
});

test('a used refresh token ends the session, for the thief and for the owner', async () => {
  const { tokens } = await shop.join();
  const second = await refresh(tokens.refreshToken);
  const third = await refresh(second);
  expect(await refusal(refresh(tokens.refreshToken))).toMatchObject({
    code: 'Unauthenticated',
    reason: 'REFRESH_TOKEN_REUSED',
  });
  expect(await refusal(refresh(third))).toMatchObject({ code: 'Unauthenticated', reason: 'SESSION_ENDED' });
});

test('a lost answer is given again for a minute', async () => {
  const { tokens } = await shop.join();
  const id = requestId();
  const next = await refresh(tokens.refreshToken, id);
  shop.wait(60_000);
  expect(await refresh(tokens.refreshToken, id)).toBe(next);
  shop.wait(1);
  expect(await refusal(refresh(tokens.refreshToken, id))).toMatchObject({ reason: 'REFRESH_TOKEN_REUSED' });
});

test('of fifty refreshes at once with different requests one wins, and the rest end the session', async () => {
  const { tokens } = await shop.join();
  const { answers, reasons } = await atOnce(Array.from({ length: 50 }, () => refresh(tokens.refreshToken)));
  expect(answers).toHaveLength(1);
  expect(reasons).toContain('REFRESH_TOKEN_REUSED');
  expect(reasons.filter((reason) => reason !== 'REFRESH_TOKEN_REUSED' && reason !== 'SESSION_ENDED')).toEqual([]);
  expect(await refusal(refresh(answers[0]))).toMatchObject({ reason: 'SESSION_ENDED' });
});

test('fifty refreshes at once with the same request all get the same answer', async () => {
  const { tokens } = await shop.join();
  const id = requestId();
  const { answers, reasons } = await atOnce(Array.from({ length: 50 }, () => refresh(tokens.refreshToken, id)));
  expect(reasons).toEqual([]);
  expect(new Set(answers).size).toBe(1);
  await refresh(answers[0]);
});

test('a request id that made a token can’t trade it as well', async () => {
  const { tokens } = await shop.join();
  const id = requestId();
  const next = await refresh(tokens.refreshToken, id);
  expect(await refusal(refresh(next, id))).toMatchObject({ code: 'AlreadyExists', reason: 'REQUEST_ID_REUSED' });
  await refresh(next);
});

test('a made-up token ends nobody’s session', async () => {
  const { tokens } = await shop.join();
  const { sessionId } = userOf(tokens.accessToken);
  const foreign = createRefreshTokens(deriveSecrets('another secret').refreshTokens);
  for (const forged of ['nonsense', `${sessionId}.0.x.y`, foreign.make({ sessionId, generation: 0 }, 'request')]) {
    expect(await refusal(refresh(forged))).toMatchObject({ code: 'Unauthenticated', reason: 'REFRESH_TOKEN_INVALID' });
  }
  await refresh(tokens.refreshToken);
});

test('an authentic token whose hash the database doesn’t hold is refused', async () => {
  const { tokens } = await shop.join();
  const { sessionId } = userOf(tokens.accessToken);
  const ours = createRefreshTokens(deriveSecrets('for tests only, 32 characters or more').refreshTokens);
  const stolenSecret = ours.make({ sessionId, generation: 0 }, 'a request id that was guessed');
  expect(await refusal(refresh(stolenSecret))).toMatchObject({ reason: 'REFRESH_TOKEN_REUSED' });
});

test('a new role is in the next access token', async () => {
  const { tokens, email, password } = await shop.join();
  await shop.operator.grantRole({ requestId: requestId(), email, password, role: Role.VENDOR });
  const { tokens: next } = await shop
    .guest()
    .refreshSession({ requestId: requestId(), refreshToken: tokens.refreshToken });
  expect(userOf(next?.accessToken ?? '').roles).toEqual(['customer', 'vendor']);
});

test('a session in use every week ends after 180 days', async () => {
  let token = (await shop.join()).tokens.refreshToken;
  for (let week = 1; week <= 25; week += 1) {
    shop.wait(7 * dayMs);
    token = await refresh(token);
  }
  shop.wait(5 * dayMs);
  expect(await refusal(refresh(token))).toMatchObject({ reason: 'SESSION_ENDED' });
});
