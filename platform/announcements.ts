import type { Logger } from 'pino';
import type { EventBus, EventMessage } from './event-bus.ts';
import type { Listener, PubSub } from './pubsub.ts';

/** Hears of events at once, in all processes, and without keeping any: a hint that something kept is old. What must be heard is consumed. */
export type Announcements = {
  /** Calls the listener with what each event of these topics is about. */
  hear(topics: readonly string[], listener: Listener): Promise<() => Promise<void>>;
};

const channelOf = (topic: string): string => `event.${topic}`;
const longestChannel = 63;

export function announcementsOn(pubsub: PubSub): Announcements {
  return {
    async hear(topics, listener) {
      const stops = await Promise.all(topics.map((topic) => pubsub.subscribe(channelOf(topic), listener)));
      return async () => void (await Promise.all(stops.map((stop) => stop())));
    },
  };
}

/** The bus, which announces what it was handed. That may fail: nobody waits for it, and nobody may count on it. */
export function announcing(bus: EventBus, pubsub: PubSub, log: Logger): EventBus {
  return {
    ...bus,
    async publish(messages) {
      await bus.publish(messages);
      for (const [topic, keys] of keysByTopic(messages)) {
        pubsub
          .publish(channelOf(topic), keys)
          .catch((error: unknown) => log.debug({ err: error, topic }, 'an event could not be announced'));
      }
    },
  };
}

function keysByTopic(messages: readonly EventMessage[]): ReadonlyMap<string, readonly string[]> {
  const keys = new Map<string, string[]>();
  for (const { topic, key } of messages) {
    if (key === '' || channelOf(topic).length > longestChannel) continue;
    const some = keys.get(topic) ?? [];
    if (!some.includes(key)) keys.set(topic, [...some, key]);
  }
  return keys;
}
