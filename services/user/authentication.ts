import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import { Fault, invalidField } from '#platform/fault.ts';
import type { User } from '#platform/rpc/call.ts';
import { createAccount, houseSessionId, type Account } from './account.ts';
import type { Charge, Limiter } from './limiter.ts';
import { assertPasswordAllowed } from './password.ts';
import type { PasswordHasher } from './password-hash.ts';
import { hashRefreshToken, type RefreshTokens } from './refresh-token.ts';
import { decideRefresh, isOpen, openSession, openSessionsPerAccount, rotateSession, type Session } from './session.ts';
import type { AccessToken, Signer } from './signer.ts';
import type { Tables, Transaction, UserStore } from './store.ts';

/** Where a client is and what it calls itself, as the edge saw it. */
export type ClientOrigin = { readonly address: string; readonly userAgent: string };

export type Tokens = { readonly access: AccessToken; readonly refreshToken: string; readonly refreshExpireTime: Date };

export type SignedIn = { readonly account: Account; readonly tokens: Tokens };

export type SignUp = {
  readonly requestId: string;
  readonly email: string;
  readonly password: string;
  readonly displayName: string;
};

export type SignIn = Omit<SignUp, 'displayName'>;

export type PasswordChange = { readonly current: string; readonly next: string };

/** People coming in, staying in and changing their key. */
export type Authentication = {
  signUp(request: SignUp, origin: ClientOrigin): Promise<SignedIn>;
  signIn(request: SignIn, origin: ClientOrigin): Promise<SignedIn>;
  refresh(
    request: { readonly requestId: string; readonly refreshToken: string },
    origin: ClientOrigin,
  ): Promise<Tokens>;
  /** Checks and hashes both passwords, then answers the change, to be made in a transaction. */
  preparePasswordChange(
    user: User,
    change: PasswordChange,
    origin: ClientOrigin,
  ): Promise<(tx: Transaction) => Promise<void>>;
};

export type AuthenticationOptions = {
  readonly store: UserStore;
  readonly hasher: PasswordHasher;
  readonly limiter: Limiter;
  readonly refreshTokens: RefreshTokens;
  readonly signer: Signer;
  /** For the traces that tell a repeated request from another one. */
  readonly requestSecret: Buffer;
  readonly log: Logger;
  now(): Date;
  newId(prefix: string): string;
};

/**
 * A sign-in takes two transactions of 4 and 7 statements, some 3 ms beside the 23 ms of its password hash; a refresh takes
 * two statements and no transaction.
 */
export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { store, hasher, limiter, refreshTokens, signer, log, now, newId } = options;

  /** Hashes once it is allowed to; an attempt that found no place to be computed is not counted. */
  const hashCounted = async (
    attempt: SignIn | SignUp,
    origin: ClientOrigin,
  ): Promise<{ charge: Charge; hash: Buffer }> => {
    const charge = await limiter.charge({ address: origin.address, email: attempt.email }, now());
    try {
      return { charge, hash: await hasher.hash(attempt.email, attempt.password) };
    } catch (error) {
      await store.change((tx) => charge.refund(tx));
      throw error;
    }
  };

  /** The session of this request: a new one, or when the request comes again the one that it opened. */
  const open = async (tx: Transaction, account: Account, request: OpeningRequest): Promise<Session> => {
    const { requestId, origin } = request;
    const id = newId('ses');
    const token = refreshTokens.make({ sessionId: id, generation: 0 }, requestId);
    const fresh = { id, userId: account.id, ...origin, requestId, tokenHash: hashRefreshToken(token) };
    const fingerprint = createHmac('sha256', options.requestSecret).update(JSON.stringify(request.content)).digest();
    const { session, fingerprint: first } = await tx.sessions.add(openSession(fresh, now()), {
      requestId,
      fingerprint,
    });
    if (!fingerprint.equals(first)) throw requestIdReused(requestId);
    if (session.generation > 0 || !isOpen(session, now())) throw alreadyAnswered(requestId);
    await tx.sessions.endOldest(account.id, openSessionsPerAccount, now());
    return session;
  };

  const tokensOf = async (session: Session, account: Account): Promise<Tokens> => ({
    access: await signer.sign({ userId: account.id, roles: account.roles, sessionId: session.id }),
    refreshToken: refreshTokens.make({ sessionId: session.id, generation: session.generation }, session.requestId),
    refreshExpireTime: session.expireTime,
  });

  return {
    async signUp({ requestId, email, password, displayName }, origin) {
      assertPasswordAllowed({ password, email, field: 'password' });
      const candidate = createAccount({ id: newId('usr'), email, displayName }, now());
      const { charge, hash } = await hashCounted({ requestId, email, password }, origin);
      const signedIn = await store.change(async (tx) => {
        const { account, added } = await addAccount(tx, candidate, hash);
        const content = ['SignUp', email, displayName];
        const session = await open(tx, account, { requestId, origin, content });
        if (!added) await charge.refund(tx);
        return { account, session };
      });
      return { account: signedIn.account, tokens: await tokensOf(signedIn.session, signedIn.account) };
    },

    async signIn({ requestId, email, password }, origin) {
      const { charge, hash } = await hashCounted({ requestId, email, password }, origin);
      const signedIn = await store.change(async (tx) => {
        const account = await tx.accounts.hold({ email, passwordHash: hash });
        if (account === undefined) throw signInFailed();
        const session = await open(tx, account, { requestId, origin, content: ['SignIn', email] });
        await charge.refund(tx);
        return { account, session };
      });
      return { account: signedIn.account, tokens: await tokensOf(signedIn.session, signedIn.account) };
    },

    async refresh({ requestId, refreshToken }, { address }) {
      const claims = refreshTokens.read(refreshToken);
      if (claims === undefined) throw refreshTokenInvalid();
      const presented = { generation: claims.generation, tokenHash: hashRefreshToken(refreshToken), requestId };
      // Another refresh may come between reading and writing; then what is read next decides. Each round somebody gets on.
      for (let round = 0; round < 3; round += 1) {
        const found = await store.sessions.get(claims.sessionId);
        if (found === undefined) throw sessionEnded();
        const { session, account } = found;
        switch (decideRefresh(session, presented, now())) {
          case 'ended':
            throw sessionEnded();
          case 'request-id-reused':
            throw requestIdReused(requestId);
          case 'replay':
            return tokensOf(session, account);
          case 'reuse':
            await store.sessions.end(session, now());
            log.warn(
              { sessionId: session.id, userId: account.id },
              'a used refresh token came back; its session was ended',
            );
            throw new Fault(
              'unauthenticated',
              'REFRESH_TOKEN_REUSED',
              'This refresh token was used before, so its session has been ended. Sign in again.',
            );
          case 'rotate': {
            const successor = { sessionId: session.id, generation: session.generation + 1 };
            const tokenHash = hashRefreshToken(refreshTokens.make(successor, requestId));
            const next = rotateSession(session, { tokenHash, requestId, address }, now());
            if (await store.sessions.rotate(session, next)) return tokensOf(next, account);
          }
        }
      }
      throw new Fault('aborted', 'CONCURRENT_CHANGE', 'The session is being refreshed by others; try again.', {
        retryAfterMs: 100,
      });
    },

    async preparePasswordChange(user, { current, next }, { address }) {
      const account = await store.accounts.get(user.id);
      if (account === undefined) throw userNotFound(user.id);
      assertPasswordAllowed({ password: next, email: account.email, field: 'new_password' });
      // Never taken back: a change that works, too, tells a guesser that nobody else with this address has that password.
      const attempt = { address, email: account.email, sessionId: user.sessionId };
      const charge = await limiter.charge(attempt, now());
      try {
        const currentHash = await hasher.hash(account.email, current);
        const nextHash = await hasher.hash(account.email, next);
        return async (tx) => {
          const locked = await tx.accounts.lock(user.id);
          if (locked === undefined) throw userNotFound(user.id);
          await assertSessionOpen(tx, user, now());
          if (locked.passwordHash === undefined || !timingSafeEqual(locked.passwordHash, currentHash)) {
            throw invalidField('current_password', 'PASSWORD_WRONG', 'is not your password');
          }
          await tx.accounts.setPassword(account, { email: account.email, passwordHash: nextHash });
          await tx.sessions.endOthers({ id: user.sessionId, userId: user.id }, now());
        };
      } catch (error) {
        await store.change((tx) => charge.refund(tx));
        throw error;
      }
    },
  };
}

