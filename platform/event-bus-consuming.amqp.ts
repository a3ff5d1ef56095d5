import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import type { AmqpConnection } from './connection.amqp.ts';
import type { EventFailures } from './event-bus-failures.postgres.ts';
import { createHandling } from './event-bus-handling.ts';
import { createLanes } from './event-bus-lanes.ts';
import { rabbitNames } from './event-bus-names.ts';
import { defaultConcurrency, type EventMessage, neverEnded, type Subscribing } from './event-bus.ts';
import { StartError } from './start-error.ts';

export type ConsumingOptions = {
  readonly connection: AmqpConnection;
  readonly subscribing: Subscribing;
  readonly failures: EventFailures;
  readonly log: Logger;
};

/** Events of other keys go on while some wait for another try, as long as no more than these are held in all. */
const prefetch = 256;
const rememberedEvents = 1_000; // handled when RabbitMQ could not be told; more were never in flight
const againAfterMs = 500;
const startWithinMs = 5_000;
const settleMs = 5_000; // what a handler may take to hear that another may get its event

type Item = { readonly delivery: ConsumeMessage; readonly message: EventMessage; again: boolean };

/** Listens to the queue of a group until it is closed, on one channel after another. Throws a StartError when there is no such queue. */
export async function startConsuming({
  connection,
  subscribing,
  failures,
  log,
}: ConsumingOptions): Promise<{ close(): Promise<void> }> {
  const { group, concurrency = defaultConcurrency } = subscribing;
  const closing = new AbortController();
  const topics = new Set(subscribing.topics);
  const handle = createHandling({ subscribing, failures, log });
  const handled = new Set<string>(); // and RabbitMQ does not know

  /** Listens until the channel ends, however it ends. */
  async function listen(onListening: () => void): Promise<void> {
    const model = await Promise.race([connection.opened(), whenAborted(closing.signal)]);
    if (model === undefined) return;
    const channel = await model.createChannel();
    const ended = new AbortController();
    let reason: unknown;
    channel.on('error', (error) => (reason = error));
    channel.on('close', () => ended.abort());
    const stopped = AbortSignal.any([ended.signal, closing.signal]);
    const lanes = createLanes<Item>({ concurrency, run });

    function ack(delivery: ConsumeMessage): boolean {
      if (ended.signal.aborted) return false;
      channel.ack(delivery);
      return true;
    }

    async function run(item: Item): Promise<number | undefined> {
      const { message, delivery, again } = item;
      if (stopped.aborted) return undefined;
      const isKnown = again && handled.delete(message.id);
      const outcome =
        isKnown || !topics.has(message.topic) ? 'handled' : await handle({ message, again, signal: stopped });
      if (typeof outcome === 'object') {
        item.again = true;
        return outcome.retryInMs;
      }
      if (outcome !== 'cut short' && !ack(delivery)) remember(message.id);
      return undefined;
    }

    /** What the broker gave up: delivered again and again, it may well be what ended each process. */
    async function putAway(delivery: ConsumeMessage): Promise<void> {
      const attempts = Number(delivery.properties.headers?.['x-delivery-count'] ?? 0) + 1;
      const letter = { ...messageOf(delivery), group, attempts, error: String(new Error(neverEnded)) };
      while (!stopped.aborted) {
        try {
          await failures.bury(letter);
          ack(delivery);
          return;
        } catch (error) {
          log.warn({ group, eventId: letter.id, err: error }, 'a dead event can’t be put away; trying again');
          await sleep(againAfterMs, undefined, { signal: stopped }).catch(() => undefined);
        }
      }
    }

    try {
      await channel.prefetch(prefetch);
      const onCancel = (): void => void channel.close().catch(() => undefined); // the queue was deleted, or moved
      await channel.consume(group, (delivery) => {
        if (delivery === null) return onCancel();
        const message = messageOf(delivery);
        lanes.add(message.key, { delivery, message, again: delivery.fields.redelivered });
      });
      const burials = new Set<Promise<void>>();
      await channel.consume(rabbitNames.deadOf(group), (delivery) => {
        if (delivery === null) return onCancel();
        const burial = putAway(delivery).finally(() => burials.delete(burial));
        burials.add(burial);
      });
      onListening();
      // Not canceled before it is closed: the next process would begin with what is new, and get what this one held afterwards.
      await whenAborted(stopped);
      await Promise.race([
        Promise.all([lanes.close(), ...burials]),
        ...(closing.signal.aborted ? [] : [sleep(settleMs, undefined, { ref: false })]),
      ]);
      // A consumer that waits behind ours: the queue says so after it has taken our acknowledgements, or closing would bring those events again.
      if (!ended.signal.aborted) {
        const { consumerTag } = await channel.consume(group, () => undefined);
        await channel.cancel(consumerTag);
      }
      if (!ended.signal.aborted) await channel.close();
    } catch (error) {
      await lanes.close();
      if (!ended.signal.aborted) channel.close().catch(() => undefined);
      throw reason ?? error;
    }
    if (!closing.signal.aborted) throw reason ?? new Error('the channel was closed');
  }

  function remember(id: string): void {
    handled.add(id);
    const [oldest] = handled;
    if (handled.size > rememberedEvents && oldest !== undefined) handled.delete(oldest);
  }

  const started = Promise.withResolvers<void>();
  started.promise.catch(() => undefined); // nobody asks while RabbitMQ is away

  async function work(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await listen(() => started.resolve());
      } catch (error) {
        if (closing.signal.aborted) return;
        started.reject(topologyError(group, error) ?? undefined);
        log.warn({ group, err: topologyError(group, error) ?? error }, 'events can’t be listened to; trying again');
        await sleep(againAfterMs, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  const worker = work();
  async function close(): Promise<void> {
    closing.abort();
    await worker;
  }

  // While RabbitMQ is away, or hangs, it goes on in the background.
  const refused = connection.isOpen()
    ? await Promise.race([
        started.promise.then(
          () => undefined,
          (error: unknown) => error,
        ),
        sleep(startWithinMs, undefined, { ref: false }),
      ])
    : undefined;
  if (refused instanceof StartError) {
    await close();
    throw refused;
  }
  return { close };
}

function messageOf({ properties, fields, content }: ConsumeMessage): EventMessage {
  const { key, traceparent, time } = properties.headers ?? {};
  const id: unknown = properties.messageId;
  const topic: unknown = properties.type;
  const then = new Date(String(time));
  return {
    id: typeof id === 'string' ? id : createHash('sha256').update(content).digest('hex'),
    topic: typeof topic === 'string' ? topic : fields.routingKey,
    key: typeof key === 'string' ? key : '',
    body: content,
    traceparent: typeof traceparent === 'string' ? traceparent : '',
    time: Number.isNaN(then.getTime()) ? new Date() : then,
  };
}

/** What is to be done where the definitions don't fit; undefined for any other error. */
export function topologyError(what: string, error: unknown): StartError | undefined {
  const text = error instanceof Error ? error.message : '';
  const say = (wrong: string) =>
    new StartError(`RabbitMQ ${wrong}. Import gen/mesh/rabbitmq/definitions.json; the README beside it says how.`, {
      cause: error,
    });
  if (text.includes('NOT_FOUND')) return say(`has nothing for ${what} (${quoted(text)})`);
  if (text.includes('ACCESS_REFUSED')) return say(`does not let this user do what ${what} needs (${quoted(text)})`);
  return undefined;
}

function quoted(text: string): string {
  return /"(.*)"/.exec(text)?.[1] ?? text;
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
}
