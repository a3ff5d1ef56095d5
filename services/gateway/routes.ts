import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { type Policy, policyOf } from '#platform/rpc/policy.ts';

/** A method that the contract opens to the edge. */
export type Route = {
  /** "/only2u.product.v1.ProductService/GetProduct" */
  readonly path: string;
  readonly method: DescMethod;
  readonly policy: Policy;
  /** Whether the method has no side effects, and so may be called by GET. */
  readonly safe: boolean;
  /** Whether one answer may be given to everybody who isn't signed in. */
  readonly shared: boolean;
  /** Where in a kept answer the ids stand that an event may make old, such as "products.id". */
  readonly invalidatedBy: readonly string[];
  /** The Cache-Control of an answer to anybody, and of an answer to a signed-in user. */
  readonly cacheControl: { readonly anybody: string; readonly user: string };
};

/** The methods that the contracts open to the edge, by path. */
export function openRoutes(contracts: readonly DescService[]): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  for (const contract of contracts) {
    for (const method of contract.methods) {
      const policy = policyOf(method);
      if (!policy.open) continue;
      const path = `/${policy.path}`;
      routes.set(path, {
        path,
        method,
        policy,
        safe: policy.idempotency === 'no-side-effects',
        shared: policy.cache?.shared === true && policy.access === 'public' && method.methodKind === 'unary',
        invalidatedBy: [...new Set((policy.cache?.invalidatedBy ?? []).map(({ field }) => field))],
        cacheControl: cacheControlOf(policy),
      });
    }
  }
  return routes;
}

function cacheControlOf({ cache, access }: Policy): Route['cacheControl'] {
  if (cache === undefined) return { anybody: 'no-store', user: 'no-store' };
  const maxAge = `max-age=${Math.floor(cache.maxAgeMs / 1000)}`;
  const user = `private, ${maxAge}`;
  return { anybody: cache.shared && access === 'public' ? `public, ${maxAge}` : user, user };
}
