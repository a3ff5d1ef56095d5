import type { Observed } from './observed.ts';
import type { Stats } from './stats.ts';

/** What one workload is to the others. */
export type WorkloadReport = {
  readonly name: string;
  /** What those who call it say of its health; "unknown" when nobody may call it. */
  readonly health: 'well' | 'not well' | 'unknown';
  /** How long its certificate still counts, by the Envoy that holds it. */
  readonly certificateHours: number | undefined;
};

/** One workload's calls to another, as the caller's Envoy counts them. */
export type CallsReport = {
  readonly caller: string;
  readonly callee: string;
  readonly calls: number;
  /** Calls with a code that says that something is broken, not that it was refused. */
  readonly errors: number;
  readonly timeouts: number;
  readonly retries: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Instances that are left alone now because they failed. */
  readonly ejected: number;
  /** Times that an instance was left alone. */
  readonly ejections: number;
  /** Whether the breaker is open now, and how many calls it has kept off. */
  readonly breakerOpen: boolean;
  readonly overflows: number;
};

export type RefusalReport = {
  readonly by: string;
  readonly caller: string;
  readonly method: string;
  readonly why: string;
  readonly count: number;
};

export type MeshReport = {
  readonly envoys: readonly { readonly node: string; readonly up: boolean; readonly rejected: number }[];
  readonly workloads: readonly WorkloadReport[];
  readonly calls: readonly CallsReport[];
  readonly refusals: readonly RefusalReport[];
  /** Configurations that an Envoy refused, in its words. */
  readonly rejections: Observed['rejections'];
  /** What a policy to come would refuse of what was let in. */
  readonly shadow: readonly RefusalReport[];
};

export type ReportInput = {
  /** undefined for an Envoy that doesn't answer. */
  readonly envoys: ReadonlyMap<string, Stats | undefined>;
  readonly observed: Observed;
  /** What the processes behind the Envoys refused, and would refuse by a policy to come; from /metrics. */
  readonly processes: readonly { readonly name: string; readonly metrics: string | undefined }[];
  readonly nowMs: number;
};

// CANCELLED is the caller's own; these say that a peer or the way to it is broken.
const broken = ['2', '4', '13', '14', '15'];

export function reportOf({ envoys, observed, processes, nowMs }: ReportInput): MeshReport {
  const answering = [...envoys.values()].filter((stats) => stats !== undefined);
  const calls = answering.flatMap(callsOf).sort(byNames);
  const names = [...new Set(calls.flatMap(({ caller, callee }) => [caller, callee]))].filter((name) => name !== 'edge');
  return {
    envoys: [...envoys].map(([node, stats]) => ({ node, up: stats !== undefined, rejected: rejectedBy(stats) })),
    workloads: names.sort().map((name) => ({
      name,
      health: healthOf(name, answering),
      certificateHours: certificateHoursOf(name, answering, nowMs),
    })),
    calls: calls.filter(({ calls: count, ejections, overflows }) => count + ejections + overflows > 0),
    refusals: [
      ...observed.refusals.map(({ at, caller, method, rule, count }) => ({
        by: `Envoy of ${at.replace(/^(?:in|out)bound_/, '')}`,
        caller: at.startsWith('outbound_') ? at.slice('outbound_'.length) : (/[^/]*$/.exec(caller)?.[0] ?? ''),
        method: method.slice(1),
        why: inWords(rule),
        count,
      })),
      ...processes.flatMap(({ name, metrics }) =>
        seriesOf(metrics, 'rpc_server_refused_total').map(({ labels, value }) => ({
          by: name,
          caller: '',
          method: labels.get('rule')?.split(' ')[0] ?? '',
          why: labels.get('rule') ?? '',
          count: value,
        })),
      ),
    ].sort((a, b) => b.count - a.count),
    rejections: observed.rejections,
    shadow: processes
      .flatMap(({ name, metrics }) =>
        seriesOf(metrics, 'policy_shadow_refusals_total').map(({ labels, value }) => ({
          by: name,
          caller: labels.get('caller') ?? '',
          method: labels.get('method') ?? '',
          why: labels.get('rule') ?? '',
          count: value,
        })),
      )
      .sort((a, b) => b.count - a.count),
  };
}

