import { Fault } from '#platform/fault.ts';
import type { TokenVerifier } from '#platform/identity/access-token.ts';
import { faultOf } from '#platform/rpc/admission.ts';
import type { User } from '#platform/rpc/call.ts';
import { decide } from '#platform/rpc/policy.ts';
import { addressGroup } from './address.ts';
import type { RateLimiter } from './rate-limit.ts';
import type { Route } from './routes.ts';

/** Who calls, as far as the edge can tell. */
export type Visitor = { readonly user: User | undefined; readonly token: string | undefined };

export type Gate = {
  /**
   * Decides whether a request may pass, by its headers alone: the rate of its address, its token, its roles, the rate of
   * its user. Throws a Fault with the reason that the service would give. Answers at once whenever it can.
   */
  admit(route: Route, address: string, authorization: string | undefined): Visitor | Promise<Visitor>;
};

export type GateOptions = {
  readonly verifier: TokenVerifier;
  /** undefined: no limit holds. */
  readonly limiter: RateLimiter | undefined;
  readonly now: () => number;
  limited(route: Route, scope: 'address' | 'user'): void;
};

const nobody: Visitor = { user: undefined, token: undefined };

export function createGate({ verifier, limiter, now, limited }: GateOptions): Gate {
  function takeAll(route: Route, scope: 'address' | 'user', key: string): void | Promise<void> {
    if (limiter === undefined) return;
    for (const [index, limit] of route.policy.limits.entries()) {
      if (limit.scope !== scope) continue;
      const wait = limiter.take(`${scope} ${index} ${route.path} ${key}`, limit, now());
      if (wait instanceof Promise) return takeRest(route, scope, key, index, wait);
      if (wait > 0) throw tooOften(route, scope, wait);
    }
  }

  async function takeRest(
    route: Route,
    scope: 'address' | 'user',
    key: string,
    from: number,
    first: Promise<number>,
  ): Promise<void> {
    let index = from;
    let wait = await first;
    for (;;) {
      if (wait > 0) throw tooOften(route, scope, wait);
      index++;
      const limit = route.policy.limits[index];
      if (limit === undefined || limiter === undefined) return;
      wait = limit.scope === scope ? await limiter.take(`${scope} ${index} ${route.path} ${key}`, limit, now()) : 0;
    }
  }

  function tooOften(route: Route, scope: 'address' | 'user', waitMs: number): Fault {
    limited(route, scope);
    const who = scope === 'address' ? 'your address' : 'your account';
    return new Fault(
      'resource-exhausted',
      'RATE_LIMITED',
      `Too many calls from ${who}. Try again in ${Math.ceil(waitMs / 1000)} s.`,
      {
        metadata: { scope, method: route.policy.path },
        retryAfterMs: waitMs,
      },
    );
  }

  function letIn(route: Route, user: User | undefined, token: string | undefined): Visitor | Promise<Visitor> {
    const decision = decide(route.policy, 'gateway', user);
    if (decision !== 'allowed') throw faultOf(route.policy, decision, 'gateway');
    if (user === undefined) return nobody;
    const taken = takeAll(route, 'user', user.id);
    const visitor = { user, token };
    return taken === undefined ? visitor : taken.then(() => visitor);
  }

  function identify(route: Route, authorization: string | undefined): Visitor | Promise<Visitor> {
    if (authorization === undefined || authorization === '') return letIn(route, undefined, undefined);
    if (!/^bearer [^\s]+$/i.test(authorization)) {
      throw new Fault('unauthenticated', 'TOKEN_INVALID', 'Send the access token as "authorization: Bearer …".');
    }
    const token = authorization.slice(7);
    const user = verifier.verify(token);
    return user instanceof Promise ? user.then((known) => letIn(route, known, token)) : letIn(route, user, token);
  }

  return {
    admit(route, address, authorization) {
      const taken = takeAll(route, 'address', addressGroup(address));
      return taken === undefined ? identify(route, authorization) : taken.then(() => identify(route, authorization));
    },
  };
}
