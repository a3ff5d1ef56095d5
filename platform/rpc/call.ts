import { AsyncLocalStorage } from 'node:async_hooks';
import { Fault } from '../fault.ts';

/** A signed-in user, as its access token says. */
export type User = {
  /** "usr_…" */
  readonly id: string;
  /** In lower case, such as "vendor". */
  readonly roles: readonly string[];
  /** "ses_…" */
  readonly sessionId: string;
};

/** What is known of the call being served: who calls, for whom, and what is passed on to the calls it makes. */
export type Call = {
  /** The calling workload, from its certificate; "" for none. */
  readonly caller: string;
  readonly user: User | undefined;
  /** The user's access token as it came, to be passed on. */
  readonly token: string | undefined;
  readonly requestId: string;
  /** The end client's address, as the edge saw it; "" when unknown. */
  readonly address: string;
  /** The end client's user agent, as the edge saw it; "" when unknown. */
  readonly userAgent: string;
  /** Unix milliseconds at which the caller gives up. */
  readonly deadlineMs: number | undefined;
  /** Aborted when the caller gave up or went away. */
  readonly signal: AbortSignal;
  /** W3C traceparent to pass on. */
  readonly traceparent: string | undefined;
};

const calls = new AsyncLocalStorage<Call>();

/** Runs `work` as part of a call, so that `currentCall` and the clients of `env.dial` know it. */
export function withCall<T>(call: Call, work: () => T): T {
  return calls.run(call, work);
}

/** The call being served, or undefined outside of one (a worker, a command). */
export function currentCall(): Call | undefined {
  return calls.getStore();
}

/** Runs `work` outside of the call being served: for what other calls wait for too, and must not end with this one. */
export function outsideCall<T>(work: () => T): T {
  return calls.exit(work);
}

/** The signed-in user of the call being served. Refuses a call that has none. */
export function requireUser(): User {
  const user = calls.getStore()?.user;
  if (user === undefined) throw new Fault('unauthenticated', 'SIGN_IN_REQUIRED', 'Sign in and send the access token.');
  return user;
}
