import { type Message, Partitioners, type Producer } from 'kafkajs';
import type { Logger } from 'pino';
import { createKafka, kafkaProblem } from './connection.kafka.ts';
import type { EngineEventBus } from './event-bus-engine.ts';
import type { KafkaConfig } from './engine-config.ts';
import { engineAway, type EngineState } from './engine.ts';
import { startKafkaConsuming } from './event-bus-consuming.kafka.ts';
import { deadEventsBy, type EventFailures } from './event-bus-failures.postgres.ts';
import { kafkaNames } from './event-bus-names.ts';
import type { EventMessage } from './event-bus.ts';
import { type EventPolicies, hearsOf, tellsOf } from './event-policy.ts';
import { Fault } from './fault.ts';

export type KafkaEventBusOptions = {
  readonly config: KafkaConfig;
  readonly policies: EventPolicies;
  readonly service: string;
  /** Where dead events and attempts are kept. */
  readonly failures: EventFailures;
  readonly log: Logger;
  /** What the names of topics and groups begin with: nothing, but for tests. */
  readonly prefix?: string;
};

const engine = 'Kafka';
const partitions = 12; // how many keys of a publisher are handled at the same time, at most
const sendTimeoutMs = 10_000;

/**
 * The event bus on Kafka, as a second adapter: a topic a publisher, ordered by key within its partitions, which it makes where they are
 * missing. Each group reads whole topics and leaves what it did not ask for; a group that is new also hears what Kafka still keeps.
 */
export async function openKafkaEventBus(options: KafkaEventBusOptions): Promise<EngineEventBus> {
  const { config, policies, service, failures, log, prefix = '' } = options;
  const kafka = createKafka(config, log);
  const subscriptions = new Set<{ close(): Promise<void> }>();
  const made = new Set<string>();
  let opening: Promise<Producer> | undefined;

  async function ask<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw kafkaProblem(error) ?? error;
    }
  }

  async function make(topics: readonly string[]): Promise<void> {
    const missing = topics.filter((topic) => !made.has(topic));
    if (missing.length === 0) return;
    const admin = kafka.admin();
    try {
      await ask(admin.connect());
      // By one after another: of two who make the same at once one is told that it is there, which is as good.
      for (const topic of missing) {
        await ask(
          admin.createTopics({
            topics: [{ topic, numPartitions: partitions, replicationFactor: -1 }],
            waitForLeaders: true,
          }),
        );
        made.add(topic);
      }
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  function producer(): Promise<Producer> {
    opening ??= connect();
    opening.catch(() => (opening = undefined)); // the next one tries again
    return opening;
  }

  async function connect(): Promise<Producer> {
    const connected = kafka.producer({
      idempotent: true, // what is sent again because an answer was lost counts once
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000 },
    });
    await ask(connected.connect());
    return connected;
  }

  async function send(topicOf: (message: EventMessage) => string, messages: readonly EventMessage[]): Promise<void> {
    const byTopic = Map.groupBy(messages, topicOf);
    await make([...byTopic.keys()]);
    const topicMessages = [...byTopic].map(([topic, own]) => ({ topic, messages: own.map(encode) }));
    const sending = ask((await producer()).sendBatch({ topicMessages, acks: -1, timeout: sendTimeoutMs }));
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(engineAway(engine, new Error('it has not answered in time'))), sendTimeoutMs);
    try {
      await Promise.race([sending, late]);
    } catch (error) {
      sending.catch(() => undefined);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  const publisherOf = (topic: string): string => {
    const policy = policies[topic];
    if (policy === undefined) throw new Error(`No contract makes ${topic} an event`);
    return prefix + kafkaNames.eventsOf(policy.publisher);
  };

  const engines: EngineState[] = [];
  if (tellsOf(service, policies).length > 0 || hearsOf(service, policies).length > 0) {
    engines.push({
      name: engine,
      needed: false, // events wait in the outbox
      async check() {
        const admin = kafka.admin({ retry: { retries: 0 } });
        try {
          await ask(admin.connect());
        } finally {
          await admin.disconnect().catch(() => undefined);
        }
      },
    });
    // What is wrong is said at the start; who is away is waited for.
    await Promise.all(engines.map((state) => state.check())).catch(unlessAway);
  }

  return {
    engines,

    async publish(messages) {
      if (messages.length > 0) await send(({ topic }) => publisherOf(topic), messages);
    },

    async subscribe(subscribing) {
      const { group } = subscribing;
      const topics = [...new Set(subscribing.topics.map(publisherOf)), prefix + kafkaNames.replayOf(group)];
      await make(topics).catch(unlessAway);
      const started = await startKafkaConsuming({
        ...{ kafka, topics, subscribing, failures, log },
        groupId: prefix + group,
        makeTopics: () => make(topics),
      });
      const subscription = {
        async close() {
          subscriptions.delete(subscription);
          await started.close();
        },
      };
      subscriptions.add(subscription);
      return subscription;
    },

    ...deadEventsBy(failures, (letter) => send(() => prefix + kafkaNames.replayOf(letter.group), [letter])),

    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
      await opening?.then(
        (connected) => connected.disconnect(),
        () => undefined,
      );
      await failures.close();
    },
  };
}

function encode({ id, topic, key, body, traceparent, time }: EventMessage): Message {
  return {
    key: key === '' ? null : key, // without one it goes wherever there is room
    value: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    timestamp: String(time.getTime()),
    headers: { id, type: topic, traceparent },
  };
}

function unlessAway(error: unknown): void {
  if (!(error instanceof Fault)) throw error;
}
