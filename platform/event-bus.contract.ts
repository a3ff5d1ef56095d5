import { expect, test } from '@jest/globals';
import { type DeadEvent, type EventBus, eventBusOf, type EventMessage } from './event-bus.ts';
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
        throw new Error('ne\0ver'); // no text in PostgreSQL holds U+0000
      },
    });
    await bus.publish([bad, good]);
    expect(await rest.all).toEqual([expect.objectContaining({ id: good.id })]);
    expect(tries).toBe(3);
    expect(await bus.deadEvents({ service: 'a', limit: 10 })).toEqual([
      expect.objectContaining({ group: 'a', id: bad.id, key: 'x', attempts: 3, error: 'Error: never' }),
    ]);
    expect(await bus.deadEvents({ service: 'b', limit: 10 })).toEqual([]);
  });

  claim('dead events are found by the service whose groups gave them up, page by page', async (bus) => {
    await giveUp(bus, 'shop', 2);
    await giveUp(bus, 'shop-mail', 2);
    await giveUp(bus, 'shopping', 1);
    const all = await bus.deadEvents({ service: 'shop', limit: 10 });
    expect(all.map(({ group }) => group)).toEqual(['shop', 'shop', 'shop-mail', 'shop-mail']);
    expect(all[0]).toEqual(
      expect.objectContaining({ topic: 'for shop', time: expect.any(Date), deadTime: expect.any(Date) }),
    );
    const first = await bus.deadEvents({ service: 'shop', limit: 3 });
    const rest = await bus.deadEvents({ service: 'shop', limit: 3, after: first.at(-1) });
    expect([...first, ...rest].map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(await bus.countDeadEvents('shop', 10)).toBe(4);
    expect(await bus.countDeadEvents('shop', 3)).toBe(3);
    const [one] = all;
    expect(one && (await bus.deadEvent(one))?.id).toBe(one?.id);
    expect(await bus.deadEvent({ group: 'shopping', id: one?.id ?? '' })).toBeUndefined();
  });

  claim('a dead event that is replayed is handled again, its attempts begun anew', async (bus) => {
    let broken = true;
    let tries = 0;
    const later = collect(1);
    const dead = await giveUp(bus, 'a', 1, async (message) => {
      tries++;
      if (broken) throw new Error('broken');
      await later.handle(message);
    });
    broken = false;
    tries = 0;
    const [letter] = dead;
    if (letter === undefined) throw new Error('nothing died');
    expect(await bus.replay({ group: 'b', id: letter.id })).toBe(false);
    expect(await bus.replay(letter)).toBe(true);
    expect(await later.all).toEqual([
      expect.objectContaining({ id: letter.id, topic: letter.topic, key: letter.key, time: letter.time }),
    ]);
    expect(tries).toBe(1);
    expect(await bus.replay(letter)).toBe(false);
    expect(await bus.deadEvents({ service: 'a', limit: 10 })).toEqual([]);
  });

  claim('a dead event that is replayed and fails again is dead again', async (bus) => {
    const [letter] = await giveUp(bus, 'a', 1);
    if (letter === undefined) throw new Error('nothing died');
    await bus.replay(letter);
    const [again] = await died(bus, 'a', 1);
    expect(again).toEqual(expect.objectContaining({ id: letter.id, attempts: 2 }));
  });

  claim('a dead event that is dropped is gone', async (bus) => {
    const [letter] = await giveUp(bus, 'a', 1);
    if (letter === undefined) throw new Error('nothing died');
    expect(await bus.drop({ group: 'b', id: letter.id })).toBe(false);
    expect(await bus.drop(letter)).toBe(true);
    expect(await bus.drop(letter)).toBe(false);
    expect(await bus.deadEvent(letter)).toBeUndefined();
  });

  claim('a service subscribes with its own groups, and touches no other’s dead events', async (bus) => {
    const [own, others] = [await giveUp(bus, 'shop-mail', 1), await giveUp(bus, 'user', 1)];
    const shop = eventBusOf('shop', bus, { made: { publisher: 'shop', subscribers: ['shop'], at: 'made.proto:1' } });
    expect(await shop.countDeadEvents('shop', 10)).toBe(0); // it listens to nobody yet
    await shop.subscribe({ group: 'shop', topics: ['made'], handle: () => Promise.resolve() });
    await expect(shop.subscribe({ group: 'user', topics: ['made'], handle: () => Promise.resolve() })).rejects.toThrow(
      'names its groups',
    );
    const [theirs] = others;
    if (theirs === undefined) throw new Error('nothing died');
    expect((await shop.deadEvents({ service: 'user', limit: 10 })).map(({ id }) => id)).toEqual(
      own.map(({ id }) => id),
    );
    expect(await shop.countDeadEvents('user', 10)).toBe(1);
    expect(await shop.deadEvent(theirs)).toBeUndefined();
    expect(await shop.replay(theirs)).toBe(false);
    expect(await shop.drop(theirs)).toBe(false);
    expect(await bus.countDeadEvents('user', 10)).toBe(1);
    expect(() => eventBusOf('shop-mail', bus)).toThrow('dash');
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

  claim('what a close cuts short comes to the next subscriber at once, and is no failure', async (bus) => {
    const begun = Promise.withResolvers<void>();
    const subscription = await bus.subscribe({
      group: 'a',
      topics: ['made'],
      attempts: 1,
      retryMs: () => 3_600_000,
      handle: (_message, signal) =>
        new Promise((_, reject) => {
          begun.resolve();
          signal.addEventListener('abort', () => reject(new Error('cut short')));
        }),
    });
    const made = event('made', 'x');
    await bus.publish([made]);
    await begun.promise;
    await subscription.close();
    const later = collect(1);
    await bus.subscribe({ group: 'a', topics: ['made'], handle: later.handle });
    expect(await later.all).toEqual([expect.objectContaining({ id: made.id })]);
    expect(await bus.deadEvents({ service: 'a', limit: 10 })).toEqual([]);
  });
}

/** Has a group give up so many events, and returns them. */
async function giveUp(
  bus: EventBus,
  group: string,
  count: number,
  handle: (message: EventMessage) => Promise<void> = () => Promise.reject(new Error('broken')),
): Promise<DeadEvent[]> {
  const topic = `for ${group}`;
  await bus.subscribe({ group, topics: [topic], attempts: 2, retryMs: () => 1, handle });
  await bus.publish(Array.from({ length: count }, (_, index) => event(topic, `key ${index}`)));
  return died(bus, group, count);
}

/** Waits until the group has given up so many: nobody is told of it, so it is asked for again and again. */
async function died(bus: EventBus, group: string, count: number): Promise<DeadEvent[]> {
  for (;;) {
    const dead = (await bus.deadEvents({ service: group, limit: 100 })).filter((each) => each.group === group);
    if (dead.length >= count) return dead;
    await new Promise((resolve) => setImmediate(resolve));
  }
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
