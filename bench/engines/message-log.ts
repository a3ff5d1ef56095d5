import { auth, Client, types } from 'cassandra-driver';
import pg from 'pg';
import { openCassandra } from '#platform/connection.cassandra.ts';
import { newId } from '#platform/ids.ts';
import { createCassandraMessageLogs } from '#platform/message-log.cassandra.ts';
import { spanAt } from '#platform/message-log-bucket.ts';
import { entryIdAt, entryTimeMs, newEntryId, uuidOf } from '#platform/message-log-id.ts';
import type { MessageLog } from '#platform/message-log.ts';
import { createPostgresMessageLogs } from '#platform/message-log.postgres.ts';
import { migrateCassandra } from '#platform/migrate.cassandra.ts';
import { migrate } from '#platform/migrate.postgres.ts';
import { openPool } from '#platform/pool.postgres.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { testCassandraSettings } from '#platform/testing/cassandra.ts';
import { engineVariable } from '#platform/testing/engines.ts';

// Message logs through their adapters beside the bare drivers, on the engines that run, and pages of a short and of a long thread:
// node bench/engines/message-log.ts. The two sides of a line take turns, so that both meet the same machine. BENCH_SECONDS (3) is how
// long each is measured, BENCH_ENTRIES (1000000) how long the long thread is.

const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);
const long = Number(process.env['BENCH_ENTRIES'] ?? 1_000_000);
const engines = (process.env['BENCH_ENGINES'] ?? 'postgres,cassandra').split(',');
const turnMs = 100;
const body = Buffer.alloc(200, 'a');
const kind = { name: 'chat', prefix: 'msg' };
const dayMs = 86_400_000;

type Side = {
  readonly name: string;
  work(): Promise<unknown>;
  count: number;
  ms: number;
  micros: number;
  tookMs: number[];
};

async function turn(side: Side, inFlight: number): Promise<void> {
  const beganMs = performance.now();
  const cpu = process.cpuUsage();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let at = beganMs; at - beganMs < turnMs;) {
        await side.work();
        const doneMs = performance.now();
        side.tookMs.push(doneMs - at);
        side.count++;
        at = doneMs;
      }
    }),
  );
  side.ms += performance.now() - beganMs;
  const { user, system } = process.cpuUsage(cpu);
  side.micros += user + system;
}

/** Measures some ways of doing a thing by turns; the others are compared with the last. */
async function compare(what: string, ways: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  for (const inFlight of [1, 16]) {
    const sides = Object.entries(ways).map(([name, work]): Side => ({
      name,
      work,
      count: 0,
      ms: 0,
      micros: 0,
      tookMs: [],
    }));
    for (let warm = 0; warm < 100; warm++) for (const { work } of sides) await work();
    for (let round = 0; round < (seconds * 1_000) / turnMs; round++)
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await turn(side, inFlight);
    const rate = ({ count, ms }: Side): number => (count / ms) * 1_000;
    const base = sides.at(-1);
    for (const side of sides) {
      const took = side.tookMs.toSorted((one, other) => one - other);
      const at = (part: number): string => (took[Math.floor(took.length * part)] ?? 0).toFixed(2);
      const percent = base === undefined ? 0 : Math.round((rate(side) / rate(base)) * 100);
      console.log(
        `| ${what} | ${side.name} | ${inFlight} | ${Math.round(rate(side)).toLocaleString('en')} | ${at(0.5)} / ${at(0.99)} | ${percent}% | ${Math.round(side.micros / side.count)} |`,
      );
    }
  }
}

/** Adds that many entries to a thread, evenly over a time that has just ended. */
async function fill(log: MessageLog, thread: string, count: number, overMs: number): Promise<void> {
  const startMs = Date.now() - overMs;
  let next = 0;
  const beganMs = performance.now();
  await Promise.all(
    Array.from({ length: 128 }, async () => {
      for (let index = next++; index < count; index = next++) {
        const id = newEntryId('msg', startMs + Math.floor((index / count) * overMs));
        await log.append(thread, { id, author: 'usr_1', type: 'text', body });
      }
    }),
  );
  const perSecond = Math.round((count / (performance.now() - beganMs)) * 1_000);
  console.log(
    `\n${count.toLocaleString('en')} entries added to ${thread}, ${perSecond.toLocaleString('en')} a second\n`,
  );
}

const header =
  '| what | by | at a time | per second | p50 / p99 ms | of the last | our CPU µs each |\n|---|---|---:|---:|---:|---:|---:|';

