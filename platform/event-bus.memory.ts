import {
  defaultAttempts,
  defaultConcurrency,
  defaultRetryMs,
  type DeadEvent,
  type DeadEventId,
  errorText,
  type EventBus,
  type EventMessage,
  ownsGroup,
  type Subscribing,
} from './event-bus.ts';

type Waiting = { readonly message: EventMessage; failures: number; busy: boolean };
type Group = {
  readonly topics: Set<string>;
  readonly queue: Waiting[];
  readonly dead: DeadEvent[];
  readonly wakes: Set<() => void>;
};

/** The event bus within one process, for tests: what it holds ends with it. */
export function createMemoryEventBus(): EventBus {
  const groups = new Map<string, Group>();
  const known = new Set<string>();
  const subscriptions = new Set<{ close(): Promise<void> }>();

  function groupOf(name: string): Group {
    const group = groups.get(name) ?? { topics: new Set(), queue: [], dead: [], wakes: new Set() };
    groups.set(name, group);
    return group;
  }

  function next({ queue }: Group): Waiting | undefined {
    const earlier = new Set<string>();
    return queue.find(({ message: { key }, busy }) => {
      const free = !busy && !earlier.has(key);
      if (key !== '') earlier.add(key);
      return free;
    });
  }

  function deadOf(service: string): DeadEvent[] {
    return [...groups].flatMap(([name, { dead }]) => (ownsGroup(service, name) ? dead : []));
  }

  function take({ dead }: Group, id: string): DeadEvent | undefined {
    const place = dead.findIndex((each) => each.id === id);
    return place < 0 ? undefined : dead.splice(place, 1)[0];
  }

  return {
    async publish(messages) {
      for (const message of messages) {
        if (known.has(message.id)) continue;
        known.add(message.id);
        for (const group of groups.values()) {
          if (group.topics.has(message.topic)) group.queue.push({ message, failures: 0, busy: false });
        }
      }
      for (const { wakes } of groups.values()) for (const wake of wakes) wake();
    },
    async subscribe(subscribing: Subscribing) {
      const {
        handle,
        concurrency = defaultConcurrency,
        attempts = defaultAttempts,
        retryMs = defaultRetryMs,
      } = subscribing;
      const group = groupOf(subscribing.group);
      for (const topic of subscribing.topics) group.topics.add(topic);
      const closing = new AbortController();
      const running = new Set<Promise<void>>();
      const timers = new Set<NodeJS.Timeout>();

      function work(): void {
        for (
          let waiting = next(group);
          waiting && running.size < concurrency && !closing.signal.aborted;
          waiting = next(group)
        ) {
          waiting.busy = true;
          const handling = attempt(waiting).finally(() => {
            running.delete(handling);
            work();
          });
          running.add(handling);
        }
      }

      async function attempt(waiting: Waiting): Promise<void> {
        try {
          await handle(waiting.message, closing.signal);
          remove(waiting);
        } catch (error) {
          if (closing.signal.aborted) return; // cut short: no failure
          waiting.failures++;
          if (waiting.failures >= attempts) {
            remove(waiting);
            group.dead.push({
              ...waiting.message,
              group: subscribing.group,
              attempts: waiting.failures,
              error: errorText(error),
              deadTime: new Date(),
            });
            return;
          }
          const timer = setTimeout(() => {
            timers.delete(timer);
            waiting.busy = false;
            for (const wake of group.wakes) wake();
          }, retryMs(waiting.failures));
          timers.add(timer);
        }
      }

      function remove(waiting: Waiting): void {
        group.queue.splice(group.queue.indexOf(waiting), 1);
      }

      group.wakes.add(work);
      work();
      const subscription = {
        async close() {
          closing.abort();
          group.wakes.delete(work);
          subscriptions.delete(subscription);
          await Promise.all(running);
          for (const timer of timers) clearTimeout(timer);
          for (const waiting of group.queue) waiting.busy = false;
        },
      };
      subscriptions.add(subscription);
      return subscription;
    },
    deadEvents: ({ service, after, limit }) =>
      Promise.resolve(
        deadOf(service)
          .filter((each) => after === undefined || order(each, after) > 0)
          .sort(order)
          .slice(0, limit),
      ),
    countDeadEvents: (service, limit) => Promise.resolve(Math.min(limit, deadOf(service).length)),
    deadEvent: ({ group, id }) => Promise.resolve(groupOf(group).dead.find((each) => each.id === id)),
    replay({ group: name, id }) {
      const group = groupOf(name);
      const letter = take(group, id);
      if (letter === undefined) return Promise.resolve(false);
      const { topic, key, body, traceparent, time } = letter;
      group.queue.unshift({ message: { id, topic, key, body, traceparent, time }, failures: 0, busy: false });
      for (const wake of group.wakes) wake();
      return Promise.resolve(true);
    },
    drop: ({ group, id }) => Promise.resolve(take(groupOf(group), id) !== undefined),
    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
    },
  };
}

function order(a: DeadEventId, b: DeadEventId): number {
  return compare(a.group, b.group) || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
