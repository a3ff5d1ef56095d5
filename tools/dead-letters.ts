import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Code, ConnectError } from '@connectrpc/connect';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { type DeadLetter, DeadLetterService } from '#gen/only2u/operation/v1/dead_letter_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { StartError } from '#platform/start-error.ts';
import { services } from '#services/all.ts';
import { runCommand } from './catalog-client.ts';
import { openOperator } from './operator.ts';

const names = services.map(({ name }) => name).filter((name) => name !== 'gateway');

const help = `Usage: npm run dead-letters -- list   [--service NAME]
       npm run dead-letters -- show   ID
       npm run dead-letters -- replay ID… | --all [--service NAME]
       npm run dead-letters -- drop   ID… | --all [--service NAME]

Dead letters are events and tasks that a service gave up after many failures. Mend the cause, then replay them; what will never
be done is dropped. An ID is as list shows it and begins with its service. Without --service all are asked: ${names.join(', ')}.
The shop must be running (npm start).

Exit code: 0 when all is well, 1 when one of several could not be replayed or dropped or a service
does not answer, 2 when nothing could be done.
`;

const timeoutMs = 5_000;
const maxListed = 1_000; // what a person reads, and what one command changes; the next run goes on
const pageSize = 100;
const maxErrorLength = 200; // in the list; show has it whole

type Change = 'replay' | 'drop';

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'list'; readonly from: readonly string[] }
  | { readonly kind: 'show'; readonly id: string }
  | { readonly kind: Change; readonly ids: readonly string[] }
  | { readonly kind: Change; readonly from: readonly string[] };

