import autocannon from 'autocannon';
import { readFileSync } from 'node:fs';

/** One measurement of a server under load. */
export type Load = {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the server's processes for one call, in microseconds. The figure that a busy machine blurs least. */
  readonly cpuMicros: number;
  /** Answers that were not 2xx, and connections that failed. Anything but 0 spoils the figure. */
  readonly failed: number;
};

export type LoadOptions = {
  readonly url: string;
  /** Bodies sent in turn, as JSON, each by one connection alone. */
  readonly bodies: readonly object[];
  readonly connections: number;
  readonly seconds: number;
  /** The server's processes. */
  readonly pids: readonly number[];
};

/** Sends POSTs with JSON bodies over keep-alive connections, after a warm-up of a quarter of the time. */
export async function postLoad(options: LoadOptions): Promise<Load> {
  await run(options, Math.max(1, options.seconds / 4));
  const before = cpuSeconds(options.pids);
  const result = await run(options, options.seconds);
  const spent = cpuSeconds(options.pids) - before;
  const calls = result.requests.total;
  return {
    perSecond: Math.round(calls / result.duration),
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    cpuMicros: Math.round((spent * 1e6) / Math.max(1, calls)),
    failed: result.non2xx + result.errors + result.timeouts,
  };
}

function run({ url, bodies, connections }: LoadOptions, seconds: number) {
  const requests = [...new Set(bodies.map((body) => JSON.stringify(body)))].map((body) => ({
    method: 'POST' as const,
    body,
  }));
  let clients = 0;
  return autocannon({
    url,
    connections,
    duration: seconds,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    // No two connections ever ask the same: what is asked at the same time the edge asks only once, and the fewer different
    // questions a small shop has, the more often they would.
    setupClient(client) {
      const number = clients++ % connections;
      const own = requests.filter((_, index) => index % connections === number);
      client.setRequests(own.length > 0 ? own : requests);
    },
  });
}

/** User and system time of processes, in seconds, from Linux's /proc (proc_pid_stat(5), fields 14 and 15). */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksOf(pid).own, 0) / ticksPerSecond;
}

/** As `cpuSeconds`, of a process and its children, those that have ended included (fields 16 and 17). */
export function familyCpuSeconds([parent, ...children]: readonly number[]): number {
  return parent === undefined ? 0 : cpuSeconds([parent, ...children]) + ticksOf(parent).ended / ticksPerSecond;
}

const ticksPerSecond = 100; // USER_HZ on every Linux that Node runs on

function ticksOf(pid: number): { readonly own: number; readonly ended: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const sum = (from: number): number => Number(fields[from]) + Number(fields[from + 1]);
  return { own: sum(11), ended: sum(13) };
}
