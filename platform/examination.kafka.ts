import type { Admin } from 'kafkajs';
import { createKafka, kafkaProblem } from './connection.kafka.ts';
import type { KafkaConfig } from './engine-config.ts';
import type { Finding } from './engine.ts';
import { kafkaNames } from './event-bus-names.ts';
import { contractPolicies, hearsOf, tellsOf } from './event-policy.ts';
import { StartError } from './start-error.ts';
import { silentLog } from './telemetry/log.ts';

/** Looks at the Kafka of some services, as those would use it. Nothing is written: Kafka only says whether it would make a topic. */
export async function* examineKafka(
  config: KafkaConfig & { readonly KAFKA_BROKERS: string },
  services: readonly string[],
): AsyncIterable<Finding> {
  const admin = createKafka(config, silentLog()).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    yield* examine(admin, config, services);
  } catch (error) {
    const problem = kafkaProblem(error);
    const why = error instanceof Error ? error.message : String(error);
    yield {
      about: 'reachable',
      verdict: 'bad',
      text:
        problem instanceof StartError
          ? problem.message
          : `it can’t be reached: ${why}. Start it, or correct KAFKA_BROKERS.`,
    };
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

async function* examine(
  admin: Admin,
  { KAFKA_CA, KAFKA_USERNAME }: KafkaConfig,
  services: readonly string[],
): AsyncIterable<Finding> {
  const { brokers } = await admin.describeCluster();
  const places = brokers.map(({ host, port }) => `${host}:${port}`).join(', ');
  yield { about: 'reachable', verdict: 'good', text: `answers; its brokers are ${places}` };
  // Kafka tells no client its version. What it takes of the protocol was agreed on when the connection was made.
  yield {
    about: 'version',
    verdict: 'good',
    text: 'it takes the requests that the shop makes; its own number is told to nobody',
  };
  yield KAFKA_CA === undefined
    ? { about: 'tls', verdict: 'warning', text: 'plain text: set KAFKA_CA_FILE, or KAFKA_CA=system' }
    : { about: 'tls', verdict: 'good', text: 'encrypted, and its certificate is trusted' };
  if (KAFKA_USERNAME === undefined)
    yield { about: 'rights', verdict: 'warning', text: 'nobody signs in: set KAFKA_USERNAME and KAFKA_PASSWORD_FILE' };
  const there = new Set(await admin.listTopics()); // those that the user may see
  for (const service of services) yield* examineService(admin, service, there);
}

async function* examineService(admin: Admin, service: string, there: ReadonlySet<string>): AsyncIterable<Finding> {
  const tells = tellsOf(service, contractPolicies).length > 0;
  const heard = hearsOf(service, contractPolicies);
  const read = new Set(heard.map((topic) => kafkaNames.eventsOf(contractPolicies[topic]?.publisher ?? '')));
  if (heard.length > 0) read.add(kafkaNames.replayOf(service));
  const topics = [...new Set([...(tells ? [kafkaNames.eventsOf(service)] : []), ...read])];
  if (topics.length === 0) {
    yield { about: 'schema', verdict: 'good', text: `${service}: tells and hears nothing` };
    return;
  }
  const missing = topics.filter((topic) => !there.has(topic));
  if (missing.length === 0)
    yield { about: 'schema', verdict: 'good', text: `${service}: all ${topics.length} of its topics are there` };
  else {
    const why = await refusalOf(
      admin.createTopics({
        validateOnly: true,
        waitForLeaders: false,
        topics: missing.map((topic) => ({ topic, replicationFactor: -1 })),
      }),
    );
    yield why === undefined
      ? { about: 'schema', verdict: 'good', text: `${service}: ${missing.join(', ')} will be made when it starts` }
      : {
          about: 'schema',
          verdict: 'bad',
          text: `${service} lacks ${missing.join(', ')}, and may not make them (${why}): make them, or allow it to`,
        };
  }
  const mayRead = [...read].filter((topic) => there.has(topic));
  if (mayRead.length === 0) return;
  const why = await refusalOf(admin.fetchOffsets({ groupId: service, topics: mayRead }));
  yield why === undefined
    ? { about: 'rights', verdict: 'good', text: `the user may read as the group ${service}` }
    : {
        about: 'rights',
        verdict: 'bad',
        text: `the user may not read as the group ${service} (${why}): allow it by kafka-acls`,
      };
}

/** Kafka's own word for why it doesn't do it; undefined where it does. Throws what is no refusal. */
async function refusalOf(asked: Promise<unknown>): Promise<string | undefined> {
  try {
    await asked;
    return undefined;
  } catch (error) {
    // Of several topics each has its error.
    const several: unknown = typeof error === 'object' && error !== null && 'errors' in error ? error.errors : [error];
    for (const each of Array.isArray(several) ? several : []) {
      const type = typeOf(each);
      if (type.endsWith('AUTHORIZATION_FAILED') || type === 'POLICY_VIOLATION') return type;
    }
    throw error;
  }
}

function typeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'type' in error ? String(error.type) : '';
}
