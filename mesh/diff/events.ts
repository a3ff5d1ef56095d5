import type { Change, Part } from './change.ts';
import type { MeshEvent, MeshModel } from '../model.ts';

/** What changed about who tells an event and who hears of it. */
export function eventChanges(before: MeshModel, after: MeshModel): readonly Change[] {
  const topics = [...new Set([...before.events, ...after.events].map(({ topic }) => topic))].sort();
  return topics.flatMap((topic) => {
    const [was, now] = [before, after].map(({ events }) => events.find((each) => each.topic === topic));
    return changesOf(was, now).map((part) => ({ ...part, subject: topic }));
  });
}

function changesOf(was: MeshEvent | undefined, now: MeshEvent | undefined): Part[] {
  if (now === undefined) {
    if (was === undefined) return [];
    return [{ name: 'event-removed', effect: 'tightens', detail: '', text: 'is told no more', source: was.source }];
  }
  const { source, publisher, subscribers } = now;
  if (was === undefined) {
    const text = `is new: told by ${publisher}, heard by ${subscribers.join(', ') || 'nobody'}`;
    return [{ name: 'event-added', effect: 'loosens', detail: '', text, source }];
  }
  const added = subscribers.filter((each) => !was.subscribers.includes(each));
  const removed = was.subscribers.filter((each) => !subscribers.includes(each));
  return [
    ...(publisher === was.publisher
      ? []
      : [
          {
            name: 'publisher-changed',
            effect: 'loosens',
            detail: publisher,
            text: `is told by ${publisher}, no longer by ${was.publisher}`,
            source,
          } as const,
        ]),
    ...added.map(
      (each) =>
        ({ name: 'subscriber-added', effect: 'loosens', detail: each, text: `is heard by ${each}`, source }) as const,
    ),
    ...removed.map(
      (each) =>
        ({
          name: 'subscriber-removed',
          effect: 'tightens',
          detail: each,
          text: `is no longer heard by ${each}`,
          source,
        }) as const,
    ),
  ];
}
