import type { Logger } from 'pino';
import type { BusConfig } from './event-bus-config.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';
import { openPostgresEventBus } from './event-bus.postgres.ts';
import { type EventBus, lazyEventBus } from './event-bus.ts';

/** The buses of the services of a process. */
export type EventBuses = {
  /** The service's, which others may have too. Without a configuration it lives in memory, for a process without data. */
  of(service: string, config: BusConfig | undefined): EventBus;
  close(): Promise<void>;
};

export function createEventBuses(log: Logger): EventBuses {
  const open = new Map<string, EventBus>();
  return {
    of(_service, config) {
      const url = config?.EVENT_BUS_URL ?? '';
      const bus =
        open.get(url) ?? (url === '' ? createMemoryEventBus() : lazyEventBus(() => openPostgresEventBus({ url, log })));
      open.set(url, bus);
      return bus;
    },
    async close() {
      await Promise.all([...open.values()].map((bus) => bus.close()));
    },
  };
}
