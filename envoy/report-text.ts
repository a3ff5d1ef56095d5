import type { CallsReport, MeshReport, RefusalReport } from './report.ts';

const mostRefusals = 30; // a screen's worth; --json has all

/** The report for people. */
export function reportText(report: MeshReport): string {
  const { envoys, workloads, calls, refusals, rejections, shadow } = report;
  const down = envoys.filter(({ up }) => !up).map(({ node }) => node);
  const parts = [
    `${envoys.length - down.length} of ${envoys.length} Envoys up${down.length > 0 ? `; not: ${down.join(', ')}` : ''}`,
    table(
      ['workload', 'health', 'certificate'],
      workloads.map(({ name, health, certificateHours }) => [name, health, lifeOf(certificateHours)]),
    ),
    calls.length === 0
      ? 'Nobody has called anybody yet.'
      : table(
          ['caller', 'callee', 'calls', 'errors', 'timeouts', 'retries', 'p50 ms', 'p99 ms', 'ejected', 'kept off'],
          calls.map(callsRow),
        ),
    refusals.length === 0 ? 'Nothing was refused.' : section('Refused', refusals),
    ...(shadow.length === 0 ? [] : [section('The next policy would refuse', shadow)]),
    ...rejections.map(({ node, words, time }) => `Envoy "${node}" refused a configuration at ${time}: ${words}`),
  ];
  return `${parts.join('\n\n')}\n`;
}

function lifeOf(hours: number | undefined): string {
  if (hours === undefined) return '–';
  if (hours < 0) return 'EXPIRED';
  return hours < 1 ? `${Math.floor(hours * 60)} min left` : `${Math.floor(hours)} h left`;
}

function callsRow(row: CallsReport): string[] {
  const { caller, callee, calls, errors, timeouts, retries, p50Ms, p99Ms, ejected, ejections } = row;
  return [
    caller,
    callee,
    ...[calls, errors, timeouts, retries].map(String),
    ...[p50Ms, p99Ms].map((ms) => (ms === undefined ? '–' : ms.toFixed(1))),
    ejected > 0 ? `now (${ejections}×)` : ejections > 0 ? `${ejections}×` : '–',
    row.breakerOpen ? `open (${row.overflows})` : String(row.overflows),
  ];
}

function section(title: string, rows: readonly RefusalReport[]): string {
  const shown = rows.slice(0, mostRefusals);
  const more = rows.length > shown.length ? `\n… and ${rows.length - shown.length} more kinds: --json lists them` : '';
  const lines = shown.map(({ count, caller, method, by, why }) => [String(count), caller, method, by, why]);
  return `${title}\n${table(['times', 'caller', 'method', 'by', 'why'], lines)}${more}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const numeric = head.map((_, column) => rows.length > 0 && rows.every((row) => /^[\d.–]+$/.test(row[column] ?? '')));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        numeric[column] === true ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((row) => `  ${line(row)}`).join('\n');
}
