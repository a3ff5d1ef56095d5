import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { findJava, fromMaven, installOnce, runProgram } from './programs.ts';
import type { Place, Recipe } from './recipe.ts';

export const usualVersion = '4.1.1';
const user = 'only2u';
const broker = 'broker';
const heapMb = 256;

/** server.properties: clients by TLS and SCRAM, the controller by TLS and a certificate of ours. */
export function kafkaConfig({ ports, tls }: Pick<Place, 'ports' | 'tls'>, data: string, password: string): string {
  const login = `org.apache.kafka.common.security.scram.ScramLoginModule required username="${broker}" password="${password}";`;
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports['controller']}
listeners=SASL_SSL://127.0.0.1:${ports['tls']},CONTROLLER://127.0.0.1:${ports['controller']}
advertised.listeners=SASL_SSL://127.0.0.1:${ports['tls']}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SSL
controller.listener.names=CONTROLLER
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=${login}
listener.name.controller.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location=${tls.both}
ssl.truststore.type=PEM
ssl.truststore.location=${tls.ca}
ssl.enabled.protocols=TLSv1.3,TLSv1.2
log.dirs=${data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
`;
}

const logConfig = `<Configuration status="error"><Appenders><Console name="out"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders><Loggers><Root level="info"><AppenderRef ref="out"/></Root></Loggers></Configuration>
`;

/** Apache Kafka from Maven Central on Java 17: one node, without ZooKeeper. */
export const kafka: Recipe = {
  name: 'kafka',
  title: 'Kafka',
  ports: { tls: 29_092, controller: 29_093 },
  memoryMb: 450,
  startWithinMs: 120_000,
  async plan(place) {
    const version = place.version ?? usualVersion;
    const java = join(await findJava(17, place.say), 'java');
    const jars = await installOnce(`kafka-${version}`, place.say, async (aside) => {
      place.say(`installing Kafka ${version} (Maven Central, 110 MB, once)`);
      await fromMaven([`org.apache.kafka:kafka_2.13:${version}`], aside, place.say);
    });
    const data = join(place.folder, 'data');
    const config = await place.write(
      'server.properties',
      kafkaConfig(place, data, await place.secret('broker-password')),
    );
    const log = await place.write('log4j2.xml', logConfig);
    const program = [java, `-Xmx${heapMb}m`, `-Dlog4j2.configurationFile=${log}`, '-cp', `${jars}/*`] as const;
    if (!existsSync(join(data, 'meta.properties'))) {
      const scram = async (name: string): Promise<string[]> => [
        '--add-scram',
        `SCRAM-SHA-512=[name=${name},password=${await place.secret(name === broker ? 'broker-password' : 'password')}]`,
      ];
      const id = (await runProgram([...program, 'kafka.tools.StorageTool', 'random-uuid'])).trim().split('\n').at(-1);
      await runProgram([
        ...program,
        ...['kafka.tools.StorageTool', 'format', '--cluster-id', id ?? '', '--config', config],
        ...(await scram(broker)),
        ...(await scram(user)),
      ]);
    }
    return [
      { name: 'kafka', command: [...program, '-XX:+UseG1GC', '-XX:+ExitOnOutOfMemoryError', 'kafka.Kafka', config] },
    ];
  },
  async setUp(place) {
    await asked(place, (admin) => admin.describeCluster());
  },
  async check(place) {
    await asked(place, (admin) => admin.listTopics());
    return place.version ?? usualVersion; // it tells clients what it understands, and not what it is
  },
  async variables(place) {
    await place.secret('password');
    return {
      KAFKA_BROKERS: `127.0.0.1:${place.ports['tls']}`,
      KAFKA_CA_FILE: place.tls.ca,
      KAFKA_USERNAME: user,
      KAFKA_PASSWORD_FILE: join(place.folder, 'secrets/password'),
    };
  },
};

async function asked<T>(place: Place, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({
    clientId: 'only2u-engines',
    brokers: [`127.0.0.1:${place.ports['tls']}`],
    ssl: { ca: [await readFile(place.tls.ca, 'utf8')] },
    sasl: { mechanism: 'scram-sha-512', username: user, password: await place.secret('password') },
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  }).admin();
  try {
    await admin.connect();
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}
