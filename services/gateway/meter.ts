import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ConnectError } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import type { CacheCounts } from './response-cache.ts';

/** What the gateway counts of itself. */
export type Meter = {
  /** A call ended, `error` being undefined for well. */
  ended(method: string, protocol: string, error: ConnectError | undefined, ms: number): void;
  limited(method: string, scope: string): void;
  readonly cache: CacheCounts;
  /** A call's rate was counted by this gateway alone. */
  countedAlone(): void;
  /** Redis did not answer, and the gateway went on without. */
  engineFailed(): void;
  close(): void;
};

export type Gauges = {
  connections(): number;
  connectionsCut(): number;
  callsInFlight(): number;
};

const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const okCode = 'ok';

export function createMeter(registry: Registry, gauges: Gauges): Meter {
  const registers = [registry];
  const requests = new Histogram({
    name: 'edge_request_seconds',
    help: 'How long calls at the edge took, by method, protocol and code.',
    labelNames: ['method', 'protocol', 'code'],
    buckets,
    registers,
  });
  const limited = new Counter({
    name: 'edge_rate_limited_total',
    help: 'Calls refused because they came too often, by method and scope.',
    labelNames: ['method', 'scope'],
    registers,
  });
  const lookups = { hit: 0, miss: 0, joined: 0 };
  new Counter({
    name: 'edge_cache_lookups_total',
    help: 'Look-ups of answers that the contract shares: hit, miss, or joined to a call under way.',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const [result, count] of Object.entries(lookups)) this.inc({ result }, count);
    },
  });
  const alone = new Counter({
    name: 'edge_rate_limits_alone_total',
    help: 'Rates counted by this gateway alone, because what counts for all is away.',
    registers,
  });
  const failures = new Counter({
    name: 'edge_engine_failures_total',
    help: 'Questions to the engine that gateways share which it did not answer in time.',
    registers,
  });
  measure('edge_connections', 'Open connections.', gauges.connections);
  new Counter({
    name: 'edge_connections_cut_total',
    help: 'Connections cut to keep the bounds.',
    registers,
    collect() {
      this.reset();
      this.inc(gauges.connectionsCut());
    },
  });
  measure('edge_calls_in_flight', 'Calls that the gateway waits for in the mesh.', gauges.callsInFlight);

  function measure(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  }

  return {
    ended(method, protocol, error, ms) {
      requests.observe({ method, protocol, code: error === undefined ? okCode : codeToString(error.code) }, ms / 1000);
    },
    limited(method, scope) {
      limited.inc({ method, scope });
    },
    countedAlone: () => alone.inc(),
    engineFailed: () => failures.inc(),
    cache: {
      hit: () => void lookups.hit++,
      miss: () => void lookups.miss++,
      joined: () => void lookups.joined++,
    },
    close() {
      for (const name of [
        'edge_request_seconds',
        'edge_rate_limited_total',
        'edge_cache_lookups_total',
        'edge_rate_limits_alone_total',
        'edge_engine_failures_total',
        'edge_connections',
        'edge_connections_cut_total',
        'edge_calls_in_flight',
      ]) {
        registry.removeSingleMetric(name);
      }
    },
  };
}
