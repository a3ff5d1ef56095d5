import type { DescMethod } from '@bufbuild/protobuf';
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';

/** What is counted of calls. Each costs an array increment: prom-client's own label look-up took longer than the policy check. */
export type RpcMetrics = {
  /** A call arrived; `handled` tells of its end. */
  began(method: DescMethod): void;
  handled(method: DescMethod, caller: string, code: number, durationMs: number): void;
  /** A rule of a contract refused a call. */
  refused(rule: string): void;
  /** A policy to come would refuse a call that was let in. `method` is its path. */
  shadowRefused(method: string, caller: string, rule: string): void;
  /** A call was turned away to protect the server. */
  shed(method: DescMethod, limit: ShedBy): void;
  /** A call to another service ended. */
  called(method: DescMethod, code: number, durationMs: number): void;
};

export type ShedBy = 'server' | 'method' | 'caller-rate';

export type Metrics = {
  readonly rpc: RpcMetrics;
  /** For counters of a service's own. */
  readonly registry: Registry;
  /** The text that Prometheus scrapes, and its content type. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
  close(): void;
};

/** Upper bounds in seconds: from a look-up in memory to the longest timeout that contracts grant. */
const bucketSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;
const maxCallers = 64; // more than a mesh has workloads; the rest is counted as "other"

const codeNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** Counts what a process does. `processMetrics` adds memory, CPU, file descriptors and event loop lag. */
export function createMetrics(options: { readonly processMetrics: boolean }): Metrics {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const server = createSeries();
  const client = createSeries();
  const refusals = new Map<string, number>();
  const shadows = new Map<string, { readonly labels: Record<string, string>; value: number }>();
  const sheds = new Map<string, { readonly method: DescMethod; readonly limit: ShedBy; count: number }>();

  register(registry, 'rpc_server_handled_total', 'Calls answered, by status code and caller.', 'counter', () =>
    server.totals('caller'),
  );
  register(registry, 'rpc_server_handling_seconds', 'How long calls took.', 'histogram', () =>
    server.durations('rpc_server_handling_seconds'),
  );
  register(registry, 'rpc_server_in_flight', 'Calls being served now.', 'gauge', () => server.inFlight());
  register(registry, 'rpc_client_handled_total', 'Calls made to other services, by status code.', 'counter', () =>
    client.totals(undefined),
  );
  register(registry, 'rpc_client_handling_seconds', 'How long calls to other services took.', 'histogram', () =>
    client.durations('rpc_client_handling_seconds'),
  );
  register(registry, 'rpc_server_refused_total', 'Calls refused by policy, by the rule that refused.', 'counter', () =>
    [...refusals].map(([rule, value]) => ({ labels: { rule }, value })),
  );
  register(
    registry,
    'policy_shadow_refusals_total',
    'Calls let in that a policy to come would refuse, by its rule.',
    'counter',
    () => [...shadows.values()],
  );
  register(registry, 'rpc_server_shed_total', 'Calls turned away to protect the server, by limit.', 'counter', () =>
    [...sheds.values()].map(({ method, limit, count }) => ({ labels: { ...labelsOf(method), limit }, value: count })),
  );

  return {
    registry,
    rpc: {
      began: (method) => server.began(method),
      handled: (method, caller, code, durationMs) => server.ended(method, caller, code, durationMs),
      refused: (rule) => refusals.set(rule, (refusals.get(rule) ?? 0) + 1),
      shadowRefused(method, caller, rule) {
        const key = `${method} ${caller} ${rule}`;
        const series = shadows.get(key);
        if (series === undefined) shadows.set(key, { labels: { method, caller, rule }, value: 1 });
        else series.value++;
      },
      shed(method, limit) {
        const key = `${limit} ${method.parent.typeName}/${method.name}`;
        const series = sheds.get(key);
        if (series === undefined) sheds.set(key, { method, limit, count: 1 });
        else series.count++;
      },
      called(method, code, durationMs) {
        client.began(method);
        client.ended(method, '', code, durationMs);
      },
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
    close: () => registry.clear(),
  };
}

export type Value = {
  readonly labels: Record<string, string | number>;
  readonly value: number;
  readonly metricName?: string;
};

type MethodSeries = {
  readonly method: DescMethod;
  inFlight: number;
  /** Counts by caller, then by code. */
  readonly codes: Map<string, Float64Array>;
  readonly buckets: Float64Array;
  seconds: number;
};

function createSeries() {
  const byMethod = new Map<DescMethod, MethodSeries>();
  const callers = new Set<string>();

  function of(method: DescMethod): MethodSeries {
    const known = byMethod.get(method);
    if (known !== undefined) return known;
    const series = {
      method,
      inFlight: 0,
      codes: new Map(),
      buckets: new Float64Array(bucketSeconds.length + 1),
      seconds: 0,
    };
    byMethod.set(method, series);
    return series;
  }

  function countsOf(series: MethodSeries, caller: string): Float64Array {
    const known = series.codes.get(caller);
    if (known !== undefined) return known;
    if (!callers.has(caller) && callers.size >= maxCallers)
      return caller === 'other' ? add(series, caller) : countsOf(series, 'other');
    callers.add(caller);
    return add(series, caller);
  }

  function add(series: MethodSeries, caller: string): Float64Array {
    const counts = new Float64Array(codeNames.length);
    series.codes.set(caller, counts);
    return counts;
  }

  return {
    began(method: DescMethod): void {
      of(method).inFlight++;
    },
    ended(method: DescMethod, caller: string, code: number, durationMs: number): void {
      const series = of(method);
      series.inFlight--;
      const counts = countsOf(series, caller);
      const index = code < counts.length ? code : 2;
      counts[index] = (counts[index] ?? 0) + 1;
      const seconds = durationMs / 1000;
      let bucket = 0;
      while (bucket < bucketSeconds.length && seconds > (bucketSeconds[bucket] ?? 0)) bucket++;
      series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
      series.seconds += seconds;
    },
    totals(callerLabel: 'caller' | undefined): Value[] {
      const values: Value[] = [];
      for (const { method, codes } of byMethod.values()) {
        for (const [caller, counts] of codes) {
          for (const [index, code] of codeNames.entries()) {
            const value = counts[index] ?? 0;
            if (value === 0) continue;
            const labels = { ...labelsOf(method), code };
            values.push({
              labels: callerLabel === undefined ? labels : { ...labels, caller: caller || 'none' },
              value,
            });
          }
        }
      }
      return values;
    },
    durations(name: string): Value[] {
      const values: Value[] = [];
      for (const { method, buckets, seconds } of byMethod.values()) {
        const labels = labelsOf(method);
        let count = 0;
        for (const [index, bound] of bucketSeconds.entries()) {
          count += buckets[index] ?? 0;
          values.push({ labels: { ...labels, le: bound }, value: count, metricName: `${name}_bucket` });
        }
        count += buckets[bucketSeconds.length] ?? 0;
        values.push({ labels: { ...labels, le: '+Inf' }, value: count, metricName: `${name}_bucket` });
        values.push({ labels, value: seconds, metricName: `${name}_sum` });
        values.push({ labels, value: count, metricName: `${name}_count` });
      }
      return values;
    },
    inFlight: (): Value[] =>
      [...byMethod.values()].map(({ method, inFlight }) => ({ labels: labelsOf(method), value: inFlight })),
  };
}

function labelsOf(method: DescMethod): { readonly service: string; readonly method: string } {
  return { service: method.parent.typeName, method: method.name };
}

/** Adapts numbers that are kept here to what prom-client prints: it asks a metric for its values when it is scraped. */
/** Adds a metric whose values are asked for when somebody scrapes. */
export function register(registry: Registry, name: string, help: string, type: string, values: () => Value[]): void {
  const metric = {
    name,
    help,
    type,
    aggregator: 'sum',
    get: () => Promise.resolve({ name, help, type, aggregator: 'sum', values: values() }),
  };
  registry.registerMetric(metric as unknown as Metric);
}
