import { Fault } from './fault.ts';
import { entryTimeMs, isEntryId } from './message-log-id.ts';

/** A log and what is promised of it. Made once, by whoever owns the log. */
export type LogKind = {
  /** "chat", "feed", "audit"… */
  readonly name: string;
  /** What the ids of its entries begin with: "msg". */
  readonly prefix: string;
  /** After so many days an entry is gone; without it entries stay until they are removed. 90 at most. */
  readonly keepDays?: number;
};

export type Entry = {
  /** From `newEntryId` or `entryIdFrom`: its time and its place in the thread. */
  readonly id: string;
  /** Who says it: a user, a workload. 200 characters at most. */
  readonly author: string;
  /** What the body is, in the owner's terms: "text", "order.confirmed". 100 characters at most. */
  readonly type: string;
  /** 64 KiB at most: what is larger belongs elsewhere, with its address here. */
  readonly body: Uint8Array;
  /** When the body was last edited. */
  readonly editTime?: Date;
};

export type NewEntry = Omit<Entry, 'editTime'>;

/**
 * Entries that are added at the end of threads and read in pages.
 *
 * **Order.** The entries of a thread are ordered by their ids, and so by the clocks of those who made them; two are never equal. Clocks may
 * differ by a minute: an id from further ahead is refused, so that nothing stands at the end of a thread for ever. An entry with a
 * smaller id may still arrive after one with a greater: who catches up begins ten seconds before what it has, and passes over what
 * it knows: an entry takes no longer from its id to the log, unless its writer was away.
 *
 * **Repeats.** Each of these may be done again, by another process and later: an id stands for one content.
 *
 * All throw a Fault of kind "unavailable" while the engine is away; what they were to do may have been done.
 */
export type MessageLog = {
  /** Adds an entry. What was removed stays removed, and what was edited stays edited, when it is added again. */
  append(thread: string, entry: NewEntry): Promise<void>;
  /** One entry; undefined when it was never there, was removed or has expired. */
  get(thread: string, id: string): Promise<Entry | undefined>;
  /** The last entries, or those before the one of that id, newest first. Up to 200. Costs the same however long the thread is. */
  newestFirst(thread: string, page: { readonly before?: string | undefined; readonly limit: number }): Promise<Entry[]>;
  /** The first entries, or those after the one of that id, oldest first. Up to 200. */
  oldestFirst(thread: string, page: { readonly after?: string | undefined; readonly limit: number }): Promise<Entry[]>;
  /** Has an entry say something else; of two edits that with the later time counts. Answers whether there is such an entry. */
  edit(thread: string, id: string, edit: { readonly body: Uint8Array; readonly time: Date }): Promise<boolean>;
  /** Erases one entry, also one that is yet to arrive. */
  remove(thread: string, id: string): Promise<void>;
  /** Erases the thread with all that was ever added to it. It takes new entries again a minute later. */
  removeThread(thread: string): Promise<void>;
};

export type MessageLogs = {
  of(kind: LogKind): MessageLog;
};

/** How far the clocks of two machines may differ. */
export const clocksDifferMs = 60_000;

/** The most entries of one page. */
export const maxPage = 200;

const maxBodyBytes = 64 * 1024;

/** Checks a kind, once. */
export function checkKind({ name, prefix, keepDays }: LogKind): void {
  if (!/^[a-z][a-z0-9_-]{0,31}$/.test(name)) throw new Error(`"${name}" is no name of a log`);
  if (!/^[a-z]{2,8}$/.test(prefix)) throw new Error(`"${prefix}" can't begin an id`);
  if (keepDays !== undefined && !(keepDays > 0 && keepDays <= 90)) throw new Error(`${name}: keepDays is 1 to 90`);
}

/** Refuses an entry that no adapter takes. */
export function checkEntry(kind: LogKind, thread: string, entry: NewEntry, nowMs: number): void {
  checkPlace(kind, thread, entry.id);
  if (entry.author.length > 200 || entry.type.length > 100 || entry.type === '')
    throw new Error(`${kind.name}: an author of up to 200 and a type of 1 to 100 characters are needed`);
  checkBody(entry.body);
  if (entryTimeMs(entry.id) > nowMs + clocksDifferMs)
    throw new Fault('failed-precondition', 'ENTRY_AHEAD', 'The entry’s time is ahead of the clock; set the clocks.', {
      metadata: { id: entry.id },
    });
}

/** Refuses a body that is too large. */
export function checkBody(body: Uint8Array): void {
  if (body.byteLength <= maxBodyBytes) return;
  const maxBytes = String(maxBodyBytes);
  throw new Fault('invalid-argument', 'ENTRY_TOO_LARGE', `An entry holds up to ${maxBytes} bytes; say less.`, {
    metadata: { maxBytes },
  });
}

/** Refuses what can be no thread or no id of the log. */
export function checkPlace(kind: LogKind, thread: string, id?: string): void {
  if (thread === '' || thread.length > 200) throw new Error(`${kind.name}: a thread's name has 1 to 200 characters`);
  if (id !== undefined && !isEntryId(kind.prefix, id)) throw new Error(`${kind.name}: "${id}" is no id of an entry`);
}

/** Refuses a page that is too large, or none. */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPage) throw new Error(`A page has 1 to ${maxPage} entries`);
}

/** When an entry of the log expires, in Unix milliseconds; undefined for never. */
export function expiryMs({ keepDays }: LogKind, id: string): number | undefined {
  return keepDays === undefined ? undefined : entryTimeMs(id) + keepDays * 86_400_000;
}
