import { pino } from 'pino';
import { openRabbitEventBus } from '#platform/event-bus.amqp.ts';
import type { EngineEventBus } from '#platform/event-bus-engine.ts';
import { openEventFailures } from '#platform/event-bus-failures.postgres.ts';
import type { EventBus } from '#platform/event-bus.ts';
import type { EventPolicies } from '#platform/event-policy.ts';
import type { Database } from '#platform/pool.postgres.ts';
import { openTestDatabase } from '#platform/testing/database.ts';
import { definitionsOf } from '../../mesh/planes/rabbitmq.ts';
import { openTestVhost, type TestVhost } from './vhost.ts';

const told = (subscribers: readonly string[]) => ({ publisher: 'suite', subscribers, at: 'suite.proto:1' });

/** Who hears what in the contract suite: there the groups of a bus say so themselves, here the contracts must. */
const suitePolicies: EventPolicies = {
  made: told(['a', 'b', 'shop']),
  gone: told(['b', 'c']),
  ...Object.fromEntries(['a', 'shop', 'shop-mail', 'shopping', 'user'].map((group) => [`for ${group}`, told([group])])),
};

export type TestBus = {
  readonly vhost: TestVhost;
  /** A bus as another process would have it; through another port where that is given. */
  open(options?: { readonly port?: number; readonly service?: string }): Promise<EngineEventBus>;
  /** What a handler of a service asks. */
  readonly database: Database;
  close(): Promise<void>;
};

const opened: { close(): Promise<void> }[] = [];

export async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((each) => each.close()));
}

/** A virtual host with what the policies need, and a database for what groups fail at. */
export async function openTestBus(policies: EventPolicies): Promise<TestBus> {
  const events = Object.entries(policies).map(([topic, policy]) => ({ topic, ...policy }));
  const [vhost, database] = await Promise.all([
    openTestVhost((name) => {
      const { exchanges, queues, bindings } = definitionsOf(events, name);
      return { exchanges, queues, bindings };
    }),
    openTestDatabase('event_bus', new URL('../../platform/event-bus-migrations/', import.meta.url)),
  ]);
  const log = pino({ level: process.env['LOG_LEVEL'] ?? 'silent' });
  const buses = new Set<EngineEventBus>();
  const bus: TestBus = {
    vhost,
    database,
    async open({ port, service = 'nobody' } = {}) {
      const failures = await openEventFailures({ url: database.url, log });
      const url = new URL(vhost.config.RABBITMQ_URL);
      if (port !== undefined) url.port = String(port);
      const config = { ...vhost.config, RABBITMQ_URL: url.href };
      const one = await openRabbitEventBus({ config, policies, service, failures, log });
      buses.add(one);
      return one;
    },
    async close() {
      await Promise.all([...buses].map((each) => each.close()));
      await Promise.all([vhost.close(), database.close()]);
    },
  };
  opened.push(bus);
  return bus;
}

export async function openSuiteBus(): Promise<EventBus> {
  return (await openTestBus(suitePolicies)).open();
}
