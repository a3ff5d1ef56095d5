import { isIP } from 'node:net';
import { Fault } from '#platform/fault.ts';

/**
 * Slows down whoever guesses passwords, and nobody else.
 *
 * Failures are counted for a client's network together with the account's address, and for the network alone. They are
 * *never* counted for the account's address alone, at whatever level: such a count is what somebody else's guesses could fill,
 * and then the owner waits for what a stranger did. The price: a guesser with a thousand networks gets a thousand budgets;
 * against those stand argon2id, the refusal of common passwords and the gateway's own limits.
 *
 * Signing up counts as a failure when it makes an account, since it tells that nobody has that address with that password:
 * without this it would be the way to guess for nothing. So does each change of a password, for the same reason.
 *
 * Whoever shares a network with a guesser shares the network's slow-down, as with any limit by address. An exception for those
 * who have signed in from there before would tell their neighbours who has an account.
 *
 * A success doesn't clear the count (it only takes back its own attempt): otherwise a guesser would sign in to an account of
 * its own, made on the victim's address, between two guesses.
 */
export type AttemptLimits = {
  /** Failures without any delay. */
  readonly free: number;
  /** The first delay; each failure after it doubles it. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** One failure is forgotten in this time. */
  readonly forgiveMs: number;
};

const second = 1000;
const minute = 60 * second;

/** A person mistypes a few times. In the long run six guesses an hour. For a session that asks for the password again, too. */
export const pairLimits: AttemptLimits = {
  free: 5,
  firstDelayMs: second,
  longestDelayMs: 15 * minute,
  forgiveMs: 10 * minute,
};

/** A whole office or a mobile carrier's exit. In the long run two guesses a minute, over all accounts. */
export const networkLimits: AttemptLimits = {
  free: 100,
  firstDelayMs: second,
  longestDelayMs: minute,
  forgiveMs: 30 * second,
};

const never = new Date(0);

export type Attempts = {
  /** Not whole: it melts away with time. */
  readonly failures: number;
  readonly lastTime: Date;
  readonly blockedUntil: Date;
};

/** The count with one more failure, taken in advance so that attempts at the same time can't all slip through; undefined: refused. */
export function chargeAttempt(attempts: Attempts | undefined, limits: AttemptLimits, now: Date): Attempts | undefined {
  if (attempts === undefined) return { failures: 1, lastTime: now, blockedUntil: never };
  if (now < attempts.blockedUntil) return undefined;
  const forgotten = Math.max(0, now.getTime() - attempts.lastTime.getTime()) / limits.forgiveMs;
  const failures = Math.max(0, attempts.failures - forgotten) + 1;
  const delay = delayMs(failures, limits);
  // Without a delay nothing is blocked, not even for somebody whose clock was read a moment before.
  return { ...attempts, failures, lastTime: now, blockedUntil: delay === 0 ? never : new Date(now.getTime() + delay) };
}

/** The count after the attempt turned out right. The block goes only if it is this attempt's own. */
export function refundAttempt(attempts: Attempts, charged: Attempts): Attempts {
  const own = attempts.blockedUntil.getTime() === charged.blockedUntil.getTime();
  return {
    ...attempts,
    failures: Math.max(0, attempts.failures - 1),
    blockedUntil: own ? never : attempts.blockedUntil,
  };
}

function delayMs(failures: number, limits: AttemptLimits): number {
  const beyond = Math.ceil(failures) - limits.free;
  return beyond <= 0 ? 0 : Math.min(limits.longestDelayMs, limits.firstDelayMs * 2 ** (beyond - 1));
}

export function tooManyAttempts(blockedUntil: Date, now: Date): Fault {
  const retryAfterMs = Math.max(1, blockedUntil.getTime() - now.getTime());
  const seconds = Math.ceil(retryAfterMs / 1000);
  return new Fault('resource-exhausted', 'TOO_MANY_ATTEMPTS', `Too many attempts. Try again in ${seconds} s.`, {
    metadata: { retry_after_seconds: String(seconds) },
    retryAfterMs,
  });
}

/**
 * Whose attempts are counted together: an IPv4 address, or the /64 of an IPv6 one, since every subscriber has at least that
 * many addresses to itself. "" when the address is unknown: all such clients are then one.
 */
export function clientNetwork(address: string): string {
  const plain = address.replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, '');
  if (isIP(plain) !== 6) return isIP(plain) === 4 ? plain : '';
  // The URL parser writes an address in its one shortest form (RFC 5952).
  const short = new URL(`http://[${plain}]/`).hostname.slice(1, -1);
  const [head = '', tail] = short.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}
