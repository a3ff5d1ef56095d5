import { edgesOf, type MeshModel, type Method, openAt } from '../model.ts';
import type { PolicyField } from '../read-policy.ts';
import { sourceText } from '../source.ts';
import { accessText, durationText, limitText } from './words.ts';

/** All that the contract says about a method, a line each with its place: who may call it, for whom, how long and how often. */
export function whoText(model: MeshModel, method: Method, protoRoot: string): string {
  const { policy } = method;
  const at = (field: PolicyField) => sourceText(method.sourceOf(field), protoRoot);
  const rows: readonly (readonly [name: string, text: string, place: string])[] = [
    ['callers', callersText(model, method), at('callers')],
    ['users', accessText(policy), at(policy.access === 'roles' ? 'roles' : 'access')],
    ['timeout', timeoutText(method), at('timeout')],
    ['retries', retriesText(method), at('idempotency_level')],
    ['limits', policy.limits.map(limitText).join(', ') || 'none', policy.limits.length > 0 ? at('rate_limits') : ''],
    ...(policy.hedgeAfterMs === undefined
      ? []
      : [['hedging', `a second instance after ${durationText(policy.hedgeAfterMs)}`, at('hedge_after')] as const]),
    ...(policy.cache === undefined
      ? []
      : [
          [
            'cache',
            `${durationText(policy.cache.maxAgeMs)}, ${policy.cache.shared ? 'shared' : 'by the client alone'}`,
            at('cache'),
          ] as const,
          ...(policy.cache.invalidatedBy ?? []).map(
            ({ event, field }) => ['', `dropped when ${event} names its ${field}`, at('cache')] as const,
          ),
        ]),
    ...(policy.concurrency === 0
      ? []
      : [['at a time', `${policy.concurrency} calls a process`, at('concurrency')] as const]),
  ];
  const title = [
    `${method.path}, served by ${method.servedBy.join(', ')}`,
    sourceText(method.source, protoRoot),
  ] as const;
  const width = Math.min(60, Math.max(...rows.map(([, text]) => text.length)));
  const lines = rows.map(([name, text, place]) => `  ${name.padEnd(10)}${text.padEnd(width)}  ${place}`.trimEnd());
  return `${title.join('  ')}\n${lines.join('\n')}\n`;
}

/** Each method in a line: what may be asked about. */
export function methodsText({ methods }: MeshModel): string {
  const width = Math.max(...methods.map(({ path }) => path.length));
  return methods
    .map(
      ({ path, policy, everybody }) =>
        `${path.padEnd(width)}  ${everybody ? '*' : policy.callers.join(', ') || 'nobody'}\n`,
    )
    .join('');
}

function callersText(model: MeshModel, method: Method): string {
  const { callers } = method.policy;
  if (method.essential) return 'every workload: health and reflection are the whole mesh’s';
  if (method.everybody) return 'every workload: "*"';
  const open = openAt(model, method);
  const edges = edgesOf(model);
  return callers.length === 0
    ? 'nobody'
    : callers
        .map((caller) => (edges.includes(caller) && open.length > 0 ? `${caller} (open to the edge)` : caller))
        .join(', ');
}

function timeoutText({ policy }: Method): string {
  if (policy.timeoutMs === undefined) return 'none: as long as the caller waits';
  return `${durationText(policy.timeoutMs)}${policy.attempts > 1 ? ', all attempts included' : ''}`;
}

function retriesText({ policy, kind }: Method): string {
  const { attempts, idempotency, hedgeAfterMs } = policy;
  if (attempts > 1) return `${attempts} attempts at most, where no answer came (${idempotency})`;
  if (idempotency === 'none') return 'none: a second call may do harm';
  return hedgeAfterMs === undefined && kind !== 'unary'
    ? 'none: what was sent on a stream is gone'
    : 'none: the second instance is one';
}