type OpeningRequest = {
  readonly requestId: string;
  readonly origin: ClientOrigin;
  /** What must be the same when the request id comes again, beside the credentials that found the account. */
  readonly content: readonly string[];
};

/** Adds the account, or answers the one that has these credentials. Tells the other services of a new one. */
export async function addAccount(
  tx: Transaction,
  candidate: Account,
  passwordHash: Buffer,
): Promise<{ readonly account: Account; readonly added: boolean }> {
  const credentials = { email: candidate.email, passwordHash };
  if (await tx.accounts.add(candidate, credentials)) {
    await tx.publish({ kind: 'created', userId: candidate.id, time: candidate.createTime });
    return { account: candidate, added: true };
  }
  const account = await tx.accounts.hold(credentials);
  if (account === undefined) {
    throw new Fault('aborted', 'CONCURRENT_CHANGE', 'The account was changed at the same time; try again.', {
      retryAfterMs: 100,
    });
  }
  return { account, added: false };
}

/**
 * For what a stolen access token must not do in the minutes that it outlives its session. Everything else, here and in the
 * other services, believes the token until it ends.
 */
export async function assertSessionOpen(tx: Tables, user: User, now: Date): Promise<void> {
  if (user.sessionId === houseSessionId) return;
  const found = await tx.sessions.get(user.sessionId);
  if (found === undefined || found.session.userId !== user.id || !isOpen(found.session, now)) throw sessionEnded();
}

export function userNotFound(id: string): Fault {
  return new Fault('not-found', 'USER_NOT_FOUND', 'There is no such account.', { metadata: { user_id: id } });
}

function signInFailed(): Fault {
  return new Fault('unauthenticated', 'SIGN_IN_FAILED', 'The e-mail address or the password is wrong.');
}

function refreshTokenInvalid(): Fault {
  return new Fault('unauthenticated', 'REFRESH_TOKEN_INVALID', 'This is not a refresh token of ours. Sign in again.');
}

function sessionEnded(): Fault {
  return new Fault('unauthenticated', 'SESSION_ENDED', 'This session has ended. Sign in again.');
}

function requestIdReused(requestId: string): Fault {
  return new Fault(
    'already-exists',
    'REQUEST_ID_REUSED',
    'This request_id was used for another request. Use a new one for each request, and the same one only to repeat it.',
    { metadata: { request_id: requestId } },
  );
}

function alreadyAnswered(requestId: string): Fault {
  return new Fault(
    'failed-precondition',
    'REQUEST_ANSWERED',
    'This request was answered, and its session has been used or ended since. Sign in with a new request_id.',
    { metadata: { request_id: requestId } },
  );
}
