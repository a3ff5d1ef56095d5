import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import { StartError } from '#platform/start-error.ts';
import { accessTokenMinutes } from './session.ts';
import { currentKey, planKeys, publishedKeys, rotateKeys, type SigningKey } from './signing-key.ts';
import type { Transaction, UserStore } from './store.ts';

/** What an access token says. */
export type AccessClaims = { readonly userId: string; readonly roles: readonly string[]; readonly sessionId: string };

export type AccessToken = { readonly token: string; readonly expireTime: Date };

export type Signer = {
  /** A signed token that says who the user is, for ten minutes. */
  sign(claims: AccessClaims): Promise<AccessToken>;
  /** The public keys as a JSON Web Key Set (RFC 7517). */
  keySet(): Promise<string>;
  /** Signs with the next key once the transaction is committed. Answers its id. */
  rotate(tx: Transaction): Promise<string>;
  /** Reads the keys anew at the next use, as after a rotation. */
  forgetKeys(): void;
};

export type SignerOptions = { readonly store: UserStore; readonly secret: Buffer; readonly now: () => Date };

const issuer = 'only2u';
/** A process learns of a rotation elsewhere after so long; meanwhile it signs with a key that stays published for longer. */
const signWithinMs = 30_000;
/** Verifiers ask rarely, and then because they met an unknown key: the answer is fresh. */
const publishWithinMs = 1_000;

/**
 * Signs access tokens with the keys in the store, and sees to it that there is always one to sign with and a next one
 * published. Any number of processes may do so at once. Throws when the secret doesn't open the keys in the store.
 */
export async function openSigner({ store, secret, now }: SignerOptions): Promise<Signer> {
  const privateKeys = new Map<string, Promise<CryptoKey | Uint8Array>>();
  let loading: Promise<void> | undefined;
  let keys: SigningKey[] = [];
  let loadTime = -Infinity;

  const load = async (): Promise<void> => {
    const time = now();
    const found = await store.signingKeys.list();
    const plan = planKeys(found, time);
    keys = plan.make.length + plan.drop.length === 0 ? found : await store.change((tx) => renew(tx, secret, time));
    for (const id of privateKeys.keys()) if (!keys.some((key) => key.id === id)) privateKeys.delete(id);
    loadTime = time.getTime();
  };
  const keysWithin = async (maxAgeMs: number): Promise<SigningKey[]> => {
    const age = now().getTime() - loadTime;
    if (age >= 0 && age <= maxAgeMs) return keys;
    loading ??= load().finally(() => (loading = undefined));
    await loading;
    return keys;
  };
  const privateKey = (key: SigningKey): Promise<CryptoKey | Uint8Array> => {
    const known = privateKeys.get(key.id);
    if (known !== undefined) return known;
    const opened = open(key, secret);
    privateKeys.set(key.id, opened);
    return opened;
  };
  const signing = (list: readonly SigningKey[]): SigningKey => {
    const current = currentKey(list, now());
    if (current === undefined) throw new Error('No signing key is in force although keys were planned.');
    return current;
  };

  await privateKey(signing(await keysWithin(0)));
  return {
    async sign({ userId, roles, sessionId }) {
      const key = signing(await keysWithin(signWithinMs));
      const issued = Math.floor(now().getTime() / 1000);
      const expires = issued + accessTokenMinutes * 60;
      const token = await new SignJWT({ roles, sid: sessionId })
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: key.id })
        .setIssuer(issuer)
        .setAudience(issuer)
        .setSubject(userId)
        .setIssuedAt(issued)
        .setExpirationTime(expires)
        .sign(await privateKey(key));
      return { token, expireTime: new Date(expires * 1000) };
    },
    async keySet() {
      const published = publishedKeys(await keysWithin(publishWithinMs), now());
      return JSON.stringify({
        keys: published.map(({ id, publicJwk }) => ({ ...publicJwk, kid: id, alg: 'ES256', use: 'sig' })),
      });
    },
    async rotate(tx) {
      const time = now();
      await tx.signingKeys.lock();
      const next = rotateKeys(await tx.signingKeys.list(), time);
      if (next === undefined) throw new Error('There is no next signing key although keys were planned.');
      await tx.signingKeys.setSignsFrom(next.id, next.signsFrom);
      await renew(tx, secret, time);
      return next.id;
    },
    forgetKeys() {
      loadTime = -Infinity;
    },
  };
}

/** Carries the plan out. Under a lock, after which the plan is made again: another process may just have done it. */
async function renew(tx: Transaction, secret: Buffer, now: Date): Promise<SigningKey[]> {
  await tx.signingKeys.lock();
  const plan = planKeys(await tx.signingKeys.list(), now);
  for (const signsFrom of plan.make) await tx.signingKeys.add(await createKey(signsFrom, secret));
  if (plan.drop.length > 0) await tx.signingKeys.remove(plan.drop);
  return tx.signingKeys.list();
}

async function createKey(signsFrom: Date, secret: Buffer): Promise<SigningKey> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const { kty = '', crv = '', x = '', y = '' } = await exportJWK(pair.publicKey);
  const publicJwk = { kty, crv, x, y };
  const id = await calculateJwkThumbprint(publicJwk);
  const sealedPrivateKey = seal(JSON.stringify(await exportJWK(pair.privateKey)), { secret, id });
  return { id, signsFrom, publicJwk, sealedPrivateKey };
}

async function open(key: SigningKey, secret: Buffer): Promise<CryptoKey | Uint8Array> {
  const jwk: unknown = JSON.parse(unseal(key.sealedPrivateKey, { secret, id: key.id }));
  if (typeof jwk !== 'object' || jwk === null) throw new Error(`The signing key ${key.id} is not a JSON Web Key.`);
  return importJWK(jwk, 'ES256');
}

const ivBytes = 12;
const tagBytes = 16;

/** AES-256-GCM: iv, tag, ciphertext. The key's id is authenticated along, so that one can't be passed off as another. */
function seal(text: string, { secret, id }: { secret: Buffer; id: string }): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', secret, iv).setAAD(Buffer.from(id));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
}

function unseal(sealed: Buffer, { secret, id }: { secret: Buffer; id: string }): string {
  try {
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(0, ivBytes), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(id)).setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
    return decipher.update(sealed.subarray(ivBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8');
  } catch (error) {
    throw new StartError(
      'The user service’s secret does not open the signing keys in its database. Give it the secret that the database was made with (USER_SECRET).',
      { cause: error },
    );
  }
}
