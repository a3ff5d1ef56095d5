import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { z } from 'zod';
import { OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { createTokenVerifier } from '#platform/identity/access-token.ts';
import { openTestService } from '#platform/testing/service.ts';
import { userService } from './service.ts';
import { dayMs, minuteMs, openUserShop, refusal, requestId, userOf, type UserShop } from './service.testing.ts';

let shop: UserShop;
beforeAll(async () => {
  shop = await openUserShop();
});
afterAll(() => shop.close());

const keySet = z.object({ keys: z.array(z.record(z.string(), z.string())) });

async function publishedKeys() {
  return keySet.parse(JSON.parse((await shop.keys.getKeys({})).jwksJson));
}

async function verify(token: string) {
  const keys = createLocalJWKSet(await publishedKeys());
  return jwtVerify(token, keys, {
    issuer: 'only2u',
    audience: 'only2u',
    algorithms: ['ES256'],
    currentDate: shop.now(),
  });
}

const keyOf = (token: string): string => decodeProtectedHeader(token).kid ?? '';
const signIn = async (): Promise<string> => (await shop.join()).tokens.accessToken;

test('the first admin comes about by the operator’s command', async () => {
  const [email, password] = ['boss@example.com', 'monsoon-mango-41'];
  const request = { requestId: requestId(), email, password, role: Role.ADMIN };
  const { user } = await shop.operator.grantRole(request);
  expect(user).toMatchObject({ email, roles: [Role.CUSTOMER, Role.ADMIN] });
  expect((await shop.operator.grantRole(request)).user).toEqual(user); // repeated
  const vendor = await shop.operator.grantRole({ ...request, requestId: requestId(), role: Role.VENDOR });
  expect(vendor.user).toMatchObject({ id: user?.id, roles: [Role.CUSTOMER, Role.VENDOR, Role.ADMIN] });
  const signedIn = await shop.guest().signIn({ requestId: requestId(), email, password });
  expect(signedIn.user).toEqual(vendor.user);
});

test('a reused request id with another role is refused, and a weak password makes no admin', async () => {
  const request = {
    requestId: requestId(),
    email: 'chief@example.com',
    password: 'monsoon-mango-41',
    role: Role.ADMIN,
  };
  await shop.operator.grantRole(request);
  expect(await refusal(shop.operator.grantRole({ ...request, role: Role.VENDOR }))).toMatchObject({
    code: 'AlreadyExists',
    reason: 'REQUEST_ID_REUSED',
  });
  const weak = shop.operator.grantRole({ ...request, requestId: requestId(), password: 'password123' });
  expect(await refusal(weak)).toMatchObject({ reason: 'PASSWORD_COMMON', fields: ['password'] });
});

test('nobody but the operator may ask', async () => {
  const gateway = shop.app.as({ caller: 'gateway' }).client(OperatorService);
  const refused = [
    gateway.issueToken({ requestId: requestId() }),
    gateway.rotateKeys({ requestId: requestId() }),
    gateway.grantRole({
      requestId: requestId(),
      email: 'a@example.com',
      password: 'monsoon-mango-41',
      role: Role.ADMIN,
    }),
  ].map(refusal);
  for (const one of await Promise.all(refused)) {
    expect(one).toMatchObject({ code: 'PermissionDenied', reason: 'CALLER_NOT_GRANTED' });
  }
});

test('an access token verifies against the published keys for ten minutes, and says who', async () => {
  const { tokens, user } = await shop.join();
  const { payload, protectedHeader } = await verify(tokens.accessToken);
  expect(payload).toMatchObject({ sub: user.id, roles: ['customer'], sid: expect.stringMatching(/^ses_/) });
  expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: expect.any(String) });
  shop.wait(10 * minuteMs);
  await expect(verify(tokens.accessToken)).rejects.toThrow(/exp/);
});

test('the operator gets a token of the house', async () => {
  const { accessToken } = await shop.operator.issueToken({ requestId: requestId() });
  const { payload } = await verify(accessToken);
  expect(payload).toMatchObject({ sub: 'usr_house', roles: ['customer', 'vendor', 'admin'], sid: 'ses_house' });
});

test('a rotation signs with the key that was published before, and tokens of the old one stay valid', async () => {
  const before = await publishedKeys();
  const old = await signIn();
  const request = { requestId: requestId() };
  const { keyId } = await shop.operator.rotateKeys(request);
  expect((await shop.operator.rotateKeys(request)).keyId).toBe(keyId); // repeated
  expect(before.keys.map((key) => key['kid'])).toContain(keyId);
  expect(keyOf(await signIn())).toBe(keyId);
  await verify(old);
  shop.wait(16 * minuteMs);
  expect((await publishedKeys()).keys.map((key) => key['kid'])).not.toContain(keyOf(old));
});

test('the platform’s verifier knows the tokens, through rotations that it wasn’t told of', async () => {
  let fetches = 0;
  const verifier = createTokenVerifier({
    async fetchKeys() {
      fetches += 1;
      return (await shop.keys.getKeys({})).jwksJson;
    },
    issuer: 'only2u',
    audience: 'only2u',
    now: shop.now,
  });
  for (let rotation = 0; rotation < 3; rotation += 1) {
    const { user, tokens } = await shop.join();
    expect(await verifier.verify(tokens.accessToken)).toEqual({ ...userOf(tokens.accessToken), id: user.id });
    await shop.operator.rotateKeys({ requestId: requestId() });
    shop.wait(3000);
  }
  expect(fetches).toBe(2); // the first rotation’s key was published with the first answer; the second’s was not yet made
});

test('after a month another key signs by itself, published beforehand', async () => {
  const old = keyOf(await signIn());
  shop.wait(30 * dayMs - minuteMs);
  const published = await publishedKeys();
  shop.wait(2 * minuteMs);
  const young = keyOf(await signIn());
  expect(young).not.toBe(old);
  expect(published.keys.map((key) => key['kid'])).toContain(young);
});

test('nothing private is published', async () => {
  for (const key of (await publishedKeys()).keys) {
    expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  }
});

test('ten processes that start at once agree on one pair of keys', async () => {
  const fresh = await openUserShop();
  await fresh.database.query('DELETE FROM signing_key');
  const config = { DATABASE_URL: fresh.database.url, USER_SECRET: 'for tests only, 32 characters or more' };
  const apps = await Promise.all(
    Array.from({ length: 10 }, () => openTestService(userService, { config, now: fresh.now })),
  );
  expect(await fresh.database.query('SELECT id FROM signing_key')).toHaveLength(2);
  await Promise.all(apps.map((app) => app.close()));
  await fresh.close();
});

test('a secret that doesn’t open the keys in the database stops the start, and says so', async () => {
  const config = { DATABASE_URL: shop.database.url, USER_SECRET: 'another secret of 32 characters or more' };
  await expect(openTestService(userService, { config, now: shop.now })).rejects.toThrow(/USER_SECRET/);
});