function callsOf(stats: Stats): CallsReport[] {
  return stats.matching(/^cluster\.([a-z0-9-]+)_to_([a-z0-9-]+)\.membership_total$/).map(({ groups }) => {
    const [caller = '', callee = ''] = groups;
    const cluster = `cluster.${caller}_to_${callee}`;
    const count = (name: string): number => stats.count(`${cluster}.${name}`);
    const codes = stats.matching(new RegExp(`^${cluster.replaceAll('.', '\\.')}\\.grpc\\.(.+)\\.(\\d+)$`));
    return {
      caller,
      callee,
      calls: count('upstream_rq_total') - count('upstream_rq_retry'),
      errors: codes
        .filter(({ groups: [, code = ''] }) => broken.includes(code))
        .reduce((sum, { value }) => sum + value, 0),
      timeouts: count('upstream_rq_timeout') + count('upstream_rq_max_duration_reached'),
      retries: count('upstream_rq_retry'),
      p50Ms: stats.quantile(`${cluster}.upstream_rq_time`, 50),
      p99Ms: stats.quantile(`${cluster}.upstream_rq_time`, 99),
      ejected: count('outlier_detection.ejections_active'),
      ejections: count('outlier_detection.ejections_enforced_total'),
      breakerOpen: ['rq_open', 'cx_open', 'rq_pending_open'].some(
        (which) => count(`circuit_breakers.default.${which}`) > 0,
      ),
      overflows: count('upstream_rq_pending_overflow') + count('upstream_rq_active_overflow'),
    };
  });
}

function byNames(a: CallsReport, b: CallsReport): number {
  return `${a.caller} ${a.callee}` < `${b.caller} ${b.callee}` ? -1 : 1;
}

function rejectedBy(stats: Stats | undefined): number {
  if (stats === undefined) return 0;
  return stats.matching(/(?:\.lds|\.cds|^sds\.[^.]+)\.update_rejected$/).reduce((sum, { value }) => sum + value, 0);
}

/** Well where nobody who looks says otherwise. */
function healthOf(name: string, envoys: readonly Stats[]): WorkloadReport['health'] {
  const seen = envoys.flatMap((stats) =>
    stats
      .matching(new RegExp(`^cluster\\.([a-z0-9-]+)_to_${name}\\.health_check\\.attempt$`))
      .map(({ groups }) => stats.count(`cluster.${groups[0]}_to_${name}.membership_healthy`)),
  );
  if (seen.length === 0) return 'unknown';
  return seen.every((healthy) => healthy > 0) ? 'well' : 'not well';
}

function certificateHoursOf(name: string, envoys: readonly Stats[], nowMs: number): number | undefined {
  const pattern = new RegExp(`\\.ssl\\.certificate\\.${name}\\.expiration_unix_time_seconds$`);
  const ends = envoys.flatMap((stats) => stats.matching(pattern).map(({ value }) => value)).filter((end) => end > 0);
  return ends.length === 0 ? undefined : (Math.min(...ends) * 1_000 - nowMs) / 3_600_000;
}

/** What Envoy's name of a reason means. */
function inWords(rule: string): string {
  if (rule === 'direct_response') return 'no contract grants the call';
  if (rule.startsWith('rbac_access_denied_matched_policy[roles')) return 'the user has none of the roles';
  if (rule.startsWith('rbac_')) return 'the contract names other callers';
  if (rule.startsWith('jwt_authn_'))
    return `no good token: ${/\{(.*)\}/.exec(rule)?.[1]?.replaceAll('_', ' ') ?? rule}`;
  if (rule.includes('rate_limited')) return 'too often';
  if (rule.includes('overflow')) return 'too many at a time';
  return rule;
}

type Series = { readonly labels: ReadonlyMap<string, string>; readonly value: number };

/** The series of one metric in Prometheus's text. */
function seriesOf(text: string | undefined, name: string): Series[] {
  return (text ?? '').split('\n').flatMap((line) => {
    if (!line.startsWith(`${name}{`)) return [];
    const labels = [...line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, key = '', value = '']) => [key, value] as const,
    );
    return [{ labels: new Map(labels), value: Number(line.slice(line.lastIndexOf(' ') + 1)) }];
  });
}
