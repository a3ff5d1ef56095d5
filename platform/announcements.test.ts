import { expect, test } from '@jest/globals';
import { announcementsOn, announcing } from './announcements.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';
import type { EventMessage } from './event-bus.ts';
import { createMemoryPubSub } from './pubsub.memory.ts';
import { silentLog } from './telemetry/log.ts';

const event = (topic: string, key: string): EventMessage => ({
  id: `evt_${topic}_${key}`,
  topic,
  key,
  body: new Uint8Array(),
  traceparent: '',
  time: new Date(),
});

test('what the bus was handed is announced: what each event is about, once, to who asked for its topic', async () => {
  const pubsub = createMemoryPubSub();
  const bus = announcing(createMemoryEventBus(), pubsub, silentLog());
  const heard: string[] = [];
  const stop = await announcementsOn(pubsub).hear(['a.Made', 'a.Gone'], {
    heard: (id) => heard.push(id),
    lost: () => undefined,
  });
  await bus.publish([event('a.Made', '1'), event('a.Made', '1'), event('b.Made', '2'), event('a.Gone', '3')]);
  expect(heard).toEqual(['1', '3']);
  await stop();
  await bus.publish([event('a.Made', '4')]);
  expect(heard).toEqual(['1', '3']);
  await bus.close();
});

test('an event is handed on whether or not it can be announced', async () => {
  const pubsub = { ...createMemoryPubSub(), publish: () => Promise.reject(new Error('away')) };
  const bus = announcing(createMemoryEventBus(), pubsub, silentLog());
  await bus.publish([event('a.Made', '1')]);
  await bus.close();
});
