import type { EventMessage } from '#platform/event-bus.ts';
import { newId } from '#platform/ids.ts';

/** Events of many keys, numbered within each, so that a reader sees what is missing, doubled or out of order. */
export function numberedEvents(topic: string, count: number, keys: number): EventMessage[] {
  return Array.from({ length: count }, (_, index) => ({
    id: newId('evt'),
    topic,
    key: `key ${index % keys}`,
    body: Buffer.from(String(Math.floor(index / keys))),
    traceparent: '',
    time: new Date(),
  }));
}

/** What a consumer with an inbox makes of these events, whatever else comes: each effect once, and whether those of a key were in order. */
export function createEffects(events: readonly EventMessage[]) {
  const expected = new Set(events.map(({ id }) => id));
  const seen = new Set<string>();
  const last = new Map<string, number>();
  const outOfOrder: string[] = [];
  let deliveries = 0;
  const { promise: all, resolve } = Promise.withResolvers<void>();
  return {
    all,
    outOfOrder,
    effects: () => seen.size,
    deliveries: () => deliveries,
    take({ id, key, body }: EventMessage): void {
      if (!expected.has(id)) return;
      deliveries++;
      if (seen.has(id)) return;
      seen.add(id);
      const number = Number(Buffer.from(body).toString());
      const before = last.get(key) ?? -1;
      if (number !== before + 1) outOfOrder.push(`${key}: ${number} after ${before}`);
      last.set(key, number);
      if (seen.size === expected.size) resolve();
    },
  };
}