/** What the arguments ask for. Throws a StartError when they make no sense. */
export function readArguments(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { kind: 'help' };
  const [kind, ...ids] = positionals;
  const { service } = values;
  if (service !== undefined && !names.includes(service)) throw noService(service);
  const from = service === undefined ? names : [service];
  ids.forEach(serviceOf);
  switch (kind) {
    case 'list':
      if (ids.length > 0 || values.all === true) throw new StartError(`list takes nothing but --service.\n\n${help}`);
      return { kind, from };
    case 'show': {
      const [id, ...rest] = ids;
      if (id === undefined || rest.length > 0 || values.all === true || service !== undefined)
        throw new StartError(`Name one ID to show.\n\n${help}`);
      return { kind, id };
    }
    case 'replay':
    case 'drop':
      if ((values.all === true) === ids.length > 0)
        throw new StartError(`Name the IDs to ${kind}, or say --all.\n\n${help}`);
      if (values.all === true) return { kind, from };
      if (service !== undefined) throw new StartError(`An ID begins with its service: leave --service out.\n\n${help}`);
      return { kind, ids };
    default:
      throw new StartError(`${kind === undefined ? 'Say what to do' : `There is no ${kind}`}.\n\n${help}`);
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { service: { type: 'string' }, all: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

function serviceOf(id: string): string {
  const [service = ''] = id.split('/');
  if (!id.includes('/')) throw new StartError(`"${id}" is no ID; npm run dead-letters -- list shows them.`);
  if (!names.includes(service)) throw noService(service);
  return service;
}

function noService(name: string): StartError {
  return new StartError(`There is no service ${name}. There are ${names.join(', ')}.`);
}

export type DeadLetterClient = Pick<
  ClientFor<'operator', typeof DeadLetterService>,
  'listDeadLetters' | 'getDeadLetter' | 'replayDeadLetter' | 'dropDeadLetter'
>;

export type Desk = {
  clientOf(service: string): DeadLetterClient;
  write(line: string): void;
};

/** Does what was asked for, and answers the exit code. */
export async function run(command: Exclude<Command, { kind: 'help' }>, desk: Desk): Promise<number> {
  switch (command.kind) {
    case 'list':
      return list(command.from, desk);
    case 'show':
      return show(command.id, desk);
    case 'replay':
    case 'drop':
      return change(command, desk);
  }
}

async function list(from: readonly string[], desk: Desk): Promise<number> {
  const { letters, more, silent } = await collect(from, desk);
  for (const { id, deadTime, attemptCount, error, key, type } of letters) {
    const about = [deadTime && timestampDate(deadTime).toISOString(), `${attemptCount} attempts`, type, `about ${key}`];
    desk.write(`${printable(id)}\n  ${printable(about.join(', '))}\n  ${printable(shorten(error))}`);
  }
  desk.write(
    letters.length === 0 ? 'There are no dead letters.' : `Dead letters: ${letters.length}${more ? ' and more' : ''}.`,
  );
  return tellSilent(silent, desk);
}

async function show(id: string, desk: Desk): Promise<number> {
  const { deadLetter, bodyJson } = await desk.clientOf(serviceOf(id)).getDeadLetter({ id }, { timeoutMs });
  if (deadLetter === undefined) throw new Error('the service answered nothing');
  const { type, key, attemptCount, error, createTime, deadTime, traceparent } = deadLetter;
  const rows = {
    id,
    type,
    key,
    attempts: String(attemptCount),
    created: createTime ? timestampDate(createTime).toISOString() : '',
    dead: deadTime ? timestampDate(deadTime).toISOString() : '',
    trace: traceparent,
    error,
    body: bodyJson === '' ? 'none that can be shown' : indent(bodyJson),
  };
  for (const [name, value] of Object.entries(rows)) desk.write(`${`${name}:`.padEnd(10)}${printable(value)}`);
  return 0;
}

async function change(command: Extract<Command, { kind: Change }>, desk: Desk): Promise<number> {
  const { kind } = command;
  const found = 'ids' in command ? { ids: command.ids, more: false, silent: [] } : await idsOf(command.from, desk);
  let failures = 0;
  for (const id of found.ids) {
    const client = desk.clientOf(serviceOf(id));
    const request = { requestId: randomUUID(), id };
    try {
      await (kind === 'replay'
        ? client.replayDeadLetter(request, { timeoutMs })
        : client.dropDeadLetter(request, { timeoutMs }));
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== Code.NotFound || found.ids.length === 1) throw error;
      failures++;
      desk.write(printable(error.rawMessage));
    }
  }
  const done = `${kind === 'replay' ? 'Replayed' : 'Dropped'}: ${found.ids.length - failures}`;
  desk.write(`${done}${found.more ? '; there are more' : ''}.`);
  return Math.max(failures > 0 ? 1 : 0, tellSilent(found.silent, desk));
}

type Found = { readonly letters: DeadLetter[]; readonly more: boolean; readonly silent: string[] };

async function idsOf(from: readonly string[], desk: Desk) {
  const { letters, ...found } = await collect(from, desk);
  return { ...found, ids: letters.map(({ id }) => id) };
}

/** All that there are now, so that what dies again meanwhile is not taken twice. One service of several may be silent. */
async function collect(from: readonly string[], desk: Desk): Promise<Found> {
  const letters: DeadLetter[] = [];
  const silent: string[] = [];
  for (const service of from) {
    if (letters.length >= maxListed) return { letters, more: true, silent };
    try {
      const room = maxListed - letters.length;
      const page = await lettersOf(desk.clientOf(service), room + 1);
      letters.push(...page.slice(0, room));
      if (page.length > room) return { letters, more: true, silent };
    } catch (error) {
      const isSilent =
        error instanceof ConnectError && (error.code === Code.Unavailable || error.code === Code.DeadlineExceeded);
      if (!isSilent || from.length === 1) throw error;
      silent.push(service);
    }
  }
  return { letters, more: false, silent };
}

async function lettersOf(client: DeadLetterClient, limit: number): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  let pageToken = '';
  do {
    const page = await client.listDeadLetters({ pageSize, pageToken }, { timeoutMs });
    letters.push(...page.deadLetters);
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && letters.length < limit);
  return letters;
}

function tellSilent(silent: readonly string[], desk: Desk): number {
  for (const service of silent) desk.write(`${service} does not answer: what it gave up is not among these.`);
  return silent.length > 0 ? 1 : 0;
}

function shorten(text: string): string {
  const [line = ''] = text.split('\n');
  return line.length <= maxErrorLength ? line : `${line.slice(0, maxErrorLength)}…`;
}

function indent(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), undefined, 2);
  } catch {
    return json; // it was cut
  }
}

// A key or an error may hold what moves a terminal's cursor.
function printable(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '�');
}

async function main(args: readonly string[]): Promise<number> {
  const command = readArguments(args);
  if (command.kind === 'help') {
    process.stdout.write(help);
    return 0;
  }
  const operator = await openOperator();
  try {
    return await run(command, {
      clientOf: (service) => operator.dial(DeadLetterService, service),
      write: (line) => void process.stdout.write(`${line}\n`),
    });
  } finally {
    operator.close();
  }
}

if (import.meta.main) process.exitCode = await runCommand(() => main(process.argv.slice(2)));
