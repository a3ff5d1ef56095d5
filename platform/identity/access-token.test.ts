import { expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import fc from 'fast-check';
import { Fault } from '../fault.ts';
import { createTokenVerifier } from './access-token.ts';

const start = new Date('2026-11-22T12:00:00Z');
const claims = { sub: 'usr_1', sid: 'ses_1', roles: ['customer'] };

async function keyOf(kid: string) {
  const pair = await generateKeyPair('ES256', { extractable: true });
  return { ...pair, kid, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256', use: 'sig' } };
}

type Key = Awaited<ReturnType<typeof keyOf>>;

function sign(key: Key, payload: JWTPayload = {}, header: { kid?: string } = { kid: key.kid }): Promise<string> {
  const nowSeconds = start.getTime() / 1000;
  return new SignJWT({ iss: 'only2u', aud: 'only2u', exp: nowSeconds + 600, ...claims, ...payload })
    .setProtectedHeader({ alg: 'ES256', ...header })
    .sign(key.privateKey);
}

const key = await keyOf('k1');

function open(keys: () => Key[] = () => [key]) {
  const state = { nowMs: start.getTime(), fetches: 0, down: false };
  const verifier = createTokenVerifier({
    issuer: 'only2u',
    audience: 'only2u',
    now: () => new Date(state.nowMs),
    async fetchKeys() {
      state.fetches++;
      if (state.down) return Promise.reject(new Error('connection refused'));
      return JSON.stringify({ keys: keys().map(({ jwk }) => jwk) });
    },
  });
  return { state, verifier };
}

async function reasonOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Fault) return error.reason;
    throw error;
  }
  return 'accepted';
}

test('a good token names its user, at once when it was seen before', async () => {
  const { state, verifier } = open();
  const token = await sign(key);
  const user = { id: 'usr_1', sessionId: 'ses_1', roles: ['customer'] };
  expect(await verifier.verify(token)).toEqual(user);
  expect(verifier.verify(token)).toEqual(user);
  expect(state.fetches).toBe(1);
});

test('an expired token is refused, also one that was good when it was first seen', async () => {
  const { state, verifier } = open();
  const token = await sign(key);
  await verifier.verify(token);
  state.nowMs += 604_000; // five seconds of tolerance
  expect(await reasonOf(() => verifier.verify(token))).toBe('accepted');
  state.nowMs += 2_000;
  expect(await reasonOf(() => verifier.verify(token))).toBe('TOKEN_EXPIRED');
  expect(await reasonOf(() => verifier.verify(token))).toBe('TOKEN_EXPIRED');
});

test.each([
  ['another issuer', { iss: 'somebody' }],
  ['another audience', { aud: 'elsewhere' }],
  ['a start in the future', { nbf: start.getTime() / 1000 + 60 }],
  ['no end', { exp: undefined }],
  ['no user', { sub: undefined }],
  ['no session', { sid: undefined }],
  ['roles that are no list', { roles: 'admin' }],
])('a token with %s is refused', async (_, payload) => {
  const { verifier } = open();
  const token = await sign(key, payload);
  expect(await reasonOf(() => verifier.verify(token))).toBe('TOKEN_INVALID');
});

test('a token signed by another key under a known key id is refused', async () => {
  const forger = await keyOf('k1');
  const { verifier } = open();
  const token = await sign(forger, { roles: ['admin'] });
  expect(await reasonOf(() => verifier.verify(token))).toBe('TOKEN_INVALID');
});

test('a token without a signature is refused', async () => {
  const { verifier } = open();
  const unsecured = new UnsecuredJWT({
    iss: 'only2u',
    aud: 'only2u',
    exp: start.getTime() / 1000 + 600,
    ...claims,
  }).encode();
  expect(await reasonOf(() => verifier.verify(unsecured))).toBe('TOKEN_INVALID');
  const [, payload] = (await sign(key)).split('.');
  const header = Buffer.from(JSON.stringify({ alg: 'none', kid: 'k1' })).toString('base64url');
  expect(await reasonOf(() => verifier.verify(`${header}.${payload}.`))).toBe('TOKEN_INVALID');
});

