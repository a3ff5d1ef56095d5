import { auth, Client, types } from 'cassandra-driver';
import { openCassandra } from '#platform/connection.cassandra.ts';
import { newId } from '#platform/ids.ts';
import { createCassandraMessageLogs } from '#platform/message-log.cassandra.ts';
import { spanAt } from '#platform/message-log-bucket.ts';
import { entryIdAt, entryTimeMs, newEntryId, uuidOf } from '#platform/message-log-id.ts';
import { createPostgresMessageLogs } from '#platform/message-log.postgres.ts';
import type { MessageLog } from '#platform/message-log.ts';
import { migrateCassandra } from '#platform/migrate.cassandra.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { testCassandraSettings } from '#platform/testing/cassandra.ts';
import type { Work } from './compare.ts';
import { platformTables, runs, type World } from './world.ts';

const long = Number(process.env['BENCH_ENTRIES'] ?? 1_000_000);
const short = 1_000;
const body = Buffer.alloc(200, 'a');
const kind = { name: 'chat', prefix: 'msg' };
const dayMs = 86_400_000;

type Both = { readonly append: Work; readonly newest: Work };

/** Threads of messages; then pages of a thread of a million, or of BENCH_ENTRIES, beside those of one of a thousand. */
export async function benchMessageLog(world: World): Promise<void> {
  const { database, barePool } = await world.real(platformTables);
  const inPostgres = createPostgresMessageLogs(database).of(kind);
  const inEmbedded = createPostgresMessageLogs(await world.embedded(platformTables)).of(kind);
  const embedded = { 'PostgreSQL (embedded)': through(inEmbedded) };
  const append = `INSERT INTO message_log (log, thread, id, author, type, body) VALUES ('chat', 'bare', $1, 'usr_1', 'text', $2)`;
  const newest = `SELECT id, author, type, body, edit_time FROM message_log WHERE log = $1 AND thread = $2 ORDER BY id DESC LIMIT 50`;
  const bare: Both = {
    append: () => barePool.query({ name: 'append', text: append, values: [newEntryId('msg'), body] }),
    newest: () => barePool.query({ name: 'newest', text: newest, values: ['chat', 'a'] }),
  };
  await both(world, { 'bare pg, such a statement': bare, 'PostgreSQL with TLS': through(inPostgres), ...embedded });
  if (runs('CASSANDRA_HOSTS')) {
    const { log, bareSide } = await cassandra(world);
    await both(world, { 'bare driver, one span': bareSide, Cassandra: through(log), ...embedded });
    await lengths(world, 'Cassandra', log, { 'over a year': 365 * dayMs, 'in a day': dayMs });
  }
  await lengths(world, 'PostgreSQL (embedded)', inEmbedded, { 'over a year': 365 * dayMs });
}

async function both({ compare }: World, sides: Readonly<Record<string, Both>>): Promise<void> {
  const each = (of: (side: Both) => Work) =>
    Object.fromEntries(Object.entries(sides).map(([name, side]) => [name, of(side)] as const));
  await compare(
    'append a message',
    each(({ append }) => append),
  );
  await compare(
    'newest 50',
    each(({ newest }) => newest),
  );
}

function through(log: MessageLog): Both {
  return {
    append: () => log.append('a', { id: newEntryId('msg'), author: 'usr_1', type: 'text', body }),
    newest: () => log.newestFirst('a', { limit: 50 }),
  };
}

/** A page costs what it costs in a short thread. */
async function lengths(
  world: World,
  engine: string,
  log: MessageLog,
  over: Readonly<Record<string, number>>,
): Promise<void> {
  await fill(world, log, 'short', short, 6 * dayMs);
  const ways: Record<string, Work> = { [`${engine}, of 1,000`]: paging(log, 'short', 6 * dayMs) };
  for (const [name, overMs] of Object.entries(over)) {
    const perSecond = await fill(world, log, name, long, overMs);
    world.print(`| fill a thread ${name} | 128 | ${engine} | ${perSecond.toLocaleString('en')} | | | | | |`);
    ways[`${engine}, of ${long.toLocaleString('en')} ${name}`] = paging(log, name, overMs);
  }
  await world.compare('page of 50', ways);
}

/** Adds that many entries to a thread, evenly over a time that has just ended. Answers how many a second. */
async function fill(
  { stopping }: World,
  log: MessageLog,
  thread: string,
  count: number,
  overMs: number,
): Promise<number> {
  const startMs = Date.now() - overMs;
  const beganMs = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: 128 }, async () => {
      for (let index = next++; index < count; index = next++) {
        stopping.throwIfAborted();
        const id = newEntryId('msg', startMs + Math.floor((index / count) * overMs));
        await log.append(thread, { id, author: 'usr_1', type: 'text', body });
      }
    }),
  );
  return Math.round((count / (performance.now() - beganMs)) * 1_000);
}

/** The newest of a thread, and pages from anywhere in it. */
function paging(log: MessageLog, thread: string, overMs: number): Work {
  return (call) => {
    const agoMs = (((call * 7_919) % 9_000) / 10_000) * overMs; // not its first tenth: a page is to be whole
    const before = call % 2 === 0 ? undefined : entryIdAt('msg', new Date(Date.now() - agoMs));
    return log.newestFirst(thread, { before, limit: 50 });
  };
}

async function cassandra({ atEnd }: World) {
  const settings = testCassandraSettings(newId('bench'));
  const ours = await openCassandra(settings, silentLog());
  atEnd(async () => {
    await ours.askOnce(`DROP KEYSPACE IF EXISTS ${ours.keyspace}`);
    await ours.close();
  });
  await migrateCassandra({ cassandra: ours, replication: settings.CASSANDRA_REPLICATION, log: silentLog() });
  const bare = new Client({
    contactPoints: settings.CASSANDRA_HOSTS.split(','),
    localDataCenter: settings.CASSANDRA_DATACENTER,
    authProvider: new auth.PlainTextAuthProvider(settings.CASSANDRA_USERNAME, settings.CASSANDRA_PASSWORD),
    ...(settings.CASSANDRA_CA !== undefined && {
      sslOptions: { ca: [settings.CASSANDRA_CA], rejectUnauthorized: true },
    }),
    protocolOptions: { port: Number(/:(\d+)/.exec(settings.CASSANDRA_HOSTS)?.[1] ?? 9_042) },
  });
  await bare.connect();
  atEnd(() => bare.shutdown());
  const how = { prepare: true, consistency: types.consistencies.localQuorum };
  const entries = `${settings.CASSANDRA_KEYSPACE}.entry_kept`;
  const { level, slot } = spanAt(0, Date.now());
  const append = `INSERT INTO ${entries} (log, thread, level, slot, id, author, type, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`;
  const newest = `SELECT id, author, type, body, edited FROM ${entries} WHERE log = ? AND thread = ? AND level = ? AND slot = ? LIMIT 50`;
  const bareSide: Both = {
    append() {
      const id = newEntryId('msg');
      const micros = types.Long.fromNumber(entryTimeMs(id) * 1_000);
      const entry = [new types.TimeUuid(uuidOf(id)), 'usr_1', 'text', body, micros];
      return bare.execute(append, ['chat', 'bare', level, slot, ...entry], how);
    },
    newest: () => bare.execute(newest, ['chat', 'a', level, slot], how),
  };
  return { log: createCassandraMessageLogs(ours).of(kind), bareSide };
}
