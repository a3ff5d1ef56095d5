import { Kafka, logLevel } from 'kafkajs';
import type { Logger } from 'pino';
import type { KafkaConfig } from './engine-config.ts';
import { engineAway, engineRefuses, tlsProblem } from './engine.ts';
import { codeOf } from './error-code.ts';
import { Fault } from './fault.ts';
import { StartError } from './start-error.ts';

const engine = 'Kafka';

/** What speaks to Kafka as the settings say. Nothing is connected yet. */
export function createKafka(
  { KAFKA_BROKERS = '', KAFKA_CA, KAFKA_USERNAME, KAFKA_PASSWORD }: KafkaConfig,
  log: Logger,
): Kafka {
  return new Kafka({
    clientId: 'only2u',
    brokers: KAFKA_BROKERS.split(','),
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 }, // who asks for more asks again
    ...(KAFKA_CA !== undefined && { ssl: KAFKA_CA === 'system' ? true : { ca: [KAFKA_CA] } }),
    ...(KAFKA_USERNAME !== undefined && {
      sasl: { mechanism: 'scram-sha-512', username: KAFKA_USERNAME, password: KAFKA_PASSWORD ?? '' },
    }),
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ namespace, log: { message, error } }: LogLine) =>
        log.debug({ engine, namespace, error }, message), // what matters is said by those who ask
  });
}

type LogLine = { readonly namespace: string; readonly log: { readonly message: string; readonly error?: unknown } };

/** What an error of Kafka's means: a StartError where it refuses us, a Fault where it is away, undefined for a bug of ours. */
export function kafkaProblem(error: unknown): StartError | Fault | undefined {
  if (error instanceof Fault || error instanceof StartError) return error;
  for (const each of causesOf(error)) {
    if (each.name === 'KafkaJSSASLAuthenticationError')
      return engineRefuses(engine, 'KAFKA_USERNAME and KAFKA_PASSWORD', 'user or password is wrong', error);
    if (/AUTHORIZATION_FAILED/.test('type' in each ? String(each.type) : ''))
      return engineRefuses(engine, 'its access control lists', 'the user may not do what the shop needs', error);
    const tls = tlsProblem(codeOf(each));
    if (tls !== undefined) return engineRefuses(engine, 'KAFKA_CA, or the ports in KAFKA_BROKERS', tls, error);
  }
  return causesOf(error).some(({ name }) => name.startsWith('KafkaJS')) ? engineAway(engine, error) : undefined;
}

function causesOf(error: unknown): readonly Error[] {
  const causes: Error[] = [];
  for (let each = error; each instanceof Error && causes.length < 8; each = each.cause) causes.push(each);
  return causes;
}
