import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify, type JWTPayload } from 'jose';
import { LRUCache } from 'lru-cache';
import { Fault } from '../fault.ts';
import { outsideCall, type User } from '../rpc/call.ts';

/** Tells who a user is by the access token. Refuses with a Fault; answers at once for a token that it has seen. */
export type TokenVerifier = { verify(token: string): User | Promise<User> };

export type TokenVerifierOptions = {
  /** The public keys, as a JSON Web Key Set (RFC 7517). Asked when a token names an unknown key, and every few minutes. */
  fetchKeys(): Promise<string>;
  readonly issuer: string;
  readonly audience: string;
  now(): Date;
};

const toleranceSeconds = 5; // how far the clocks of two machines may be apart
const maxTokenLength = 4096; // ours have some 400 characters
const maxVerified = 5000; // tokens kept, some 4 MB: users of the last ten minutes on a busy server
const refetchAfterMs = 2000; // forged tokens with made-up key ids cause one fetch in this time, no more
const keysMaxAgeMs = 5 * 60_000; // a key that was withdrawn is trusted this long at most

type Verified = { readonly user: User; readonly endMs: number };
type Keys = { readonly json: string; readonly find: ReturnType<typeof createLocalJWKSet> };

/**
 * Verifies access tokens: JSON Web Tokens signed with ES256 and nothing else, with issuer, audience, `exp` and `nbf` checked to
 * five seconds. A verified token is remembered until it ends, so that a user's next call costs a look-up in a map.
 * While keys can't be fetched, those that are known keep their worth.
 */
export function createTokenVerifier({ fetchKeys, issuer, audience, now }: TokenVerifierOptions): TokenVerifier {
  const verified = new LRUCache<string, Verified>({ max: maxVerified });
  const pending = new Map<string, Promise<User>>();
  let keys: Keys | undefined;
  let fetchedMs = -Infinity;
  let triedMs = -Infinity;
  let fetching: Promise<void> | undefined;

  async function fetchNow(): Promise<void> {
    triedMs = now().getTime();
    const json = await fetchKeys();
    fetchedMs = triedMs;
    if (json === keys?.json) return;
    keys = { json, find: createLocalJWKSet(keySetOf(json)) };
    verified.clear(); // what a withdrawn key signed must not outlive it
  }

  /** One fetch at a time, outside of the call that happens to need it: others wait for it too. */
  function refetch(): Promise<void> {
    fetching ??= outsideCall(fetchNow).finally(() => (fetching = undefined));
    return fetching;
  }

  async function currentKeys(): Promise<Keys> {
    if (keys === undefined) await refetch().catch((cause: unknown) => Promise.reject(keysUnavailable(cause)));
    if (keys === undefined) throw keysUnavailable(undefined);
    return keys;
  }

  /** Old keys are fetched again behind the calls, which the ones at hand serve meanwhile. */
  function keepFresh(nowMs: number): void {
    if (keys === undefined || nowMs - fetchedMs <= keysMaxAgeMs || !mayRefetch()) return;
    refetch().catch(() => {}); // the next call tries again
  }

  function mayRefetch(): boolean {
    return now().getTime() - triedMs >= refetchAfterMs;
  }

  async function claimsOf(token: string): Promise<JWTPayload> {
    const options = {
      algorithms: ['ES256'],
      issuer,
      audience,
      clockTolerance: toleranceSeconds,
      currentDate: now(),
      requiredClaims: ['exp', 'sub', 'sid', 'roles'],
    };
    const known = await currentKeys();
    try {
      return (await jwtVerify(token, known.find, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (fetching === undefined && !mayRefetch()) throw error;
      await refetch().catch((cause: unknown) => Promise.reject(keysUnavailable(cause)));
      return (await jwtVerify(token, keys?.find ?? known.find, options)).payload;
    }
  }

  async function verifyNew(token: string): Promise<User> {
    if (token.length > maxTokenLength) throw invalid();
    const claims = await claimsOf(token).catch((error: unknown) => Promise.reject(refusalOf(error)));
    const user = userOf(claims);
    verified.set(token, { user, endMs: ((claims.exp ?? 0) + toleranceSeconds) * 1000 });
    return user;
  }

  return {
    verify(token) {
      const nowMs = now().getTime();
      keepFresh(nowMs);
      const known = verified.get(token);
      if (known !== undefined) {
        if (nowMs < known.endMs) return known.user;
        verified.delete(token);
        throw expired();
      }
      const underWay = pending.get(token);
      if (underWay !== undefined) return underWay;
      const work = verifyNew(token).finally(() => pending.delete(token));
      pending.set(token, work);
      return work;
    },
  };
}

function keySetOf(json: string): JSONWebKeySet {
  const parsed: unknown = JSON.parse(json);
  if (!isKeySet(parsed)) throw new Error('What was fetched is no JSON Web Key Set.');
  return parsed;
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys); // jose checks the keys
}

function userOf({ sub, sid, roles }: JWTPayload): User {
  const wellFormed =
    typeof sub === 'string' &&
    sub !== '' &&
    typeof sid === 'string' &&
    Array.isArray(roles) &&
    roles.every((role) => typeof role === 'string');
  if (!wellFormed) throw invalid();
  return { id: sub, sessionId: sid, roles };
}

function refusalOf(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) return expired();
  return error instanceof errors.JOSEError ? invalid(error) : error;
}

function expired(): Fault {
  return new Fault(
    'unauthenticated',
    'TOKEN_EXPIRED',
    'The access token has ended: refresh the session and call again.',
  );
}

function invalid(cause?: unknown): Fault {
  return new Fault('unauthenticated', 'TOKEN_INVALID', 'The access token is not valid: sign in again.', { cause });
}

function keysUnavailable(cause: unknown): Fault {
  return new Fault(
    'unavailable',
    'KEYS_UNAVAILABLE',
    "The keys that check access tokens can't be had now: try again.",
    {
      cause,
      retryAfterMs: refetchAfterMs,
    },
  );
}
