import { cpuSeconds } from './load.ts';
import type { Row } from './row.ts';
import type { BenchShop } from './shop.ts';

export type FlowOptions = {
  readonly shop: BenchShop;
  /** How many are at it at a time. */
  readonly connections: number;
  readonly seconds: number;
  /** Does it once; `number` is another each time. */
  work(number: number): Promise<unknown>;
  /** Resolves when nothing that was begun is left to be done. */
  settled(): Promise<void>;
};

/**
 * Does it over and over, and then waits for what goes on behind: time and processor time are counted until the last of it is
 * done. After a warm-up of a quarter of the time.
 */
export async function flowLoad(options: FlowOptions): Promise<Omit<Row, 'name'>> {
  const { shop, seconds } = options;
  await rounds(options, Math.max(1, seconds / 4));
  await options.settled();
  const pids = [...shop.pids.values()];
  const before = { server: cpuSeconds(pids), database: shop.databaseCpuSeconds(), began: performance.now() };
  const { took, failed } = await rounds(options, seconds);
  await options.settled();
  const ran = (performance.now() - before.began) / 1_000;
  const perCall = (spent: number): number => Math.round((spent * 1e6) / Math.max(1, took.length));
  took.sort((a, b) => a - b);
  const percentile = (part: number): number => Math.round((took[Math.floor(took.length * part)] ?? 0) * 10) / 10;
  return {
    perSecond: Math.round(took.length / ran),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    cpuMicros: perCall(cpuSeconds(pids) - before.server),
    databaseMicros: perCall(shop.databaseCpuSeconds() - before.database),
    failed,
  };
}

let calls = 0;

async function rounds({ connections, work }: FlowOptions, seconds: number) {
  const until = performance.now() + seconds * 1_000;
  const took: number[] = [];
  let failed = 0;
  async function worker(): Promise<void> {
    while (performance.now() < until) {
      const began = performance.now();
      await work(calls++).then(
        () => took.push(performance.now() - began),
        (error: unknown) => {
          if (failed++ === 0) console.error(error);
        },
      );
    }
  }
  await Promise.all(Array.from({ length: connections }, worker));
  return { took, failed };
}
