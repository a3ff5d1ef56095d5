import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from './ids.ts';
import type { Entry, LogKind, MessageLog, MessageLogs, NewEntry } from './message-log.ts';
import { entryIdAt, entryIdFrom, newEntryId } from './message-log-id.ts';

export const kept: LogKind = { name: 'chat', prefix: 'msg' };
export const expiring: LogKind = { name: 'feed', prefix: 'ntf', keepDays: 30 };

const dayMs = 86_400_000;

/** What every message log does. */
export function messageLogContract(open: () => Promise<{ readonly logs: MessageLogs; close(): Promise<void> }>): void {
  let opened: Awaited<ReturnType<typeof open>> | undefined;
  let chat: MessageLog;
  let feed: MessageLog;
  beforeAll(async () => {
    opened = await open();
    chat = opened.logs.of(kept);
    feed = opened.logs.of(expiring);
  });
  afterAll(() => opened?.close());

  const newThread = (): string => newId('thr');
  const said = (text: string, ms = Date.now(), prefix = 'msg'): NewEntry => ({
    id: newEntryId(prefix, ms),
    author: 'usr_1',
    type: 'text',
    body: Buffer.from(text),
  });
  const text = ({ body }: Entry): string => Buffer.from(body).toString();

  /** All of a thread, page by page, in both directions. */
  async function all(log: MessageLog, thread: string, limit = 50) {
    const newest: string[] = [];
    for (let page; page === undefined || page.length === limit;) {
      page = await log.newestFirst(thread, { before: newest.at(-1), limit });
      newest.push(...page.map(({ id }) => id));
    }
    const oldest: string[] = [];
    for (let page; page === undefined || page.length === limit;) {
      page = await log.oldestFirst(thread, { after: oldest.at(-1), limit });
      oldest.push(...page.map(({ id }) => id));
    }
    return { newest, oldest };
  }

  /** Says that much, many at a time. */
  async function say(log: MessageLog, thread: string, entries: readonly NewEntry[], atOnce = 16): Promise<void> {
    const left = [...entries];
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let entry = left.shift(); entry !== undefined; entry = left.shift()) await log.append(thread, entry);
      }),
    );
  }

  test('an entry is read as it was added', async () => {
    const thread = newThread();
    const entry = { ...said('नमस्ते \u0000 🙂'), author: 'usr_ü', type: 'text' };
    await chat.append(thread, entry);
    const [read] = await chat.newestFirst(thread, { limit: 10 });
    expect(read).toMatchObject({ id: entry.id, author: 'usr_ü', type: 'text' });
    expect(read && text(read)).toBe('नमस्ते \u0000 🙂');
    expect(await chat.get(thread, entry.id)).toEqual(read);
    expect(await chat.oldestFirst(thread, { limit: 10 })).toEqual([read]);
  });

  test('an empty thread has no entries, and no entry by an id', async () => {
    expect(await all(chat, newThread())).toEqual({ newest: [], oldest: [] });
    expect(await chat.get(newThread(), newEntryId('msg'))).toBeUndefined();
  });

  test('pages go through the whole thread in both directions, each entry once', async () => {
    const thread = newThread();
    const entries = Array.from({ length: 137 }, (_, index) => said(`${index}`, Date.now() - 60_000 + index * 7));
    await say(chat, thread, entries);
    const ids = entries.map(({ id }) => id);
    expect(ids.toSorted()).toEqual(ids);
    for (const limit of [1, 20, 137, 200]) {
      const { newest, oldest } = await all(chat, thread, limit);
      expect(oldest).toEqual(ids);
      expect(newest).toEqual(ids.toReversed());
    }
  });

  test('entries of one millisecond have an order of their own, the same for everybody', async () => {
    const thread = newThread();
    const ms = Date.now();
    const entries = Array.from({ length: 60 }, () => said('now', ms));
    await say(chat, thread, entries);
    const ids = entries.map(({ id }) => id).toSorted();
    const { newest, oldest } = await all(chat, thread, 7);
    expect(oldest).toEqual(ids);
    expect(newest).toEqual(ids.toReversed());
  });

  test('a thread that was silent for weeks and years is read like any other', async () => {
    const thread = newThread();
    const daysAgo = [3_000, 2_999, 2_100, 400, 399.9, 60, 30, 14, 7, 6.9, 1, 0.01, 0];
    const entries = daysAgo.map((days) => said(`${days}`, Date.now() - days * dayMs));
    await say(chat, thread, entries);
    const ids = entries.map(({ id }) => id);
    for (const limit of [1, 3, 50]) {
      const { newest, oldest } = await all(chat, thread, limit);
      expect(oldest).toEqual(ids);
      expect(newest).toEqual(ids.toReversed());
    }
    const after = entryIdAt('msg', new Date(Date.now() - 200 * dayMs));
    const texts = async (page: Promise<Entry[]>) => (await page).map(text);
    expect(await texts(chat.oldestFirst(thread, { after, limit: 2 }))).toEqual(['60', '30']);
    expect(await texts(chat.newestFirst(thread, { before: after, limit: 2 }))).toEqual(['399.9', '400']);
  });

  test('a busy thread with hundreds of entries in seconds, by several writers, is read in order', async () => {
    const thread = newThread();
    const start = Date.now() - 3 * 3_600_000;
    const entries = Array.from({ length: 900 }, (_, index) => said(`${index}`, start + index * 10_000));
    const burst = Array.from({ length: 300 }, (_, index) => said(`${index}`, start + 9_000_000 + index));
    await say(chat, thread, entries);
    await say(chat, thread, burst);
    const ids = [...entries, ...burst].map(({ id }) => id).toSorted();
    const { newest, oldest } = await all(chat, thread, 50);
    expect(oldest).toEqual(ids);
    expect(newest).toEqual(ids.toReversed());
    for (const entry of [entries[0], entries[899], burst[299]])
      expect(entry && (await chat.get(thread, entry.id))?.id).toBe(entry?.id);
  });

  test('the same entry again changes nothing, however many add it at once', async () => {
    const thread = newThread();
    const entries = Array.from({ length: 40 }, (_, index) => said(`${index}`, Date.now() - 1_000 + index));
    await say(chat, thread, [...entries, ...entries, ...entries]);
    expect((await all(chat, thread)).oldest).toEqual(entries.map(({ id }) => id));
    const time = new Date();
    const event = said('order.confirmed');
    await Promise.all(
      [1, 2].map(() => chat.append(thread, { ...event, id: entryIdFrom('msg', time, 'evt_1'), body: Buffer.from('') })),
    );
    expect((await all(chat, thread)).oldest.length).toBe(41);
  });

  test('pages go on while others add to the thread', async () => {
    const thread = newThread();
    const entries = Array.from({ length: 100 }, (_, index) => said(`${index}`, Date.now() - 5_000 + index));
    await say(chat, thread, entries);
    const first = await chat.newestFirst(thread, { limit: 40 });
    const later = Array.from({ length: 30 }, () => said('later'));
    await say(chat, thread, later);
    const rest = await chat.newestFirst(thread, { before: first.at(-1)?.id, limit: 200 });
    expect([...first, ...rest].map(text)).toEqual(Array.from({ length: 100 }, (_, index) => `${99 - index}`));
    const caughtUp = await chat.oldestFirst(thread, { after: first[0]?.id, limit: 200 });
    expect(caughtUp.map(({ id }) => id)).toEqual(later.map(({ id }) => id).toSorted());
  });

  test('an edit is shown, a later one wins whenever it comes, and a repeated append does not undo it', async () => {
    const thread = newThread();
    const entry = said('frist');
    await chat.append(thread, entry);
    const at = (ms: number): Date => new Date(Date.now() + ms);
    expect(await chat.edit(thread, entry.id, { body: Buffer.from('second'), time: at(2_000) })).toBe(true);
    expect(await chat.edit(thread, entry.id, { body: Buffer.from('first'), time: at(1_000) })).toBe(true);
    await chat.append(thread, entry);
    const [read] = await chat.newestFirst(thread, { limit: 1 });
    expect(read && text(read)).toBe('second');
    expect(read?.editTime).toBeInstanceOf(Date);
    expect(await chat.edit(thread, newEntryId('msg'), { body: Buffer.from(''), time: new Date() })).toBe(false);
  });

  test('what is removed is gone, and stays so when it is added or edited again', async () => {
    const thread = newThread();
    const [one, two, early] = [said('one'), said('two'), said('early')];
    await say(chat, thread, [one, two]);
    await chat.remove(thread, one.id);
    await chat.remove(thread, one.id);
    await chat.remove(thread, early.id);
    await say(chat, thread, [one, two, early]);
    expect(await chat.edit(thread, one.id, { body: Buffer.from('back'), time: new Date() })).toBe(false);
    expect((await chat.newestFirst(thread, { limit: 10 })).map(text)).toEqual(['two']);
    expect(await chat.get(thread, one.id)).toBeUndefined();
    expect(await chat.get(thread, early.id)).toBeUndefined();
  });

  test('a thread that is removed is empty, also after what was in it is added again; others are not touched', async () => {
    const [thread, other] = [newThread(), newThread()];
    const entries = Array.from({ length: 120 }, (_, index) => said(`${index}`, Date.now() - index * dayMs));
    await say(chat, thread, entries);
    await chat.append(other, said('other'));
    await chat.removeThread(thread);
    await say(chat, thread, entries.slice(0, 10));
    expect(await all(chat, thread)).toEqual({ newest: [], oldest: [] });
    expect((await all(chat, other)).oldest.length).toBe(1);
  });

  test('logs are apart, whatever their threads are called', async () => {
    const thread = newThread();
    await chat.append(thread, said('chat'));
    await feed.append(thread, said('feed', Date.now(), 'ntf'));
    expect((await chat.newestFirst(thread, { limit: 10 })).map(text)).toEqual(['chat']);
    expect((await feed.newestFirst(thread, { limit: 10 })).map(text)).toEqual(['feed']);
  });

  test('what is older than the log keeps is not there', async () => {
    const thread = newThread();
    const days = [31, 30.01, 29, 1];
    for (const ago of days) await feed.append(thread, said(`${ago}`, Date.now() - ago * dayMs, 'ntf'));
    expect((await feed.oldestFirst(thread, { limit: 10 })).map(text)).toEqual(['29', '1']);
  });

  test('an entry from the future or too large is refused, and a page without bounds too', async () => {
    const thread = newThread();
    await expect(chat.append(thread, said('ahead', Date.now() + 90_000))).rejects.toMatchObject({
      reason: 'ENTRY_AHEAD',
    });
    await expect(chat.append(thread, { ...said(''), body: Buffer.alloc(65_537) })).rejects.toMatchObject({
      reason: 'ENTRY_TOO_LARGE',
    });
    await chat.append(thread, { ...said(''), body: Buffer.alloc(65_536) });
    await expect(chat.newestFirst(thread, { limit: 201 })).rejects.toThrow('1 to 200');
    await expect(chat.append(thread, said('', Date.now(), 'ntf'))).rejects.toThrow('is no id');
  });
}
