/** An access token is believed until it ends, whatever has happened to its session: so long may a signed-out one still work. */
export const accessTokenMinutes = 10;
/** A session unused for so long has been forgotten by its owner. */
const idleDays = 30;
/** Whoever holds a stolen session without being noticed holds it no longer than this. */
const absoluteDays = 180;
/** How long a lost answer may be asked for again. Long enough for a phone to come out of a tunnel, too short to be of use to a thief. */
const replaySeconds = 60;
/** More devices than a person has; keeps what one account can store bounded. */
export const openSessionsPerAccount = 100;

const dayMs = 86_400_000;

/**
 * One signed-in client. A session is a family of refresh tokens, one a generation: each is used up by the refresh that makes
 * the next (RFC 9700, section 4.14.2).
 */
export type Session = {
  /** "ses_…" */
  readonly id: string;
  readonly userId: string;
  readonly userAgent: string;
  readonly address: string;
  readonly createTime: Date;
  readonly refreshTime: Date;
  readonly expireTime: Date;
  /** Ended by sign-out, revocation, another session's change of the password, or the reuse of a refresh token. */
  readonly endTime: Date | undefined;
  /** Counts the refreshes; the number of the one refresh token that works. */
  readonly generation: number;
  /** Of the refresh token that works. The token itself is never stored. */
  readonly tokenHash: Buffer;
  /** The request that made this generation. */
  readonly requestId: string;
};

export type NewSession = Pick<Session, 'id' | 'userId' | 'userAgent' | 'address' | 'tokenHash' | 'requestId'>;

export function openSession(session: NewSession, now: Date): Session {
  return {
    ...session,
    // A browser's is some 120 characters; whatever is longer says nothing to the person who reads the list.
    userAgent: session.userAgent.slice(0, 256),
    createTime: now,
    refreshTime: now,
    expireTime: expiry(now, now),
    endTime: undefined,
    generation: 0,
  };
}

export function isOpen(session: Session, now: Date): boolean {
  return session.endTime === undefined && now < session.expireTime;
}

/** What a refresh token presented by a client says of itself; its authenticity has been checked. */
export type Presented = { readonly generation: number; readonly tokenHash: Buffer; readonly requestId: string };

export type RefreshDecision =
  /** It is the token that works: make the next. */
  | 'rotate'
  /** The answer to this very request got lost: give it again. */
  | 'replay'
  /** A used token came back: either the client or a thief has an old copy. Nobody can tell which, so the session ends. */
  | 'reuse'
  /** The request id made the presented token; it can't ask for the next one as well. */
  | 'request-id-reused'
  | 'ended';

export function decideRefresh(session: Session, presented: Presented, now: Date): RefreshDecision {
  if (!isOpen(session, now)) return 'ended';
  if (presented.generation === session.generation && presented.tokenHash.equals(session.tokenHash)) {
    // The first token was made by a sign-in, whose request ids are another method's.
    const madeByIt = session.generation > 0 && presented.requestId === session.requestId;
    return madeByIt ? 'request-id-reused' : 'rotate';
  }
  const asksAgain = presented.generation === session.generation - 1 && presented.requestId === session.requestId;
  const inTime = now.getTime() - session.refreshTime.getTime() <= replaySeconds * 1000;
  return asksAgain && inTime ? 'replay' : 'reuse';
}

export type Rotation = { readonly tokenHash: Buffer; readonly requestId: string; readonly address: string };

export function rotateSession(session: Session, rotation: Rotation, now: Date): Session {
  return {
    ...session,
    ...rotation,
    generation: session.generation + 1,
    refreshTime: now,
    expireTime: expiry(session.createTime, now),
  };
}

function expiry(createTime: Date, now: Date): Date {
  return new Date(Math.min(now.getTime() + idleDays * dayMs, createTime.getTime() + absoluteDays * dayMs));
}
