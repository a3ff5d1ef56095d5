import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfirmChannel } from 'amqplib';
import type { AmqpConnection } from './connection.amqp.ts';
import { engineAway } from './engine.ts';
import type { EventMessage } from './event-bus.ts';
import { Fault } from './fault.ts';

export type Address = {
  readonly exchange: string;
  readonly routingKey: string;
  /** Whether some queue must get it: nothing is confirmed that the definitions don't lead anywhere. */
  readonly mandatory: boolean;
};

export type Publishing = {
  /** Resolves when RabbitMQ has confirmed all; any number of them, of which so many are in flight at a time. */
  publish(messages: readonly EventMessage[], to: (message: EventMessage) => Address): Promise<void>;
};

const engine = 'RabbitMQ';
const maxInFlight = 500; // what a publisher holds in memory, and what comes twice when the connection breaks
const confirmTimeoutMs = 10_000; // a broker whose memory or disk is full reads no further

/** Publishes with confirms, in order, on one channel of the connection that is open. */
export function createPublishing(connection: () => Promise<AmqpConnection>): Publishing {
  let current: { readonly channel: ConfirmChannel; readonly returned: Set<string> } | undefined;
  let opening: Promise<NonNullable<typeof current>> | undefined;

  async function open(): Promise<NonNullable<typeof current>> {
    const model = (await connection()).current();
    const channel = await model.createConfirmChannel().catch((error: unknown) => {
      throw engineAway(engine, error);
    });
    const opened = { channel, returned: new Set<string>() };
    channel.on('error', () => undefined); // each publish under way is rejected, and says why
    channel.on('return', ({ properties }) => void opened.returned.add(String(properties.messageId)));
    channel.on('close', () => {
      if (current === opened) current = undefined;
    });
    current = opened;
    return opened;
  }

  async function publishSome(messages: readonly EventMessage[], to: (message: EventMessage) => Address): Promise<void> {
    (await connection()).current(); // refuses at once while RabbitMQ takes nothing
    const { channel, returned } = current ?? (await (opening ??= open().finally(() => (opening = undefined))));
    const closed = whenClosed(channel);
    const confirmed: Promise<void>[] = [];
    try {
      for (const message of messages) {
        const { exchange, routingKey, mandatory } = to(message);
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        promise.catch(() => undefined); // all are awaited below, unless one before was refused
        confirmed.push(promise);
        const hasRoom = channel.publish(
          exchange,
          routingKey,
          bodyOf(message),
          propertiesOf(message, mandatory),
          (error) => {
            if (returned.delete(message.id)) reject(unroutable(message, exchange));
            else if (error === null || error === undefined) resolve();
            else reject(engineAway(engine, error));
          },
        );
        if (!hasRoom) await within(Promise.race([closed.promise, drained(channel)]));
      }
      await within(Promise.race([closed.promise, Promise.all(confirmed)]));
    } catch (error) {
      if (error instanceof Fault && error.reason === 'EVENT_UNROUTABLE') throw error;
      if (current?.channel === channel) current = undefined;
      channel.close().catch(() => undefined); // or what was never confirmed would be held for ever
      throw error instanceof Fault ? error : engineAway(engine, error);
    } finally {
      closed.forget();
    }
  }

  return {
    async publish(messages, to) {
      for (let first = 0; first < messages.length; first += maxInFlight)
        await publishSome(messages.slice(first, first + maxInFlight), to);
    },
  };
}

function bodyOf({ body }: EventMessage): Buffer {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function propertiesOf({ id, topic, key, traceparent, time }: EventMessage, mandatory: boolean) {
  return {
    messageId: id,
    type: topic,
    contentType: 'application/x-protobuf',
    persistent: true,
    mandatory,
    headers: { key, traceparent, time: time.toISOString() },
  };
}

function unroutable({ topic, id }: EventMessage, exchange: string): Fault {
  return new Fault(
    'unavailable',
    'EVENT_UNROUTABLE',
    `RabbitMQ leads ${topic} from the exchange ${exchange} to no queue, though somebody listens to it: import gen/mesh/rabbitmq/definitions.json. It waits until then.`,
    { metadata: { topic, event_id: id }, retryAfterMs: 5_000 },
  );
}

function drained(channel: ConfirmChannel): Promise<void> {
  return new Promise((resolve) => channel.once('drain', () => resolve()));
}

async function within<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(confirmTimeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`RabbitMQ has not confirmed within ${confirmTimeoutMs / 1_000} s`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
  }
}

function whenClosed(channel: ConfirmChannel): { readonly promise: Promise<never>; forget(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  let reason: unknown = new Error('the channel was closed');
  const onError = (error: unknown): void => void (reason = error);
  const onClose = (): void => reject(engineAway(engine, reason));
  channel.once('error', onError);
  channel.once('close', onClose);
  return {
    promise,
    forget() {
      channel.off('error', onError);
      channel.off('close', onClose);
    },
  };
}
