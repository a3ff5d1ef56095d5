import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readConfig } from '#platform/config.ts';
import { openCassandra } from '#platform/connection.cassandra.ts';
import { cassandraVariables } from '#platform/engine-config.ts';
import { whenReachable } from '#platform/engine.ts';
import { createCassandraMessageLogs } from '#platform/message-log.cassandra.ts';
import { newEntryId } from '#platform/message-log-id.ts';
import { migrateCassandra } from '#platform/migrate.cassandra.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import type { OpenEngine } from '../../engines/open-engine.ts';

/**
 * Three nodes, three copies of all: one is killed while messages are added and read. No write may be refused, no page may fail, and
 * nothing that was added may be missing, also once the node is back.
 */
export async function surviveOneNode(options: SurviveOptions): Promise<Survived> {
  const { engine, phaseMs, say } = options;
  const part = { name: 'test', config: z.object(cassandraVariables) };
  const config = readConfig([part], { variables: engine.variables }).of(part);
  const [log, replication] = [silentLog(), config.CASSANDRA_REPLICATION];
  const cassandra = await openCassandra({ ...config, CASSANDRA_HOSTS: config.CASSANDRA_HOSTS ?? '' }, log);
  try {
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
    say('all nodes are up');
    await sleep(phaseMs);
    await engine.kill('node2');
    say('node2 is killed');
    await sleep(phaseMs);
    await engine.start();
    say('node2 is back');
    await sleep(phaseMs);
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
  /** Cassandra on three nodes. */
  readonly engine: OpenEngine;
  /** How long each phase lasts: all up, one away, all up again. */
  readonly phaseMs: number;
  readonly say: (text: string) => void;
};

export type Survived = {
  readonly writes: number;
  readonly pages: number;
  readonly failures: readonly string[];
  readonly missing: number;
  readonly slowestMs: number;
};
