import { parseArgs } from 'node:util';
import { ConnectError, Code } from '@connectrpc/connect';
import { timestampDate, timestampFromDate, timestampMs } from '@bufbuild/protobuf/wkt';
import { CodeSchema } from '#gen/google/rpc/code_pb.ts';
import { type AuditEntry, AuditService } from '#gen/only2u/operation/v1/audit_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { StartError } from '#platform/start-error.ts';
import { services } from '#services/all.ts';
import { runCommand } from './catalog-client.ts';
import { openOperator } from './operator.ts';

const names = services.map(({ name }) => name).filter((name) => name !== 'gateway');

const help = `Usage: npm run audit -- [--service NAME] [--since WHEN] [--until WHEN] [--method METHOD] [--json]

Shows what operators and admins changed, or tried to, and what workloads were refused, the last first: when, where, which method,
who, how it ended, and the call's request id, by which access logs know it. What a call said is not kept. WHEN is as long ago as 30m, 2h or 7d (since, unless
told: 1d), or a time such as 2026-03-01T12:00:00Z. METHOD is as short as GrantRole. --json writes an object a line.
Without --service all are asked: ${names.join(', ')}. The shop must be running (npm start).

"unknown" is a call whose process was killed: it may have been done, or not. A call that is still running is not shown.

Exit code: 0 when all is well, 1 when a service does not answer, 2 when nothing could be done.
`;

const timeoutMs = 5_000;
const maxListed = 1_000; // what a person reads; --since and --until show others
const pageSize = 100;

export type Question = {
  readonly from: readonly string[];
  readonly method: string;
  readonly since: Date;
  readonly until: Date | undefined;
  readonly json: boolean;
};

/** What the arguments ask for. Throws a StartError when they make no sense. */
export function readArguments(args: readonly string[], now: Date): Question | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const { service, method = '', since = '1d', until, json = false } = values;
  if (service !== undefined && !names.includes(service))
    throw new StartError(`There is no service ${service}. There are ${names.join(', ')}.`);
  const question = {
    from: service === undefined ? names : [service],
    method,
    since: readTime('--since', since, now),
    until: until === undefined ? undefined : readTime('--until', until, now),
    json,
  };
  if (question.until !== undefined && question.until <= question.since)
    throw new StartError('--until has to be after --since.');
  return question;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ service: text, method: text, since: text, until: text },
        ...{ json: flag, help: { ...flag, short: 'h' } },
      },
    }).values;
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function readTime(option: string, text: string, now: Date): Date {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const time = count === undefined ? new Date(text) : new Date(now.getTime() - Number(count) * (units[unit] ?? 0));
  if (Number.isNaN(time.getTime()))
    throw new StartError(`${option} ${text} is no time: say 30m, 2h, 7d or 2026-03-01T12:00:00Z.`);
  return time;
}

export type AuditClient = Pick<ClientFor<'operator', typeof AuditService>, 'listAuditEntries'>;

export type Desk = {
  clientOf(service: string): AuditClient;
  write(line: string): void;
  /** For what is no entry. */
  note(line: string): void;
};

type Line = { readonly service: string; readonly entry: AuditEntry };

/** Shows what was asked for, and answers the exit code. */
export async function run(question: Question, { clientOf, write, note }: Desk): Promise<number> {
  const found: Line[] = [];
  const silent: string[] = [];
  for (const service of question.from) {
    try {
      found.push(...(await listed(clientOf(service), service, question)));
    } catch (error) {
      if (question.from.length === 1 || !isConnectCode(error)) throw error;
      silent.push(service);
    }
  }
  found.sort((a, b) => beganMs(b) - beganMs(a));
  const lines = found.slice(0, maxListed);
  for (const line of lines) write(question.json ? jsonOf(line) : textOf(line));
  note(
    lines.length === 0
      ? 'There are no calls.'
      : `Calls: ${lines.length}${lines.length < found.length ? ' and more' : ''}.`,
  );
  for (const service of silent) note(`${service} does not answer: its calls are not among these.`);
  return silent.length > 0 ? 1 : 0;
}

function isConnectCode(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.Unavailable || error.code === Code.DeadlineExceeded);
}

async function listed(client: AuditClient, service: string, { method, since, until }: Question): Promise<Line[]> {
  const times = {
    startTime: timestampFromDate(since),
    ...(until !== undefined && { endTime: timestampFromDate(until) }),
  };
  const lines: Line[] = [];
  let pageToken = '';
  do {
    const page = await client.listAuditEntries({ pageSize, pageToken, method, ...times }, { timeoutMs });
    lines.push(...page.auditEntries.map((entry) => ({ service, entry })));
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && lines.length <= maxListed);
  return lines;
}

function beganMs({ entry: { beginTime } }: Line): number {
  return beginTime === undefined ? 0 : timestampMs(beginTime);
}

function whoOf({ caller, userId }: AuditEntry): string {
  return userId === '' ? caller : `${userId} by ${caller}`;
}

function outcomeOf({ code }: AuditEntry): string {
  return code === undefined ? 'unknown' : (CodeSchema.value[code]?.name ?? String(code));
}

function textOf({ service, entry }: Line): string {
  const { method, requestId } = entry;
  const time = new Date(beganMs({ service, entry })).toISOString();
  const name = method.split('/').at(-1) ?? method;
  return printable([time, service.padEnd(8), name, whoOf(entry), outcomeOf(entry), requestId].join('  '));
}

function jsonOf({ service, entry }: Line): string {
  const { id, method, caller, userId, requestId, traceId, beginTime, endTime } = entry;
  return JSON.stringify({
    ...{ service, id, method, caller, userId, outcome: outcomeOf(entry), requestId, traceId },
    beginTime: beginTime && timestampDate(beginTime),
    endTime: endTime && timestampDate(endTime),
  });
}

// What a caller sent as its request id was checked; what another version wrote need not have been.
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '�');
}

async function main(args: readonly string[]): Promise<number> {
  const question = readArguments(args, new Date());
  if (question === 'help') {
    process.stdout.write(help);
    return 0;
  }
  const operator = await openOperator();
  try {
    return await run(question, {
      clientOf: (service) => operator.dial(AuditService, service),
      write: (line) => void process.stdout.write(`${line}\n`),
      note: (line) => void process.stderr.write(`${line}\n`),
    });
  } finally {
    operator.close();
  }
}

if (import.meta.main) process.exitCode = await runCommand(() => main(process.argv.slice(2)));
