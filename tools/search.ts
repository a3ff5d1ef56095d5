import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  type GetSearchIndexResponse,
  SearchEngine,
  type SearchIndex,
  SearchIndex_State,
  SearchIndexService,
} from '#gen/only2u/product/v1/search_index_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { StartError } from '#platform/start-error.ts';
import { runCommand } from './catalog-client.ts';
import { openOperator } from './operator.ts';

const help = `Usage: npm run search -- status
       npm run search -- rebuild

status shows which engine searches products, its index, and what that has yet to hear of.
rebuild makes a new index while the shop serves: the old one is asked until all products are in the new one, and changes go to
both. If one is being filled already, it shows that one. The work is the shop's: it goes on when this command or a process of
the shop ends. The shop must be running (npm start) with ELASTICSEARCH_URL.

Exit code: 0 when all is well, 1 when status finds the engine away or no index filled, 2 when nothing could be done.
`;

const timeoutMs = 5_000;
const lookEveryMs = 500;
const awayMs = 60_000; // so long a process of the shop may take to come back

export type SearchIndexClient = Pick<
  ClientFor<'operator', typeof SearchIndexService>,
  'getSearchIndex' | 'rebuildSearchIndex'
>;

export type Desk = {
  readonly client: SearchIndexClient;
  readonly isTerminal: boolean;
  write(text: string): void;
  nowMs(): number;
  wait(ms: number): Promise<void>;
};

/** Shows the state, and answers the exit code. */
export async function status({ client, write }: Pick<Desk, 'client' | 'write'>): Promise<number> {
  const answer = await client.getSearchIndex({}, { timeoutMs });
  const { engine, configuredEngine } = answer;
  write(
    `engine:  ${nameOf(configuredEngine)}${engine === configuredEngine ? '' : `, but just now ${nameOf(engine)} answers`}\n`,
  );
  if (configuredEngine === SearchEngine.POSTGRES) write('index:   part of the database, changed with each product\n');
  for (const index of answer.indices) write(`index:   ${lineOf(index)}\n`);
  return engine === configuredEngine ? 0 : 1;
}

/** Has a new index made, shows how far it is, and answers the exit code. */
export async function rebuild(desk: Desk): Promise<number> {
  const { client, write, isTerminal } = desk;
  const { name } = await client.rebuildSearchIndex({ requestId: randomUUID() }, { timeoutMs });
  write(`filling ${name}\n`);
  const startMs = desk.nowMs();
  let said = '';
  let answeredMs = startMs;
  for (;;) {
    const index = await look();
    if (index !== undefined && index.state !== SearchIndex_State.FILLING) {
      const seconds = (desk.nowMs() - startMs) / 1_000;
      write(`${isTerminal ? '\r\x1b[K' : ''}${lineOf(index)}; it took ${seconds.toFixed(1)} s\n`);
      return 0;
    }
    await desk.wait(lookEveryMs);
  }

  async function look(): Promise<SearchIndex | undefined> {
    let answer: GetSearchIndexResponse;
    try {
      answer = await client.getSearchIndex({}, { timeoutMs });
    } catch (error) {
      const isAway = error instanceof ConnectError && [Code.Unavailable, Code.DeadlineExceeded].includes(error.code);
      if (!isAway || desk.nowMs() - answeredMs > awayMs) throw error;
      say('the shop does not answer; waiting');
      return undefined;
    }
    answeredMs = desk.nowMs();
    const index = answer.indices.find((each) => each.name === name);
    if (index === undefined)
      throw new StartError(`${name} is gone: somebody has removed it. Look at npm run search -- status.`);
    if (index.state === SearchIndex_State.FILLING)
      say(`${index.filledCount} of ${index.totalCount} products, ${percentOf(index)}%`);
    return index;
  }

  function say(text: string): void {
    if (text !== said) write(isTerminal ? `\r\x1b[K${text}` : `${text}\n`);
    said = text;
  }
}

function percentOf({ filledCount, totalCount }: SearchIndex): number {
  return totalCount === 0 ? 100 : Math.min(100, Math.floor((filledCount / totalCount) * 100));
}

function lineOf({ name, state, documentCount, waitingCount, lag, filledCount, totalCount }: SearchIndex): string {
  const documents = documentCount < 0n ? 'does not answer' : `${documentCount} products`;
  const waiting =
    waitingCount === 0
      ? 'nothing waits'
      : `${waitingCount} changes wait, the first for ${((lag === undefined ? 0 : durationMs(lag)) / 1_000).toFixed(1)} s`;
  const states = ['', `is being filled, ${filledCount} of ${totalCount}`, 'is asked', 'is about to be removed'];
  return `${name} ${states[state] ?? ''}: ${documents}, ${waiting}`;
}

function nameOf(engine: SearchEngine): string {
  return ['none', 'PostgreSQL', 'Elasticsearch'][engine] ?? 'unknown';
}

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = read(args);
  const [command, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  if (rest.length > 0 || (command !== 'status' && command !== 'rebuild')) throw new StartError(help);
  const operator = await openOperator();
  try {
    const desk: Desk = {
      client: operator.dial(SearchIndexService),
      isTerminal: process.stdout.isTTY,
      write: (text) => void process.stdout.write(text),
      nowMs: () => performance.now(),
      wait: async (ms) => sleep(ms),
    };
    return await (command === 'status' ? status(desk) : rebuild(desk));
  } finally {
    operator.close();
  }
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

if (import.meta.main) process.exitCode = await runCommand(() => main(process.argv.slice(2)));