test('a token signed with HS256 and the public key as its secret is refused', async () => {
  const { verifier } = open();
  const [, payload] = (await sign(key)).split('.');
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'k1' })).toString('base64url');
  for (const secret of [await exportSPKI(key.publicKey), JSON.stringify(key.jwk)]) {
    const signature = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
    expect(await reasonOf(() => verifier.verify(`${header}.${payload}.${signature}`))).toBe('TOKEN_INVALID');
  }
});

test('a token signed with RS256 is refused', async () => {
  const { privateKey } = await generateKeyPair('RS256');
  const token = await new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(privateKey);
  const { verifier } = open();
  expect(await reasonOf(() => verifier.verify(token))).toBe('TOKEN_INVALID');
});

test('no text but a token is accepted, and none breaks the verifier', async () => {
  const { verifier } = open();
  const token = await sign(key);
  const damaged = fc
    .tuple(fc.nat(token.length - 1), fc.constantFrom('A', 'z', '.', '_', ' ', '\0', 'é'))
    .map(([at, letter]) => token.slice(0, at) + letter + token.slice(at + 1));
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), damaged), async (text) => {
      // The last letter of a signature carries bits that decoding drops: such a text is the same token.
      fc.pre(text.slice(0, -1) !== token.slice(0, -1));
      expect(await reasonOf(() => verifier.verify(text))).toBe('TOKEN_INVALID');
    }),
    { numRuns: 200 },
  );
});

test('a token as long as a book is refused without being read', async () => {
  const { verifier, state } = open();
  expect(await reasonOf(() => verifier.verify('a'.repeat(100_000)))).toBe('TOKEN_INVALID');
  expect(state.fetches).toBe(0);
});

test('a new signing key is found when its first token comes', async () => {
  const keys = [key];
  const { verifier, state } = open(() => keys);
  await verifier.verify(await sign(key));
  const next = await keyOf('k2');
  keys.push(next);
  state.nowMs += 3_000;
  expect(await reasonOf(async () => verifier.verify(await sign(next)))).toBe('accepted');
  expect(state.fetches).toBe(2);
});

test('many tokens with unknown keys cause one fetch, and no second one within two seconds', async () => {
  const { verifier, state } = open();
  await verifier.verify(await sign(key));
  state.nowMs += 3_000;
  const forged = await Promise.all(Array.from({ length: 50 }, (_, i) => sign(key, {}, { kid: `forged-${i}` })));
  const reasons = await Promise.all(forged.slice(0, 40).map((token) => reasonOf(() => verifier.verify(token))));
  for (const token of forged.slice(40)) reasons.push(await reasonOf(() => verifier.verify(token)));
  expect(new Set(reasons)).toEqual(new Set(['TOKEN_INVALID']));
  expect(state.fetches).toBe(2);
});

test('known keys serve on while new ones cannot be fetched', async () => {
  const { verifier, state } = open();
  await verifier.verify(await sign(key));
  state.down = true;
  state.nowMs += 400_000;
  expect(await reasonOf(async () => verifier.verify(await sign(key, { sid: 'ses_2' })))).toBe('accepted');
});

test('without any key a token is neither accepted nor called bad', async () => {
  const { verifier, state } = open();
  state.down = true;
  expect(await reasonOf(async () => verifier.verify(await sign(key)))).toBe('KEYS_UNAVAILABLE');
  state.down = false;
  expect(await reasonOf(async () => verifier.verify(await sign(key)))).toBe('accepted');
});

test('what a withdrawn key signed is refused once the keys were fetched again', async () => {
  const next = await keyOf('k2');
  let keys = [key];
  const { verifier, state } = open(() => keys);
  const stolen = await sign(key);
  await verifier.verify(stolen);
  keys = [next];
  state.nowMs += 301_000;
  expect(await reasonOf(() => verifier.verify(stolen))).toBe('accepted'); // finds the keys old and has them fetched
  await reasonOf(async () => verifier.verify(await sign(key, { sid: 'ses_2' }, { kid: 'k3' }))); // waits for that fetch
  expect(await reasonOf(() => verifier.verify(stolen))).toBe('TOKEN_INVALID');
});
