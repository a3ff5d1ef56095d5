import type { Logger } from 'pino';
import { Fault } from '#platform/fault.ts';
import type { PubSub } from '#platform/pubsub.ts';

const channel = 'order_changed';
const maxWatchers = 1_000; // of one process; the edge allows 512 streams in all
const refreshMs = 20_000; // what the process that changed an order could not tell is seen then

export type Watch = {
  /** Resolves when the order was changed since the last time this was asked, or a while has passed, or the signal says so. */
  changed(signal: AbortSignal | undefined): Promise<void>;
  close(): void;
};

/** Who waits for changes of orders, in this process and the others. */
export type Watchers = {
  /** From now on no change is missed. Refused where too many watch. */
  watch(id: string): Promise<Watch>;
  /** Tells all processes that an order was changed. Any number of changes in a moment is told at once. */
  tell(id: string): void;
  close(): Promise<void>;
};

export type WatchersOptions = { readonly pubsub: PubSub; readonly log: Logger };

/** The process listens from its first watcher on, by one connection however many there are. */
export function createWatchers({ pubsub, log }: WatchersOptions): Watchers {
  const waiting = new Map<string, Set<() => void>>();
  let count = 0;
  let listening: Promise<() => Promise<void>> | undefined;
  let pending = new Set<string>();
  let telling: Promise<void> | undefined;
  let closed = false;

  function heard(id: string): void {
    for (const wake of waiting.get(id) ?? []) wake();
  }

  function lost(): void {
    for (const id of waiting.keys()) heard(id); // any of them may have been changed meanwhile
  }

  async function listen(): Promise<void> {
    listening ??= pubsub.subscribe(channel, { heard, lost });
    const current = listening;
    await current.catch((error: unknown) => {
      if (listening === current) listening = undefined; // the next one tries again
      throw error;
    });
  }

  async function tellAll(): Promise<void> {
    while (pending.size > 0) {
      const ids = [...pending];
      pending = new Set();
      await pubsub
        .publish(channel, ids)
        .catch((error: unknown) => log.warn({ err: error }, 'watchers of orders are told later'));
    }
    telling = undefined;
  }

  return {
    async watch(id) {
      if (count >= maxWatchers) {
        const text = 'Too many orders are being watched just now; ask for the order instead.';
        throw new Fault('resource-exhausted', 'TOO_MANY_WATCHERS', text, { retryAfterMs: 5_000 });
      }
      count += 1;
      let news = false;
      let wake: () => void = () => undefined;
      const listener = (): void => {
        news = true;
        wake();
      };
      const listeners = waiting.get(id) ?? new Set();
      waiting.set(id, listeners.add(listener));
      let open = true;
      const close = (): void => {
        if (!open) return;
        open = false;
        count -= 1;
        listeners.delete(listener);
        if (listeners.size === 0) waiting.delete(id);
        wake();
      };
      await listen().catch((error: unknown) => {
        close();
        throw error;
      });
      return {
        async changed(signal) {
          if (!news && open && signal?.aborted !== true) {
            const { promise, resolve } = Promise.withResolvers<void>();
            wake = resolve;
            const timer = setTimeout(resolve, refreshMs);
            signal?.addEventListener('abort', listener, { once: true });
            await promise;
            clearTimeout(timer);
            signal?.removeEventListener('abort', listener);
          }
          news = false;
          if (closed) throw new Fault('unavailable', 'CLOSING', 'This server ends; watch the order again.');
        },
        close,
      };
    },

    tell(id) {
      pending.add(id);
      telling ??= tellAll();
    },

    async close() {
      closed = true;
      for (const wake of [...waiting.values()].flatMap((listeners) => [...listeners])) wake();
      await telling;
      await (
        await listening?.catch(() => undefined)
      )?.();
    },
  };
}
