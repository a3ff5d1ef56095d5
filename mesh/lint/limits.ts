import { MethodOptionsSchema } from '@bufbuild/protobuf/wkt';
import { isFieldSet } from '@bufbuild/protobuf';
import { type Found, type Linted, methodRule, type Rule, when } from './rule.ts';
import { edgesOf, openAt } from '../model.ts';
import { type RateLimit, retrying } from '../read-policy.ts';
import { durationText } from '../ask/words.ts';
import { invalidationProblems } from './invalidation.ts';

/** Rules about how long a call may take, how often it comes and whether it is repeated. */
export const limitRules = {
  timeout: methodRule('a call ends', ({ policy: { timeoutMs, callers, access } }) =>
    when(
      !(timeoutMs !== undefined && timeoutMs > 0) && (callers.length > 0 || access !== 'unspecified'),
      'timeout',
      'has no timeout: say the longest that a call may take, all attempts included',
    ),
  ),
  'rate-limit': methodRule('what an edge may call is limited, by numbers that can be counted', (method, { model }) => {
    const { policy } = method;
    const named = edgesOf(model).some((edge) => policy.callers.includes(edge));
    return [
      ...when(
        openAt(model, method).length > 0 && !policy.limits.some(countedAtEdge),
        'rate_limits',
        'is open to the edge without a rate limit: add one of SCOPE_ADDRESS or SCOPE_USER',
      ),
      ...when(
        policy.callers.length > 0 && !named && policy.limits.some(countedAtEdge),
        'rate_limits',
        'is limited by what is counted at the edge, which may not call it: count SCOPE_CALLER',
      ),
      ...when(
        policy.access === 'public' && policy.limits.some(({ scope }) => scope === 'user'),
        'rate_limits',
        'is public, but counts by user, whom a guest is not: count SCOPE_ADDRESS',
      ),
      ...when(
        !policy.limits.every(
          ({ scope, requests, windowMs }) => scope !== 'unspecified' && requests > 0 && windowMs > 0,
        ),
        'rate_limits',
        'has a rate limit without scope, requests or window: say all three',
      ),
    ];
  }),
  cache: methodRule('what is cached is a reading, kept for a time, and alike for all who share it', ({ policy }) => {
    const { cache, idempotency, access } = policy;
    if (cache === undefined) return [];
    return [
      ...when(
        idempotency !== 'no-side-effects',
        'cache',
        'is cached, but not NO_SIDE_EFFECTS: take the cache away, or say so if it only reads',
      ),
      ...when(!(cache.maxAgeMs > 0), 'cache', 'is cached without a max_age: say how long an answer stays fresh'),
      ...when(
        cache.shared && access !== 'public',
        'cache',
        'is in shared caches, but not for everybody: say shared: false, or ACCESS_PUBLIC',
      ),
    ];
  }),
  invalidation: {
    about: 'what makes a kept answer old is an event whose key stands in the answer',
    find: invalidationProblems,
  },
  hedging: methodRule('a second instance is asked only where that does no harm and in time', ({ policy }) => {
    const { hedgeAfterMs, idempotency, timeoutMs = Infinity } = policy;
    if (hedgeAfterMs === undefined) return [];
    return [
      ...when(
        idempotency !== 'no-side-effects',
        'hedge_after',
        'asks a second instance, but is not NO_SIDE_EFFECTS: take hedge_after away',
      ),
      ...when(
        !(hedgeAfterMs > 0 && hedgeAfterMs < timeoutMs),
        'hedge_after',
        `asks a second instance after ${durationText(hedgeAfterMs)}, its timeout being ${durationText(timeoutMs)}: let it be more than nothing and less than that`,
      ),
    ];
  }),
  idempotency: {
    about: 'a method says whether a second call does harm: the mesh repeats a failed one only where it does none',
    find: unsaidIdempotency,
  },
  retry: methodRule(
    'only what does no harm twice is repeated, and its timeout holds the pauses between',
    ({ policy }) => {
      const { attempts, idempotency, timeoutMs = Infinity } = policy;
      const pauses = pausesOf(attempts);
      return [
        ...when(
          attempts > 1 && idempotency === 'none',
          'idempotency_level',
          'is tried again when it fails, but a second call may do harm: say IDEMPOTENT if it does none',
        ),
        ...when(
          attempts > 1 && timeoutMs > 0 && timeoutMs <= pauses,
          'timeout',
          `is tried ${attempts} times, with up to ${durationText(pauses)} of pauses, in a timeout of ${durationText(timeoutMs)}: give it more`,
        ),
      ];
    },
  ),
} as const satisfies Readonly<Record<string, Rule>>;

function countedAtEdge({ scope }: RateLimit): boolean {
  return scope === 'address' || scope === 'user';
}

/** The longest that a call waits between its attempts, in milliseconds. */
function pausesOf(attempts: number): number {
  const pauses = Array.from({ length: Math.max(0, attempts - 1) }, (_, index) =>
    Math.min(retrying.maxBackoffMs, retrying.initialBackoffMs * retrying.backoffMultiplier ** index),
  );
  return pauses.reduce((sum, pause) => sum + pause, 0);
}

function unsaidIdempotency({ model, files }: Linted): readonly Found[] {
  const said = new Map(
    files
      .flatMap(({ services }) => services)
      .flatMap(({ methods }) => methods)
      .map((method) => [
        `${method.parent.typeName}/${method.name}`,
        method.proto.options !== undefined &&
          isFieldSet(method.proto.options, MethodOptionsSchema.field.idempotencyLevel),
      ]),
  );
  return model.methods
    .filter(({ essential, path }) => !essential && said.get(path) === false)
    .map((method) => ({
      where: method.path,
      source: method.sourceOf('idempotency_level'),
      problem:
        'says no idempotency_level: NO_SIDE_EFFECTS, IDEMPOTENT where a second call does no harm, or IDEMPOTENCY_UNKNOWN, which is never repeated',
    }));
}
