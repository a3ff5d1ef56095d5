import type { Logger } from 'pino';
import { runInBackground, type TraceWork } from './background-call.ts';
import { defaultRetryMs, errorText, neverEnded } from './event-bus.ts';
import type { Json, TakenTask, TaskQueue } from './tasks-queue.postgres.ts';

/** A task as its handler sees it. */
export type Task = {
  readonly kind: string;
  readonly key: string;
  readonly body: Json | undefined;
  /** Which time it is tried: 1 at first. */
  readonly attempts: number;
};

/** How tasks of one kind are done. */
export type TaskHandler = {
  /**
   * Does it, outside of any transaction. It may come again, even after it resolved (the process may end in between). It is done
   * when this resolves with nothing, comes again at the time that it resolves with, and has failed when it throws. Calls to peers
   * carry on the trace of the call that scheduled it. The signal is aborted when another may get the task.
   */
  run(task: Task, signal: AbortSignal): Promise<Date | undefined>;
  /** How many this process does at a time: 8 unless told. */
  readonly concurrency?: number;
  /** After so many failures a task becomes a dead letter: 20 unless told, about an hour. */
  readonly attempts?: number;
  /** How long to wait after a failure, the first being 1: from 1 s to 5 min, doubling, unless told. */
  retryMs?(failures: number): number;
};

/** The handlers by the kind of task. */
export type TaskHandlers = Readonly<Record<string, TaskHandler>>;

export type TaskRunner = {
  /** How many tasks of each kind may begin now; kinds without room are left out. */
  places(): Map<string, number>;
  start(task: TakenTask): void;
  /** Resolves when nothing runs. */
  settled(): Promise<void>;
  /** Lets what runs end; after a grace it is told to stop, and what doesn't listen is left to the next worker. */
  close(): Promise<void>;
};

export type TaskRunnerOptions = {
  readonly queue: TaskQueue;
  readonly handlers: TaskHandlers;
  readonly leaseMs: number;
  readonly log?: Logger;
  readonly trace?: TraceWork | undefined;
  /** Told when there may be something to do that there was not before: room for another, or a task that comes again. */
  readonly onChance?: () => void;
  /** Told what a handler threw. */
  readonly onError?: (error: unknown) => void;
};

const defaultConcurrency = 8;
const defaultAttempts = 20;
const closeGraceMs = 1_000; // as long again for what was told to stop

export function createTaskRunner(options: TaskRunnerOptions): TaskRunner {
  const { queue, handlers, leaseMs, log, trace, onChance, onError } = options;
  const timeoutMs = Math.floor((leaseMs * 5) / 6); // what is left of the lease is for saying how it ended
  const running = new Map<Promise<void>, string>();
  const stopping = new AbortController();

  /** Returns whether the task is gone. */
  async function run(task: TakenTask): Promise<boolean> {
    const { kind, key, body, attempts } = task;
    const handler = handlers[kind];
    if (handler === undefined) throw new Error(`nobody handles tasks of the kind ${kind}`);
    const limit = handler.attempts ?? defaultAttempts;
    if (attempts > limit) {
      await bury(task, new Error(neverEnded));
      return false;
    }
    const late = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([late, stopping.signal]);
    const about = { ...task, name: `task ${kind}`, signal, timeoutMs, trace };
    const over = overdue(late, timeoutMs);
    try {
      const again = await Promise.race([
        runInBackground(about, () => handler.run({ kind, key, body, attempts }, signal)),
        over.promise,
      ]);
      return await queue.done(task, again);
    } catch (error) {
      if (stopping.signal.aborted) await queue.release(task, { waitMs: 0, error: '', counted: false });
      else await failed(task, handler, error);
      return false;
    } finally {
      over.forget();
    }
  }

  async function failed(task: TakenTask, handler: TaskHandler, error: unknown): Promise<void> {
    onError?.(error);
    if (task.attempts >= (handler.attempts ?? defaultAttempts)) return bury(task, error);
    log?.warn({ ...aboutOf(task), err: error }, 'a task failed; it will come again');
    const waitMs = (handler.retryMs ?? defaultRetryMs)(task.attempts);
    await queue.release(task, { waitMs, error: errorText(error), counted: true });
  }

  async function bury(task: TakenTask, error: unknown): Promise<void> {
    if (await queue.bury(task, errorText(error)))
      log?.error({ ...aboutOf(task), err: error }, 'a task failed for the last time; it is a dead letter now');
  }

  function places(): Map<string, number> {
    const free = new Map(
      Object.entries(handlers).map(([kind, { concurrency = defaultConcurrency }]) => [kind, concurrency]),
    );
    for (const kind of running.values()) free.set(kind, (free.get(kind) ?? 0) - 1);
    for (const [kind, count] of free) if (count <= 0) free.delete(kind);
    return free;
  }

  async function settled(): Promise<void> {
    await Promise.all(running.keys());
  }

  return {
    places,
    start(task) {
      let gone = false;
      const work = run(task)
        .then((ended) => void (gone = ended))
        .catch((error: unknown) =>
          log?.warn(
            { ...aboutOf(task), err: error },
            'how a task ended can’t be said; it comes again when its time is over',
          ),
        )
        .finally(() => {
          const wasFull = !places().has(task.kind);
          running.delete(work);
          if (wasFull || !gone) onChance?.();
        });
      running.set(work, task.kind);
    },
    settled,
    async close() {
      await within(closeGraceMs, settled());
      if (running.size === 0) return;
      stopping.abort(new Error('the process ends'));
      await within(closeGraceMs, settled());
    },
  };
}

function aboutOf({ kind, key, attempts, requestId }: TakenTask) {
  return { task: kind, key, attempts, requestId };
}

function overdue(late: AbortSignal, afterMs: number): { readonly promise: Promise<never>; forget(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const say = (): void => reject(new Error(`not done within ${afterMs / 1_000} s`));
  late.addEventListener('abort', say, { once: true });
  return { promise, forget: () => late.removeEventListener('abort', say) };
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
