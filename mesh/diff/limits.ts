import type { Change, Part } from './change.ts';
import type { Method } from '../model.ts';
import type { Cache, RateLimit } from '../read-policy.ts';
import { durationText, limitText } from '../ask/words.ts';

/** What changed about how long a method may take, how often it may be called, and whether it is repeated or kept. */
export function limitChanges(was: Method, now: Method): readonly Part[] {
  return [
    ...retryChanges(was, now),
    ...hedgingChanges(was, now),
    ...timeoutChanges(was, now),
    ...rateChanges(was, now),
    ...concurrencyChanges(was, now),
    ...cacheChanges(was, now),
  ];
}

function retryChanges(was: Method, now: Method): Part[] {
  const [old, fresh] = [was.policy, now.policy];
  const source = now.sourceOf('idempotency_level');
  const detail = fresh.idempotency;
  if (old.attempts < fresh.attempts)
    return [
      {
        name: 'retry-added',
        effect: 'loosens',
        detail,
        text: `is tried up to ${fresh.attempts} times, where a failure was the end: a second call must do no harm`,
        source,
      },
    ];
  if (old.attempts > fresh.attempts)
    return [
      { name: 'retry-removed', effect: 'tightens', detail, text: 'is no longer tried again when it fails', source },
    ];
  if (old.idempotency === fresh.idempotency) return [];
  return [
    {
      name: 'idempotency-changed',
      effect: 'neither',
      detail,
      text: `was ${old.idempotency}, and is ${detail}`,
      source,
    },
  ];
}

function hedgingChanges(was: Method, now: Method): Part[] {
  const [old, fresh] = [was.policy.hedgeAfterMs, now.policy.hedgeAfterMs];
  const source = now.sourceOf('hedge_after');
  if (old === fresh) return [];
  if (fresh === undefined)
    return [
      {
        name: 'hedging-removed',
        effect: 'tightens',
        detail: '',
        text: 'is no longer asked of a second instance',
        source,
      },
    ];
  const detail = durationText(fresh);
  const text = `is asked of a second instance after ${detail}`;
  if (old === undefined) return [{ name: 'hedging-added', effect: 'loosens', detail, text, source }];
  return [
    fresh < old
      ? { name: 'hedging-sooner', effect: 'loosens', detail, text, source }
      : { name: 'hedging-later', effect: 'tightens', detail, text, source },
  ];
}

function timeoutChanges(was: Method, now: Method): Part[] {
  const [old, fresh] = [was.policy.timeoutMs, now.policy.timeoutMs];
  const source = now.sourceOf('timeout');
  if (old === fresh) return [];
  if (fresh === undefined)
    return [
      {
        name: 'timeout-removed',
        effect: 'loosens',
        detail: '',
        text: `may take as long as the caller waits; it was ${durationText(old ?? 0)}`,
        source,
      },
    ];
  const detail = durationText(fresh);
  if (old === undefined)
    return [
      { name: 'timeout-added', effect: 'tightens', detail, text: `may take ${detail}; there was no bound`, source },
    ];
  const text = `may take ${detail}; it was ${durationText(old)}`;
  return [
    fresh > old
      ? { name: 'timeout-raised', effect: 'loosens', detail, text, source }
      : { name: 'timeout-lowered', effect: 'tightens', detail, text, source },
  ];
}

/** All limits hold, so that each is compared with its like: the same scope and, where there are several, the same window. */
function rateChanges(was: Method, now: Method): Part[] {
  const left = [...was.policy.limits];
  const pairs: (readonly [old: RateLimit | undefined, fresh: RateLimit])[] = [];
  const take = (like: (limit: RateLimit) => boolean) => {
    const index = left.findIndex(like);
    return index < 0 ? undefined : left.splice(index, 1).at(0);
  };
  const unlike: RateLimit[] = [];
  for (const fresh of now.policy.limits) {
    const same = take(({ scope, windowMs }) => scope === fresh.scope && windowMs === fresh.windowMs);
    if (same === undefined) unlike.push(fresh);
    else pairs.push([same, fresh]);
  }
  for (const fresh of unlike) pairs.push([take(({ scope }) => scope === fresh.scope), fresh]);
  const source = now.sourceOf('rate_limits');
  return [
    ...pairs.flatMap(([old, fresh]): Part[] => {
      const detail = limitText(fresh);
      if (old === undefined)
        return [
          {
            name: 'rate-limit-added',
            effect: 'tightens',
            detail,
            text: `may be called ${detail}, where it was not counted`,
            source,
          },
        ];
      if (old.requests === fresh.requests && old.windowMs === fresh.windowMs) return [];
      const text = `may be called ${detail}; it was ${limitText(old)}`;
      return [
        widens(old, fresh)
          ? { name: 'rate-limit-raised', effect: 'loosens', detail, text, source }
          : { name: 'rate-limit-lowered', effect: 'tightens', detail, text, source },
      ];
    }),
    ...left.map((old): Part => ({
      name: 'rate-limit-dropped',
      effect: 'loosens',
      detail: limitText(old),
      text: `is no longer held to ${limitText(old)}`,
      source,
    })),
  ];
}

