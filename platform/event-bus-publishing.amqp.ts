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

type Open = {
  readonly channel: ConfirmChannel;
  /** Events that no queue took. */
  readonly returned: Set<string>;
  /** Who waits for confirms, to be told when the channel has gone. */
  readonly waiting: Set<(error: unknown) => void>;
};

/** Publishes with confirms, in order, on one channel of the connection that is open. */
export function createPublishing(connection: () => Promise<AmqpConnection>): Publishing {
  let current: Open | undefined;
  let opening: Promise<Open> | undefined;

  async function open(): Promise<Open> {
    const model = (await connection()).current();
    const channel = await model.createConfirmChannel().catch((error: unknown) => {
      throw engineAway(engine, error);
    });
    channel.setMaxListeners(0); // each of any number of publishers may wait for it to drain
    const opened: Open = { channel, returned: new Set(), waiting: new Set() };
    let reason: unknown = new Error('the channel was closed');
    channel.on('error', (error) => (reason = error));
    channel.on('return', ({ properties }) => void opened.returned.add(String(properties.messageId)));
    channel.on('close', () => {
      if (current === opened) current = undefined;
      for (const reject of opened.waiting) reject(engineAway(engine, reason));
    });
    current = opened;
    return opened;
  }

  async function publishSome(messages: readonly EventMessage[], to: (message: EventMessage) => Address): Promise<void> {
    (await connection()).current(); // refuses at once while RabbitMQ takes nothing
    const { channel, returned, waiting } = current ?? (await (opening ??= open().finally(() => (opening = undefined))));
    const { promise: confirmed, resolve, reject } = Promise.withResolvers<void>();
    confirmed.catch(() => undefined); // it is awaited below
    waiting.add(reject);
    const timer = setTimeout(() => reject(notConfirmed()), confirmTimeoutMs);
    let left = messages.length;
    try {
      for (const message of messages) {
        const { exchange, routingKey, mandatory } = to(message);
        const properties = propertiesOf(message, mandatory);
        const hasRoom = channel.publish(exchange, routingKey, bodyOf(message), properties, (error) => {
          if (returned.delete(message.id)) reject(unroutable(message, exchange));
          else if (error !== null && error !== undefined) reject(engineAway(engine, error));
          else if (--left === 0) resolve();
        });
        if (hasRoom) continue;
        await Promise.race([confirmed, drained(channel)]);
        timer.refresh();
      }
      await confirmed;
    } catch (error) {
      if (error instanceof Fault && error.reason === 'EVENT_UNROUTABLE') throw error;
      if (current?.channel === channel) current = undefined;
      channel.close().catch(() => undefined); // or what was never confirmed would be held for ever
      throw error instanceof Fault ? error : engineAway(engine, error);
    } finally {
      clearTimeout(timer);
      waiting.delete(reject);
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

function notConfirmed(): Error {
  return new Error(`RabbitMQ has not confirmed within ${confirmTimeoutMs / 1_000} s`);
}
