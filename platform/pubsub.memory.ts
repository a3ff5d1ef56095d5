import { assertCarriable, type Listener, type PubSub } from './pubsub.ts';

/** Tells within this process. */
export function createMemoryPubSub(): PubSub {
  const channels = new Map<string, Set<Listener>>();
  return {
    async publish(channel, messages) {
      assertCarriable(channel, messages);
      for (const message of messages) for (const { heard } of [...(channels.get(channel) ?? [])]) heard(message);
    },
    async subscribe(channel, listener) {
      assertCarriable(channel, []);
      const own = { ...listener };
      const listeners = channels.get(channel) ?? new Set();
      channels.set(channel, listeners.add(own));
      return async () => {
        listeners.delete(own);
        if (listeners.size === 0 && channels.get(channel) === listeners) channels.delete(channel);
      };
    },
    async close() {
      channels.clear();
    },
  };
}