/** More at once, or more in the long run: either way a call goes through that did not. */
function widens(old: RateLimit, fresh: RateLimit): boolean {
  return fresh.requests > old.requests || fresh.requests * old.windowMs > old.requests * fresh.windowMs;
}

function concurrencyChanges(was: Method, now: Method): Part[] {
  const [old, fresh] = [was.policy.concurrency, now.policy.concurrency];
  const source = now.sourceOf('concurrency');
  if (old === fresh) return [];
  const detail = fresh === 0 ? '' : String(fresh);
  if (fresh === 0)
    return [
      {
        name: 'concurrency-dropped',
        effect: 'loosens',
        detail,
        text: `may have as many calls at a time as the server takes; it was ${old}`,
        source,
      },
    ];
  const text = `may have ${fresh} calls at a time${old === 0 ? ', where there was no bound of its own' : `; it was ${old}`}`;
  if (old === 0) return [{ name: 'concurrency-added', effect: 'tightens', detail, text, source }];
  return [
    fresh > old
      ? { name: 'concurrency-raised', effect: 'loosens', detail, text, source }
      : { name: 'concurrency-lowered', effect: 'tightens', detail, text, source },
  ];
}

function cacheChanges(was: Method, now: Method): Part[] {
  const [old, fresh] = [was.policy.cache, now.policy.cache];
  const source = now.sourceOf('cache');
  if (fresh === undefined)
    return old === undefined
      ? []
      : [
          {
            name: 'cache-removed',
            effect: 'tightens',
            detail: '',
            text: 'has answers that are no longer kept',
            source,
          },
        ];
  const detail = durationText(fresh.maxAgeMs);
  if (old === undefined) {
    const by = fresh.shared ? 'anybody between, for everybody' : 'the client';
    return [
      {
        name: 'cache-added',
        effect: 'loosens',
        detail: fresh.shared ? `${detail},shared` : detail,
        text: `has answers that ${by} may keep for ${detail}`,
        source,
      },
    ];
  }
  const kept = (name: string, effect: Change['effect'], text: string): Part => ({ name, effect, detail, text, source });
  return [
    ...(fresh.maxAgeMs > old.maxAgeMs
      ? [kept('cache-longer', 'loosens', `has answers kept for ${detail}; it was ${durationText(old.maxAgeMs)}`)]
      : []),
    ...(fresh.maxAgeMs < old.maxAgeMs
      ? [kept('cache-shorter', 'tightens', `has answers kept for ${detail}; it was ${durationText(old.maxAgeMs)}`)]
      : []),
    ...(fresh.shared && !old.shared
      ? [kept('cache-shared', 'loosens', 'has answers that anybody between may keep, for everybody')]
      : []),
    ...(!fresh.shared && old.shared
      ? [kept('cache-private', 'tightens', 'has answers that only the client may keep')]
      : []),
    ...invalidationChanges(old, fresh).map(([name, effect, of, text]) => ({ name, effect, detail: of, text, source })),
  ];
}

type InvalidationChange = readonly [name: string, effect: Change['effect'], of: string, text: string];

/** An answer that is no longer dropped stays for all of its time. */
function invalidationChanges(was: Cache, now: Cache): readonly InvalidationChange[] {
  const textsOf = ({ invalidatedBy = [] }: Cache) => invalidatedBy.map(({ event, field }) => `${event} ${field}`);
  const [old, fresh] = [textsOf(was), textsOf(now)];
  return [
    ...fresh
      .filter((each) => !old.includes(each))
      .map((each): InvalidationChange => [
        'invalidation-added',
        'tightens',
        each,
        `has answers that ${each} makes old`,
      ]),
    ...old
      .filter((each) => !fresh.includes(each))
      .map((each): InvalidationChange => [
        'invalidation-removed',
        'loosens',
        each,
        `has answers that ${each} no longer makes old`,
      ]),
  ];
}
