import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { Logger } from 'pino';
import type { EventFailures } from './event-bus-failures.postgres.ts';
import { createHandling } from './event-bus-handling.ts';
import { defaultConcurrency, type EventMessage, type Subscribing } from './event-bus.ts';

export type KafkaConsumingOptions = {
  readonly kafka: Kafka;
  /** The consumer group. */
  readonly groupId: string;
  /** Where the group's events are, among others: Kafka knows no bindings. */
  readonly topics: readonly string[];
  /** Makes those that are missing. */
  makeTopics(): Promise<void>;
  readonly subscribing: Subscribing;
  readonly failures: EventFailures;
  readonly log: Logger;
};

const commitEvery = 20; // what comes twice after a process was killed, in each partition
const heartbeatMs = 3_000;
const sessionTimeoutMs = 30_000; // who says nothing for so long is taken for dead
const againAfterMs = 1_000;
const startWithinMs = 10_000;

/**
 * Listens as a member of the group until it is closed. Events of a partition come one after another, so one that fails holds its whole
 * partition: Kafka keeps one place in each, not one for each event.
 */
export async function startKafkaConsuming(options: KafkaConsumingOptions): Promise<{ close(): Promise<void> }> {
  const { kafka, groupId, subscribing, failures, log } = options;
  const closing = new AbortController();
  const topics = new Set(subscribing.topics);
  const handle = createHandling({ subscribing, failures, log });
  const joined = Promise.withResolvers<void>();

  async function eachBatch(payload: EachBatchPayload, handledHere: Map<string, number>): Promise<void> {
    const { batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale } = payload;
    const place = `${batch.topic}/${batch.partition}`;
    const lost = new AbortController();
    const stopped = AbortSignal.any([lost.signal, closing.signal]);
    const beats = setInterval(() => void heartbeat().catch(() => lost.abort()), heartbeatMs);
    try {
      for (const kafkaMessage of batch.messages) {
        const message = messageOf(kafkaMessage);
        const count = handledHere.get(place) ?? 0;
        // The first may have been begun by who ended before it could commit.
        const outcome = await finish(message, count < commitEvery, stopped, () => isRunning() && !isStale());
        if (!outcome) return;
        handledHere.set(place, count + 1);
        resolveOffset(kafkaMessage.offset);
        if ((count + 1) % commitEvery === 0) await commitOffsetsIfNecessary();
      }
    } finally {
      clearInterval(beats);
    }
  }

  /** Whether it is handled or dead; else another may have it. */
  async function finish(
    message: EventMessage,
    begunBefore: boolean,
    signal: AbortSignal,
    isOurs: () => boolean,
  ): Promise<boolean> {
    if (!topics.has(message.topic)) return true;
    for (let again = begunBefore; !signal.aborted && isOurs(); again = true) {
      const outcome = await handle({ message, again, signal });
      if (outcome === 'cut short') return false;
      if (typeof outcome !== 'object') return true;
      await sleep(outcome.retryInMs, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  /** Listens until the member is out of the group for good. */
  async function listen(): Promise<void> {
    const consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: 500,
      allowAutoTopicCreation: false,
      retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: () => Promise.resolve(false) },
    });
    const crashed = Promise.withResolvers<unknown>();
    consumer.on('consumer.crash', ({ payload }) => crashed.resolve(payload.error));
    consumer.on('consumer.group_join', () => joined.resolve());
    const handledHere = new Map<string, number>();
    try {
      await options.makeTopics();
      await consumer.connect();
      await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
      await consumer.run({
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: subscribing.concurrency ?? defaultConcurrency,
        eachBatch: (payload) => eachBatch(payload, handledHere),
      });
      const error = await Promise.race([crashed.promise, whenAborted(closing.signal)]);
      if (error !== undefined) throw error;
    } finally {
      await leave(consumer);
    }
  }

  async function leave(consumer: Consumer): Promise<void> {
    await consumer
      .disconnect()
      .catch((error: unknown) => log.debug({ err: error, groupId }, 'a consumer left without a goodbye'));
  }

  async function work(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await listen();
      } catch (error) {
        log.warn({ group: subscribing.group, err: error }, 'events can’t be listened to; trying again');
        await sleep(againAfterMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  const worker = work();
  await Promise.race([joined.promise, sleep(startWithinMs, undefined, { ref: false })]);
  return {
    async close() {
      closing.abort();
      await worker;
    },
  };
}

function messageOf({ key, value, headers = {}, timestamp }: KafkaMessage): EventMessage {
  const text = (name: string): string => String(headers[name] ?? '');
  return {
    id: text('id'),
    topic: text('type'),
    key: key?.toString() ?? '',
    body: value ?? Buffer.alloc(0),
    traceparent: text('traceparent'),
    time: new Date(Number(timestamp)),
  };
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}
