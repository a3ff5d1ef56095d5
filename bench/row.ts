import type { Load } from './load.ts';

/** One line of the table. */
export type Row = {
  readonly name: string;
  readonly perSecond: number;
  /** Processor time of PostgreSQL for one call, in microseconds. */
  readonly databaseMicros?: number;
  /** How the processor time of grpc-js with TLS compares, in percent: above 100 is cheaper than that. */
  readonly percentOfGrpcJsTls?: number;
} & Partial<Omit<Load, 'perSecond'>>;

export function printHeader(): void {
  console.log(
    '| what | per second | p50 ms | p99 ms | server CPU µs a call | PostgreSQL CPU µs a call | % of grpc-js with TLS | failed |',
  );
  console.log('|---|---:|---:|---:|---:|---:|---:|---:|');
}

export function printRow(row: Row): void {
  const { name, perSecond, p50Ms, p99Ms, cpuMicros, databaseMicros, percentOfGrpcJsTls, failed } = row;
  const cells = [
    ...[name, perSecond.toLocaleString('en'), p50Ms, p99Ms, cpuMicros, databaseMicros],
    ...[percentOfGrpcJsTls, failed],
  ];
  console.log(`| ${cells.map((cell) => String(cell ?? '')).join(' | ')} |`);
}
