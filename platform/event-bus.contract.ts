import { expect, test } from '@jest/globals';
import type { EventBus, EventMessage } from './event-bus.ts';
import { newId } from './ids.ts';

/** What every adapter of the port promises. `open` gives a bus of the test's own. */
export function eventBusContract(open: () => Promise<EventBus>): void {
  const claim = (name: string, run: (bus: EventBus) => Promise<void>): void =>
    test(name, async () => {
      const bus = await open();
      try {
        await run(bus);
      } finally {
        await bus.close();
      }
    });

  claim('an event reaches each group that asks for its topic, and no other', async (bus) => {
    const [a, b, c] = [collect(1), collect(1), collect(1)];
    await bus.subscribe({ group: 'a', topics: ['made'], handle: a.handle });
    await bus.subscribe({ group: 'b', topics: ['made', 'gone'], handle: b.handle });
    await bus.subscribe({ group: 'c', topics: ['gone'], handle: c.handle });
    const made = event('made', 'x');
    await bus.publish([made]);
    expect(await a.all).toEqual([expect.objectContaining({ id: made.id, topic: 'made', key: 'x', time: made.time })]);
    expect(Buffer.from((await b.all)[0]?.body ?? []).toString()).toBe('x');
    expect(c.got).toEqual([]);
  });

  claim('of two subscribers of one group, one gets each event', async (bus) => {
    const both = collect(20);
    await bus.subscribe({ group: 'a', topics: ['made'], handle: both.handle });
    await bus.subscribe({ group: 'a', topics: ['made'], handle: both.handle });
    const events = Array.from({ length: 20 }, (_, index) => event('made', `key ${index}`));
    await bus.publish(events);
    expect(new Set((await both.all).map(({ id }) => id))).toEqual(new Set(events.map(({ id }) => id)));
    expect(both.got).toHaveLength(20);
  });

  claim('events wait for a group that does not listen just now', async (bus) => {
    const first = await bus.subscribe({ group: 'a', topics: ['made'], handle: () => Promise.resolve() });
    await first.close();
    const missed = event('made', 'x');
    await bus.publish([missed]);
    const later = collect(1);
    await bus.subscribe({ group: 'a', topics: ['made'], handle: later.handle });
    expect(await later.all).toEqual([expect.objectContaining({ id: missed.id })]);
  });

  claim('events of one key come in order, also when one fails at first', async (bus) => {
    const events = Array.from({ length: 12 }, (_, index) => event('made', `key ${index % 3}`));
    const all = collect(12);
    const failed = new Set<string>();
    await bus.subscribe({
      group: 'a',
      topics: ['made'],
      retryMs: () => 1,
      handle: async (message, signal) => {
        if (!failed.has(message.id) && failed.size < 6) {
          failed.add(message.id);
          throw new Error('not yet');
        }
        await all.handle(message, signal);
      },
    });
    await bus.publish(events);
    await all.all;
    for (const key of ['key 0', 'key 1', 'key 2']) {
      expect(all.got.filter((message) => message.key === key).map(({ id }) => id)).toEqual(
        events.filter((message) => message.key === key).map(({ id }) => id),
      );
    }
  });

  claim('an event that keeps failing becomes a dead letter, and the next of its key goes on', async (bus) => {
    const [bad, good] = [event('made', 'x'), event('made', 'x')];
    const rest = collect(1);
    let tries = 0;
    await bus.subscribe({
      group: 'a',
      topics: ['made'],
      attempts: 3,
      retryMs: () => 1,
      handle: async (message, signal) => {
        if (message.id !== bad.id) return rest.handle(message, signal);
        tries++;
        throw new Error('never');
      },
    });
    await bus.publish([bad, good]);
    expect(await rest.all).toEqual([expect.objectContaining({ id: good.id })]);
    expect(tries).toBe(3);
    expect(await bus.deadLetters('a', 10)).toEqual([
      expect.objectContaining({ id: bad.id, key: 'x', attempts: 3, error: 'Error: never' }),
    ]);
    expect(await bus.deadLetters('b', 10)).toEqual([]);
  });

  claim('a close waits for what is being handled, and tells it', async (bus) => {
    const begun = Promise.withResolvers<AbortSignal>();
    let ended = false;
    const subscription = await bus.subscribe({
      group: 'a',
      topics: ['made'],
      handle: async (_message, signal) => {
        begun.resolve(signal);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended = true;
      },
    });
    await bus.publish([event('made', 'x')]);
    expect((await begun.promise).aborted).toBe(false);
    await subscription.close();
    expect(ended).toBe(true);
  });
}

function event(topic: string, key: string): EventMessage {
  return {
    id: newId('evt'),
    topic,
    key,
    body: Buffer.from(key),
    traceparent: '',
    time: new Date('2026-01-01T00:00:00Z'),
  };
}

function collect(count: number) {
  const got: EventMessage[] = [];
  const { promise: all, resolve } = Promise.withResolvers<EventMessage[]>();
  return {
    got,
    all,
    async handle(message: EventMessage, _signal?: AbortSignal): Promise<void> {
      got.push(message);
      if (got.length === count) resolve(got);
    },
  };
}
