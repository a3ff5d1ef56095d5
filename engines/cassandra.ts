import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { auth, Client, types } from 'cassandra-driver';
import { cassandraConfig, javaFlags, logConfig, rackConfig } from './cassandra-config.ts';
import { addressesOf } from './place.ts';
import { findJava, fromMaven, installOnce } from './programs.ts';
import type { Place, ProcessPlan, Recipe } from './recipe.ts';

export const usualVersion = '5.0.9';
const user = 'only2u';
const admin = 'admin';
const flagsOfOne = ['-Xms512m', '-Xmx512m'];
// Three share one machine: its cores rather start them than compile at length, and on a busy one a node that joins is not heard within a second.
const flagsOfThree = ['-Xms320m', '-Xmx320m', '-XX:TieredStopAtLevel=1', '-Dcassandra.ring_delay_ms=5000'];
const otherSystems = /-(osx|windows)-|-riscv64\.jar$/;

/** Apache Cassandra from Maven Central, 5.0 on Java 17 or 4.1 on Java 11: one node, or three on 127.0.0.1 to 127.0.0.3. */
export const cassandra: Recipe = {
  name: 'cassandra',
  title: 'Cassandra',
  ports: { tls: 29_042, storage: 27_000 },
  memoryMb: 900,
  startWithinMs: 240_000,
  async plan(place) {
    const version = place.version ?? usualVersion;
    const java = await findJava(version.startsWith('4.') ? 11 : 17, place.say);
    const jars = await installOnce(`cassandra-${version}`, place.say, async (aside) => {
      place.say(`installing Cassandra ${version} (Maven Central, 60 MB, once)`);
      await fromMaven([`org.apache.cassandra:cassandra-all:${version}`], aside, place.say);
      for (const name of await readdir(aside)) if (otherSystems.test(name)) await rm(join(aside, name));
    });
    const agent = (await readdir(jars)).find((name) => name.startsWith('jamm-'));
    if (agent === undefined) throw new Error(`There is no jamm in ${jars}`);
    return Promise.all(
      addressesOf(place.nodes).map((address, index) =>
        nodePlan({ place, java, jars, agent: join(jars, agent), address, name: `node${index + 1}` }),
      ),
    );
  },
  async setUp(place) {
    const adminPassword = await place.secret('admin-password');
    const known = await signIn(place, admin, adminPassword).catch(() => undefined);
    if (known === undefined) {
      // The superuser that everybody knows makes ours, and is never let in again.
      await asked(place, 'cassandra', 'cassandra', async (client) => {
        const replication = `{'class': 'NetworkTopologyStrategy', 'dc1': ${place.nodes}}`;
        await client.execute(`ALTER KEYSPACE system_auth WITH replication = ${replication}`);
        await client.execute(
          `CREATE ROLE IF NOT EXISTS ${admin} WITH PASSWORD = '${adminPassword}' AND SUPERUSER = true AND LOGIN = true`,
        );
      });
    }
    await asked(place, admin, adminPassword, async (client) => {
      // On all replicas, so that every node has told what it knows, and is up.
      const { rows } = await client.execute("SELECT can_login FROM system_auth.roles WHERE role = 'cassandra'", [], {
        consistency: types.consistencies.all,
      });
      if (rows[0]?.['can_login'] === true) {
        const password = await place.secret('unused-password');
        await client.execute(
          `ALTER ROLE cassandra WITH PASSWORD = '${password}' AND SUPERUSER = false AND LOGIN = false`,
        );
      }
      await client.execute(
        `CREATE ROLE IF NOT EXISTS ${user} WITH PASSWORD = '${await place.secret('password')}' AND LOGIN = true`,
      );
      await client.execute(`GRANT CREATE ON ALL KEYSPACES TO ${user}`); // what it makes is its own, and nothing else is
    });
  },
  check: async (place) => signIn(place, user, await place.secret('password')),
  async variables(place) {
    const secret = async (name: string): Promise<string> => {
      await place.secret(name);
      return join(place.folder, 'secrets', name);
    };
    return {
      CASSANDRA_HOSTS: addressesOf(place.nodes)
        .map((address) => `${address}:${place.ports['tls']}`)
        .join(','),
      CASSANDRA_USERNAME: user,
      CASSANDRA_PASSWORD_FILE: await secret('password'),
      CASSANDRA_DATACENTER: 'dc1',
      CASSANDRA_REPLICATION: String(place.nodes),
      CASSANDRA_CA_FILE: place.tls.ca,
      CASSANDRA_ADMIN_USERNAME: admin,
      CASSANDRA_ADMIN_PASSWORD_FILE: await secret('admin-password'),
    };
  },
};

type Node = {
  readonly place: Place;
  readonly java: string;
  readonly jars: string;
  readonly agent: string;
  readonly address: string;
  readonly name: string;
};

async function nodePlan({ place, java, jars, agent, address, name }: Node): Promise<ProcessPlan> {
  const data = await place.makeFolder(`${name}/data`);
  const config = await place.write(`${name}/conf/cassandra.yaml`, cassandraConfig(place, address, data));
  await place.write(`${name}/conf/cassandra-rackdc.properties`, rackConfig);
  const log = await place.write(`${name}/conf/logback.xml`, logConfig);
  return {
    name,
    command: [
      join(java, 'java'),
      ...javaFlags,
      `-javaagent:${agent}`,
      ...(place.nodes === 1 ? flagsOfOne : flagsOfThree),
      `-Dcassandra.config=file://${config}`,
      `-Dcassandra.storagedir=${data}`,
      `-Dcassandra.logdir=${join(data, 'logs')}`,
      `-Dlogback.configurationFile=file://${log}`,
      '-cp',
      `${join(place.folder, name, 'conf')}:${jars}/*`,
      'org.apache.cassandra.service.CassandraDaemon',
    ],
    // Nodes join one after another.
    isUp: (said) => said.includes('Startup complete'),
  };
}

/** Gives the version. */
function signIn(place: Place, name: string, password: string): Promise<string> {
  return asked(place, name, password, async (client) => {
    const { rows } = await client.execute('SELECT release_version FROM system.local');
    return String(rows[0]?.['release_version']);
  });
}

async function asked<T>(place: Place, name: string, password: string, ask: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    contactPoints: addressesOf(place.nodes).map((address) => `${address}:${place.ports['tls']}`),
    localDataCenter: 'dc1',
    authProvider: new auth.PlainTextAuthProvider(name, password),
    sslOptions: { ca: [await readFile(place.tls.ca, 'utf8')], rejectUnauthorized: true },
    socketOptions: { connectTimeout: 3_000, readTimeout: 20_000 },
  });
  try {
    await client.connect();
    return await ask(client);
  } finally {
    await client.shutdown();
  }
}
