import type { Load } from './load.ts';

/** One line of the table. */
export type Row = {
  readonly name: string;
  readonly perSecond: number;
  /** How the processor time of grpc-js with TLS compares, in percent: above 100 is cheaper than that. */
  readonly percentOfGrpcJsTls?: number;
} & Partial<Omit<Load, 'perSecond'>>;

export function printHeader(): void {
  console.log('| what | per second | p50 ms | p99 ms | server CPU µs a call | % of grpc-js with TLS | failed |');
  console.log('|---|---:|---:|---:|---:|---:|---:|');
}

export function printRow({ name, perSecond, p50Ms, p99Ms, cpuMicros, percentOfGrpcJsTls, failed }: Row): void {
  const cells = [name, perSecond.toLocaleString('en'), p50Ms, p99Ms, cpuMicros, percentOfGrpcJsTls, failed];
  console.log(`| ${cells.map((cell) => String(cell ?? '')).join(' | ')} |`);
}
