import type { Logger } from 'pino';
import type { TraceWork } from './background-call.ts';
import type { Database } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import { currentCall } from './rpc/call.ts';
import { createTaskQueue, type Json } from './tasks-queue.postgres.ts';
import { createTaskRunner, type TaskHandlers } from './tasks-run.ts';
import { afterCommit } from './transaction.postgres.ts';

/** What is to be done: `kind` names the handler, such as "order.expire", `key` what it is about. There is one task a kind and key. */
export type TaskToDo = {
  readonly kind: string;
  readonly key: string;
  /** At once unless told. */
  readonly dueTime?: Date | undefined;
  /** What the handler is to know beyond the key: small, and better looked up than carried. */
  readonly body?: Json | undefined;
};

const maxBodyBytes = 64 * 1024; // more is data, which belongs in a table of the service
const pollMs = 2_000; // a commit of this process wakes us at once; this finds what another process scheduled
const contendedMs = 50; // what is due is being taken by somebody else just now
const defaultLeaseMs = 30_000; // who has had a task for longer is taken for dead
const rounds = 10_000;

/**
 * Has tasks done once this transaction is committed, each at least once. One that exists already is moved: it has the new due
 * time and body, its attempts begin anew, and if it was dead it is alive again. If it is being done now, it is done again
 * after. Any number of them is one statement.
 */
export async function schedule(tx: Sql, ...tasks: readonly TaskToDo[]): Promise<void> {
  if (tasks.length === 0) return;
  await tx.query(scheduling, taskValues(tasks));
  if (areSoon(tasks)) afterCommit(tx, taskMark);
}

/** What listeners of `onCommit` call a transaction that scheduled something for now. */
export const taskMark = 'task';

/** The statement that schedules tasks, from `$first` on, where the condition is true: for one that does more at once. */
export function taskInsertion(first: number, condition: string): string {
  const [kind, key, body, due, traceparent, requestId] = [0, 1, 2, 3, 4, 5].map((place) => `$${first + place}`);
  return `INSERT INTO task (kind, key, body, due_time, next_time, traceparent, request_id)
     SELECT kind, key, body, coalesce(due_time, '-infinity'), coalesce(due_time, '-infinity'), ${traceparent}, ${requestId}
     FROM unnest(${kind}::text[], ${key}::text[], ${body}::jsonb[], ${due}::timestamptz[]) AS given (kind, key, body, due_time)
     WHERE ${condition} ORDER BY kind, key
     ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body, due_time = excluded.due_time,
       next_time = CASE WHEN task.claim IS NULL THEN excluded.due_time ELSE greatest(task.next_time, excluded.due_time) END,
       generation = excluded.generation, attempts = 0, error = '', dead_time = NULL, traceparent = excluded.traceparent,
       request_id = excluded.request_id, schedule_time = excluded.schedule_time`;
}

const scheduling = taskInsertion(1, 'true');

/** The six values of `taskInsertion`. */
export function taskValues(tasks: readonly TaskToDo[]): readonly unknown[] {
  const rows = [...new Map(tasks.map((task) => [JSON.stringify([task.kind, task.key]), task])).values()];
  const call = currentCall();
  return [
    rows.map(({ kind }) => kind),
    rows.map(({ key }) => key),
    rows.map(bodyOf),
    rows.map(({ dueTime }) => dueTime ?? null),
    call?.traceparent ?? '',
    call?.requestId ?? '',
  ];
}

/** Whether workers must be woken for them: what comes later is found by polling. */
export function areSoon(tasks: readonly TaskToDo[]): boolean {
  const soon = Date.now() + pollMs;
  return tasks.some(({ dueTime }) => dueTime === undefined || dueTime.getTime() < soon);
}

/** Takes tasks back, dead ones too. One that is being done now is not stopped by it. */
export async function unschedule(tx: Sql, kind: string, ...keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await tx.query(
    `DELETE FROM task USING (SELECT key FROM task WHERE kind = $1 AND key = ANY ($2) ORDER BY key FOR UPDATE) AS mine
     WHERE task.kind = $1 AND task.key = mine.key`,
    [kind, keys],
  );
}

function bodyOf({ kind, body }: TaskToDo): string | null {
  if (body === undefined) return null;
  const text = JSON.stringify(body);
  if (Buffer.byteLength(text) > maxBodyBytes) throw new Error(`the body of a task ${kind} is larger than 64 KiB`);
  return text;
}

export type TasksOptions = {
  readonly database: Database;
  readonly handlers: TaskHandlers;
  readonly log: Logger;
  /** Makes each run a span: `env.trace`. */
  readonly trace?: TraceWork | undefined;
  /** For tests alone: the database's clock decides what is due when it is left out. */
  readonly now?: (() => Date) | undefined;
  /** How long a task is left to a worker that says nothing more: 30 s unless told. A run gets five sixths of it. */
  readonly leaseMs?: number;
};

/**
 * Does the tasks of these kinds as they become due. Any number of processes may: each task is with one of them at a time, and one
 * that is killed leaves it to another when its lease is over.
 */
export function startTasks(options: TasksOptions): { close(): Promise<void> } {
  const { database, handlers, log, now, leaseMs = defaultLeaseMs } = options;
  const queue = createTaskQueue({ sql: database, leaseMs, now });
  const runner = createTaskRunner({ ...options, queue, leaseMs, onChance: nudge });
  const kinds = Object.keys(handlers);
  let closed = false;
  let woken = true;
  let wake: () => void = () => undefined;
  function nudge(): void {
    woken = true;
    wake();
  }
  const forget = database.onCommit(taskMark, nudge);

  async function work(): Promise<void> {
    while (!closed) {
      await round().catch(async (error: unknown) => {
        log.warn({ err: error, kinds }, 'tasks can’t be fetched; trying again');
        await sleep(pollMs);
      });
    }
  }

  async function round(): Promise<void> {
    woken = false;
    const places = runner.places();
    if (places.size === 0) return sleep(pollMs);
    const { tasks, waitMs } = await queue.take(places);
    for (const task of tasks) runner.start(task);
    const nextMs = Math.min(pollMs, ...[...runner.places().keys()].map((kind) => waitMs.get(kind) ?? pollMs));
    await sleep(nextMs <= 0 ? contendedMs : Math.ceil(nextMs));
  }

  function sleep(ms: number): Promise<void> {
    if (woken || closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
      wake = done;
    });
  }

  const worker = work();
  let closing: Promise<void> | undefined;
  return {
    close() {
      closing ??= (async () => {
        closed = true;
        forget();
        nudge();
        await worker;
        await runner.close();
      })();
      return closing;
    },
  };
}

/**
 * For tests: does all that is due, and what becomes due by it, until nothing is. Returns how many runs there were and what they
 * threw; what failed comes again when `now` has moved on.
 */
export async function runDueTasks(
  options: Omit<TasksOptions, 'log'> & { readonly log?: Logger },
): Promise<{ readonly runs: number; readonly errors: readonly unknown[] }> {
  const { database, now, leaseMs = defaultLeaseMs } = options;
  const queue = createTaskQueue({ sql: database, leaseMs, now });
  const errors: unknown[] = [];
  const runner = createTaskRunner({ ...options, queue, leaseMs, onError: (error) => errors.push(error) });
  let runs = 0;
  for (let round = 0; round < rounds; round++) {
    const { tasks } = await queue.take(runner.places());
    if (tasks.length === 0) return { runs, errors };
    runs += tasks.length;
    for (const task of tasks) runner.start(task);
    await runner.settled();
  }
  throw new Error('tasks schedule each other without end');
}
