import {
  type CassandraConnection,
  type CassandraSettings,
  openCassandra,
  speaksTlsBy,
} from './connection.cassandra.ts';
import type { Finding } from './engine.ts';
import { schemaVersion } from './migrate.cassandra.ts';
import { StartError } from './start-error.ts';
import { silentLog } from './telemetry/log.ts';

const clockMs = 1_000; // entries may differ by a minute; a second says that nobody sets the clock

/** Looks at the Cassandra of a service, as that would use it. */
export async function* examineCassandra(settings: CassandraSettings): AsyncIterable<Finding> {
  let cassandra: CassandraConnection;
  try {
    cassandra = await openCassandra(settings, silentLog());
  } catch (error) {
    yield { about: 'reachable', verdict: 'bad', text: error instanceof StartError ? error.message : String(error) };
    return;
  }
  try {
    yield* examine(cassandra, settings);
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    yield {
      about: 'reachable',
      verdict: 'bad',
      text: `it can’t be asked: ${why} Start it, or correct CASSANDRA_HOSTS.`,
    };
  } finally {
    await cassandra.close();
  }
}

type Node = { readonly address: string; readonly version: string; readonly center: string };

async function* examine(cassandra: CassandraConnection, settings: CassandraSettings): AsyncIterable<Finding> {
  const { askOnce, keyspace } = cassandra;
  const nodes = await nodesOf(cassandra);
  const near = nodes.filter(({ center }) => center === settings.CASSANDRA_DATACENTER);
  yield {
    about: 'reachable',
    verdict: 'good',
    text: `${nodes.length} nodes, ${near.length} of them in ${settings.CASSANDRA_DATACENTER}`,
  };
  yield speaksTlsBy(settings)
    ? { about: 'tls', verdict: 'good', text: 'encrypted, and its certificate is trusted' }
    : { about: 'tls', verdict: 'warning', text: 'plain text: set CASSANDRA_CA_FILE' };
  const old = nodes.filter(({ version }) => !isSupported(version));
  yield old.length === 0
    ? {
        about: 'version',
        verdict: 'good',
        text: `Cassandra ${[...new Set(nodes.map(({ version }) => version))].join(', ')}`,
      }
    : {
        about: 'version',
        verdict: 'bad',
        text: `4.1 or later is needed: ${old.map(({ address, version }) => `${address} has ${version}`).join(', ')}`,
      };
  const [row] = (await askOnce('SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?', [keyspace]))
    .rows;
  if (row === undefined) {
    yield settings.CASSANDRA_REPLICATION === undefined
      ? {
          about: 'schema',
          verdict: 'bad',
          text: `there is no keyspace ${keyspace}: set CASSANDRA_REPLICATION, such as 3`,
        }
      : { about: 'schema', verdict: 'warning', text: `the keyspace ${keyspace} is made when the shop starts` };
  } else {
    yield replicationFinding(copiesIn(row['replication'], settings.CASSANDRA_DATACENTER), near.length, keyspace);
    const { found, wanted } = await schemaVersion(cassandra);
    const text = `migration ${found} of ${wanted}`;
    if (found === wanted) yield { about: 'schema', verdict: 'good', text };
    else if (found > wanted)
      yield { about: 'schema', verdict: 'warning', text: `${text}: a newer version has been here` };
    else yield { about: 'schema', verdict: 'warning', text: `${text}: the rest runs when the shop starts` };
    // Of an id that nobody has: it shows whether the user may, and changes nothing.
    await askOnce(`DELETE FROM ${keyspace}.span WHERE log = '' AND thread = '' AND level = 0 AND slot = 0`);
    await askOnce(`SELECT child FROM ${keyspace}.span LIMIT 1`);
    yield { about: 'rights', verdict: 'good', text: 'the user may read and write' };
  }
  const [clock] = (await askOnce('SELECT toUnixTimestamp(now()) AS now FROM system.local')).rows;
  const ahead = Number(clock?.['now']) - Date.now();
  yield Math.abs(ahead) < clockMs
    ? { about: 'clock', verdict: 'good', text: `${Math.abs(ahead)} ms from ours` }
    : { about: 'clock', verdict: 'bad', text: `${ahead} ms ahead of ours: set both by NTP` };
}

async function nodesOf({ askOnce }: CassandraConnection): Promise<Node[]> {
  const [local, peers] = await Promise.all([
    askOnce('SELECT broadcast_address AS address, release_version, data_center FROM system.local'),
    askOnce('SELECT peer AS address, release_version, data_center FROM system.peers'),
  ]);
  return [...local.rows, ...peers.rows].map((row) => ({
    address: String(row['address']),
    version: String(row['release_version']),
    center: String(row['data_center']),
  }));
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 1);
}

function copiesIn(replication: unknown, center: string): number {
  const copies: unknown =
    typeof replication === 'object' && replication !== null ? Reflect.get(replication, center) : 0;
  return Number(copies ?? 0);
}

function replicationFinding(copies: number, nodes: number, keyspace: string): Finding {
  const text = `${copies} copies on ${nodes} nodes`;
  if (copies === 0)
    return { about: 'schema', verdict: 'bad', text: `${text}: ${keyspace} keeps nothing in this data center` };
  if (copies > nodes) return { about: 'schema', verdict: 'bad', text: `${text}: add nodes, or no quorum survives one` };
  return copies < 3
    ? { about: 'schema', verdict: 'warning', text: `${text}: with three or more a node may fail` }
    : { about: 'schema', verdict: 'good', text };
}
