import type { DescMethod, Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import type { Announcements } from '#platform/announcements.ts';
import type { ResponseCache } from './response-cache.ts';
import type { Route } from './routes.ts';

/** The ids that an answer holds, as its contract says: an event about one of them makes it old. */
export function idsIn(method: DescMethod, fields: readonly string[], answer: Message): readonly string[] {
  if (fields.length === 0) return [];
  const ids = new Set<string>();
  const root = reflect(method.output, answer);
  for (const path of fields) collect(root, path.split('.'), ids);
  return [...ids];
}

function collect(message: ReflectMessage, [name = '', ...rest]: readonly string[], ids: Set<string>): void {
  const field = message.desc.fields.find((each) => each.name === name);
  if (field === undefined || !message.isSet(field)) return;
  if (field.fieldKind === 'message') return collect(message.get(field), rest, ids);
  if (field.fieldKind === 'list') {
    const list = message.get(field);
    for (const each of list) {
      if (typeof each === 'string') ids.add(each);
      else if (field.listKind === 'message') collect(each as ReflectMessage, rest, ids);
    }
    return;
  }
  const value: unknown = field.fieldKind === 'map' ? undefined : message.get(field);
  if (typeof value === 'string' && value !== '') ids.add(value);
}

const dropsAtOnce = 100;

/** Drops kept answers when an event is told that the contracts say makes them old. Returns how to stop. */
export async function followEvents(
  routes: ReadonlyMap<string, Route>,
  announcements: Announcements,
  cache: ResponseCache,
): Promise<() => Promise<void>> {
  const topics = new Set(
    [...routes.values()].flatMap(({ policy }) => (policy.cache?.invalidatedBy ?? []).map(({ event }) => event)),
  );
  let pending = new Set<string>();
  let dropping: Promise<void> | undefined;

  // A crowd of changes, such as an import's, is some steps and not one each.
  async function dropAll(): Promise<void> {
    while (pending.size > 0) {
      const some = [...pending].slice(0, dropsAtOnce);
      for (const id of some) pending.delete(id);
      await cache.drop(some);
    }
    dropping = undefined;
  }

  const stop = await announcements.hear([...topics], {
    heard(id) {
      pending.add(id);
      dropping ??= dropAll();
    },
    lost: () => cache.dropOwn(),
  });
  return async () => {
    await stop();
    pending = new Set();
    await dropping;
  };
}
