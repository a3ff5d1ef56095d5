import type { Logger } from 'pino';
import { type AmqpConnection, openAmqp } from './connection.amqp.ts';
import type { RabbitConfig } from './engine-config.ts';
import type { EngineState } from './engine.ts';
import { startConsuming, topologyError } from './event-bus-consuming.amqp.ts';
import type { EngineEventBus } from './event-bus-engine.ts';
import { deadEventsBy, type EventFailures } from './event-bus-failures.postgres.ts';
import { rabbitNames } from './event-bus-names.ts';
import { type EventPolicies, hearsOf, tellsOf } from './event-policy.ts';
import { createPublishing } from './event-bus-publishing.amqp.ts';
import { Fault } from './fault.ts';

export type RabbitEventBusOptions = {
  readonly config: RabbitConfig & { readonly RABBITMQ_URL: string };
  readonly policies: EventPolicies;
  /** Whose bus it is: connected at once where the contracts have it tell or hear something, so that what is wrong is said at the start. */
  readonly service: string;
  /** Where dead events and attempts are kept, opened when that is first needed. */
  readonly failures: EventFailures;
  readonly log: Logger;
};

/**
 * The event bus on RabbitMQ, as gen/mesh/rabbitmq has it: it makes nothing there. Events are told and heard on connections of their own,
 * since a broker that takes nothing stops reading from those who publish. What groups gave up stands in PostgreSQL.
 */
export async function openRabbitEventBus(options: RabbitEventBusOptions): Promise<EngineEventBus> {
  const { config, policies, service, failures, log } = options;
  const connections = new Map<'tells' | 'hears', Promise<AmqpConnection>>();
  const subscriptions = new Set<{ close(): Promise<void> }>();

  function connection(what: 'tells' | 'hears'): Promise<AmqpConnection> {
    const opening = connections.get(what) ?? openAmqp(config, log);
    connections.set(what, opening);
    opening.catch(() => connections.delete(what)); // the next one tries again
    return opening;
  }

  const publishing = createPublishing(() => connection('tells'));

  async function close(): Promise<void> {
    await Promise.all([...subscriptions].map((subscription) => subscription.close()));
    await Promise.all(
      [...connections.values()].map((opening) =>
        opening.then(
          (opened) => opened.close(),
          () => undefined,
        ),
      ),
    );
    await failures.close();
  }

  const engines: EngineState[] = [];
  try {
    const tells = tellsOf(service, policies);
    if (tells.length > 0) {
      const opened = await connection('tells');
      await assertExchange(opened, rabbitNames.eventsOf(service));
      engines.push(opened.state(false)); // events wait in the outbox
    }
    if (hearsOf(service, policies).length > 0) {
      const opened = await connection('hears');
      if (tells.length === 0) engines.push(opened.state(false));
    }
  } catch (error) {
    await close();
    throw error;
  }

  return {
    engines,

    publish: (messages) =>
      publishing.publish(messages, ({ topic }) => {
        const { publisher = '', subscribers = [] } = policies[topic] ?? {};
        if (publisher === '') throw new Error(`No contract makes ${topic} an event`);
        return { exchange: rabbitNames.eventsOf(publisher), routingKey: topic, mandatory: subscribers.length > 0 };
      }),

    async subscribe(subscribing) {
      const started = await startConsuming({ connection: await connection('hears'), subscribing, failures, log });
      const subscription = {
        async close() {
          subscriptions.delete(subscription);
          await started.close();
        },
      };
      subscriptions.add(subscription);
      return subscription;
    },

    ...deadEventsBy(failures, (letter) =>
      publishing.publish([letter], () => ({
        exchange: rabbitNames.replayOf(letter.group),
        routingKey: '',
        mandatory: true,
      })),
    ),

    close,
  };
}

async function assertExchange(connection: AmqpConnection, exchange: string): Promise<void> {
  try {
    const channel = await connection.current().createChannel();
    channel.on('error', () => undefined); // the question is rejected with it
    await channel.checkExchange(exchange);
    await channel.close();
  } catch (error) {
    if (error instanceof Fault) return; // RabbitMQ is away: events wait
    throw topologyError(exchange, error) ?? error;
  }
}
