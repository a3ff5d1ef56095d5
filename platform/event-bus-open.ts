import type { Logger } from 'pino';
import type { PostgresTarget } from './connection.postgres.ts';
import type { EngineState } from './engine.ts';
import type { BusConfig } from './event-bus-config.ts';
import { lazyEventFailures, openEventFailures } from './event-bus-failures.postgres.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';
import { openPostgresEventBus } from './event-bus.postgres.ts';
import { type EventBus, lazyEventBus } from './event-bus.ts';
import { contractPolicies } from './event-policy.ts';

/** The buses of the services of a process. */
export type EventBuses = {
  /**
   * The service's, which others may have too, and the engines that readiness shows. Without a configuration it lives in memory, for a
   * process without data. Throws a StartError where the engine answers and refuses.
   */
  open(
    service: string,
    config: BusConfig | undefined,
  ): Promise<{ readonly bus: EventBus; readonly engines: readonly EngineState[] }>;
  close(): Promise<void>;
};

export function createEventBuses(log: Logger): EventBuses {
  const shared = new Map<string, EventBus>();
  const own = new Set<EventBus>();

  function sharedBus({ url, ca }: PostgresTarget): EventBus {
    const bus =
      shared.get(url) ??
      (url === '' ? createMemoryEventBus() : lazyEventBus(() => openPostgresEventBus({ url, ca, log })));
    shared.set(url, bus);
    return bus;
  }

  return {
    async open(service, config) {
      const { EVENT_BUS_URL: url = '', EVENT_BUS_CA: ca, RABBITMQ_URL, KAFKA_BROKERS } = config ?? {};
      if (config === undefined || (RABBITMQ_URL === undefined && KAFKA_BROKERS === undefined))
        return { bus: sharedBus({ url, ca }), engines: [] };
      // Each service has a user of its own, and what it failed at has, too.
      const failures = lazyEventFailures(() => openEventFailures({ url, ca, log }));
      const given = { service, policies: contractPolicies, failures, log };
      const bus =
        RABBITMQ_URL === undefined
          ? await (await import('./event-bus.kafka.ts')).openKafkaEventBus({ ...given, config })
          : await (
              await import('./event-bus.amqp.ts')
            ).openRabbitEventBus({ ...given, config: { ...config, RABBITMQ_URL } });
      own.add(bus);
      return { bus, engines: bus.engines };
    },
    async close() {
      await Promise.all([...shared.values(), ...own].map((bus) => bus.close()));
    },
  };
}