/** Pages of a thread: the newest, and from anywhere in it. */
function paging(log: MessageLog, thread: string, overMs: number): () => Promise<unknown> {
  let asked = 0;
  return () => {
    const agoMs = ((asked++ * 7_919) % 9_000) / 10_000; // not its first tenth: a page is to be whole
    return log.newestFirst(thread, {
      before: asked % 2 === 0 ? undefined : entryIdAt('msg', new Date(Date.now() - agoMs * overMs)),
      limit: 50,
    });
  };
}

async function threads(engine: string, log: MessageLog): Promise<void> {
  const lengths = { short: 1_000, long };
  await fill(log, 'short', lengths.short, 6 * dayMs);
  await fill(log, 'long over a year', lengths.long, 365 * dayMs);
  if (engine === 'Cassandra') await fill(log, 'long in a day', lengths.long, dayMs);
  console.log(header);
  await compare(`page of 50, ${engine}`, {
    [`${long.toLocaleString('en')} entries over a year`]: paging(log, 'long over a year', 365 * dayMs),
    ...(engine === 'Cassandra' && {
      [`${long.toLocaleString('en')} entries in a day`]: paging(log, 'long in a day', dayMs),
    }),
    '1,000 entries': paging(log, 'short', 6 * dayMs),
  });
}

async function postgres(): Promise<void> {
  const schema = newId('bench'); // of its own, and gone at the end
  const [url, ca] = [engineVariable('DATABASE_ADMIN_URL'), engineVariable('DATABASE_CA')];
  await migrate({ url, ca, schema, migrations: new URL('../../platform/testing/migrations/', import.meta.url) });
  const database = openPool({ url, ca, schema });
  const address = new URL(url);
  address.search = ''; // or what it says of TLS would take the place of the authority
  const bare = new pg.Pool({
    connectionString: address.href,
    ssl: { ca },
    options: `-c search_path=${schema}`,
    max: 8,
  });
  try {
    const log = createPostgresMessageLogs(database).of(kind);
    console.log(header);
    await compare('append, PostgreSQL', {
      adapter: () => log.append('a', { id: newEntryId('msg'), author: 'usr_1', type: 'text', body }),
      'bare pg': () =>
        bare.query({
          name: 'append',
          text: `INSERT INTO message_log (log, thread, id, author, type, body) VALUES ('chat', 'b', $1, 'usr_1', 'text', $2)`,
          values: [newEntryId('msg'), body],
        }),
    });
    const read =
      'SELECT id, author, type, body, edit_time FROM message_log WHERE log = $1 AND thread = $2 ORDER BY id DESC LIMIT 50';
    await compare('newest 50, PostgreSQL', {
      adapter: () => log.newestFirst('a', { limit: 50 }),
      'bare pg': () => bare.query({ name: 'newest', text: read, values: ['chat', 'a'] }),
    });
    await threads('PostgreSQL', log);
  } finally {
    await bare.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await bare.end();
    await database.close();
  }
}

async function cassandra(): Promise<void> {
  const settings = testCassandraSettings(newId('bench'));
  const ours = await openCassandra(settings, silentLog());
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
  const how = { prepare: true, consistency: types.consistencies.localQuorum };
  try {
    const log = createCassandraMessageLogs(ours).of(kind);
    const entries = `${settings.CASSANDRA_KEYSPACE}.entry_kept`;
    const { level, slot } = spanAt(0, Date.now());
    console.log(header);
    await compare('append, Cassandra', {
      adapter: () => log.append('a', { id: newEntryId('msg'), author: 'usr_1', type: 'text', body }),
      'bare driver': () => {
        const id = newEntryId('msg');
        const micros = types.Long.fromNumber(entryTimeMs(id) * 1_000);
        return bare.execute(
          `INSERT INTO ${entries} (log, thread, level, slot, id, author, type, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?`,
          ['chat', 'b', level, slot, new types.TimeUuid(uuidOf(id)), 'usr_1', 'text', body, micros],
          how,
        );
      },
    });
    await compare('newest 50, Cassandra', {
      adapter: () => log.newestFirst('a', { limit: 50 }),
      'bare driver': () =>
        bare.execute(
          `SELECT id, author, type, body, edited FROM ${entries} WHERE log = ? AND thread = ? AND level = ? AND slot = ? LIMIT 50`,
          ['chat', 'a', level, slot],
          how,
        ),
    });
    await threads('Cassandra', log);
  } finally {
    await bare.shutdown();
    await ours.askOnce(`DROP KEYSPACE IF EXISTS ${ours.keyspace}`);
    await ours.close();
  }
}

if (engines.includes('postgres')) await postgres();
if (engines.includes('cassandra')) await cassandra();
