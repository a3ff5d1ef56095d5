import type { Task } from './tasks-run.ts';

/** Keeps what it is given, until there are so many. */
export function collect(count: number) {
  const got: Task[] = [];
  const { promise: all, resolve } = Promise.withResolvers<Task[]>();
  return {
    got,
    all,
    run: (task: Task): Promise<undefined> => {
      got.push(task);
      if (got.length === count) resolve(got);
      return Promise.resolve(undefined);
    },
  };
}

/** A handler that is at work until it is told to end. */
export function gate() {
  const begun = Promise.withResolvers<AbortSignal>();
  const ended = Promise.withResolvers<Date | undefined>();
  return {
    begun: begun.promise,
    end: ended.resolve,
    fail: ended.reject,
    run(_task: Task, signal: AbortSignal): Promise<Date | undefined> {
      begun.resolve(signal);
      return ended.promise;
    },
  };
}

/** A clock that stands still. */
export const at =
  (time: string): (() => Date) =>
  () =>
    new Date(`2026-03-01T${time}Z`);
