import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readConfig } from '#platform/config.ts';
import { type CassandraSettings, openCassandra } from '#platform/connection.cassandra.ts';
import { cassandraVariables } from '#platform/engine-config.ts';
import { whenReachable } from '#platform/engine.ts';
import { createCassandraMessageLogs } from '#platform/message-log.cassandra.ts';
import { newEntryId } from '#platform/message-log-id.ts';
import { migrateCassandra } from '#platform/migrate.cassandra.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { openEngine } from '../../engines/open-engine.ts';

/**
 * Three nodes, three copies of all: one is killed while messages are added and read. No write may be refused, no page may fail, and
 * nothing that was added may be missing, also once the node is back.
 */
export async function surviveOneNode(options: SurviveOptions): Promise<Survived> {
  const cassandra = await openCassandra(options.settings, silentLog());
  try {
    const [log, replication] = [silentLog(), options.settings.CASSANDRA_REPLICATION];
    await whenReachable(() => migrateCassandra({ cassandra, replication, log }), { engine: 'Cassandra', log });
    const chat = createCassandraMessageLogs(cassandra).of({ name: 'chat', prefix: 'msg' });
    const threads = Array.from({ length: 8 }, (_, index) => `thread-${newEntryId('msg')}-${index}`);
    const added = new Map<string, string[]>(threads.map((thread) => [thread, []]));
    const failures: string[] = [];
    let slowestMs = 0;
    let pages = 0;
    let isOver = false;

    async function timed(work: () => Promise<unknown>): Promise<boolean> {
      const startMs = performance.now();
      try {
        await work();
        return true;
      } catch (error) {
        failures.push(error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error));
        return false;
      } finally {
        slowestMs = Math.max(slowestMs, performance.now() - startMs);
      }
    }

    async function write(thread: string): Promise<void> {
      while (!isOver) {
        const id = newEntryId('msg');
        const entry = { id, author: 'usr_1', type: 'text', body: Buffer.alloc(200, 97) };
        if (await timed(() => chat.append(thread, entry))) added.get(thread)?.push(id);
        await sleep(5);
      }
    }
    async function read(thread: string): Promise<void> {
      while (!isOver) {
        if (await timed(() => chat.newestFirst(thread, { limit: 50 }))) pages++;
        await sleep(20);
      }
    }

    const work = threads.flatMap((thread) => [write(thread), read(thread)]);
    await sleep(options.phaseMs);
    await options.kill();
    await sleep(options.phaseMs);
    await options.start();
    await sleep(options.phaseMs);
    isOver = true;
    await Promise.all(work);

    let missing = 0;
    for (const [thread, ids] of added) {
      const found = new Set<string>();
      for (let page; page === undefined || page.length === 200;) {
        const before = page?.at(-1)?.id;
        page = await chat.newestFirst(thread, { before, limit: 200 });
        for (const { id } of page) found.add(id);
      }
      missing += ids.filter((id) => !found.has(id)).length;
    }
    const writes = [...added.values()].reduce((sum, ids) => sum + ids.length, 0);
    return { writes, pages, failures, missing, slowestMs: Math.round(slowestMs) };
  } finally {
    await cassandra.askOnce(`DROP KEYSPACE IF EXISTS ${cassandra.keyspace}`).catch(() => undefined);
    await cassandra.close();
  }
}

export type SurviveOptions = {
  readonly settings: CassandraSettings;
  /** Ends one node by SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again. */
  start(): Promise<void>;
  readonly phaseMs: number;
};

export type Survived = {
  readonly writes: number;
  readonly pages: number;
  readonly failures: readonly string[];
  readonly missing: number;
  readonly slowestMs: number;
};

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-cassandra-'));
  const engine = await openEngine('cassandra', { folder, nodes: 3, say });
  try {
    const part = { name: 'test', config: z.object(cassandraVariables) };
    const config = readConfig([part], { variables: engine.variables }).of(part);
    const result = await surviveOneNode({
      settings: { ...config, CASSANDRA_HOSTS: config.CASSANDRA_HOSTS ?? '' },
      kill: () => engine.kill('node2'),
      start: () => engine.start(),
      phaseMs: 10_000,
    });
    say(JSON.stringify(result));
    if (result.failures.length > 0 || result.missing > 0) process.exitCode = 1;
  } finally {
    await engine.purge();
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) await main();
