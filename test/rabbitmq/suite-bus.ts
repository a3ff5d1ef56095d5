import { pino } from 'pino';
import { openRabbitEventBus } from '#platform/event-bus.amqp.ts';
import { openEventFailures } from '#platform/event-bus-failures.postgres.ts';
import type { EventBus } from '#platform/event-bus.ts';
import type { EventPolicies } from '#platform/event-policy.ts';
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
  /** Another process's bus. */
  open(): Promise<EventBus>;
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
  const buses = new Set<EventBus>();
  const bus: TestBus = {
    vhost,
    async open() {
      const failures = await openEventFailures({ url: database.url, log });
      const one = await openRabbitEventBus({ config: vhost.config, policies, service: 'nobody', failures, log });
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
