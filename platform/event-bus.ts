/** An event on its way: a protobuf message and what the bus needs to know of it. */
export type EventMessage = {
  /** "evt_…", the same each time the event is delivered. */
  readonly id: string;
  /** The message's full name, such as "only2u.user.v1.UserDeleted". */
  readonly topic: string;
  /** What it is about. Events of one key come in the order in which they were published; "" asks for no order. */
  readonly key: string;
  readonly body: Uint8Array;
  /** W3C traceparent of the call that caused it, or "". */
  readonly traceparent: string;
  readonly time: Date;
};

export type Subscribing = {
  /** Who listens. Of all subscribers of a group, in all processes, one gets each event. */
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * Handles one event; it counts as handled when this resolves. It may come again, even then (the process may end in between),
   * so see `consume`. The signal is aborted when another may get the event, or the bus closes.
   */
  handle(message: EventMessage, signal: AbortSignal): Promise<void>;
  /** How many are handled at the same time, all of different keys: 8 unless told. */
  readonly concurrency?: number;
  /** After so many failures an event becomes a dead letter: 10 unless told, some 17 minutes. */
  readonly attempts?: number;
  /** How long to wait after a failure, the first being 1: from 1 s to 5 min, doubling, unless told. */
  readonly retryMs?: (failures: number) => number;
};

export type DeadLetter = EventMessage & { readonly attempts: number; readonly error: string };

/** A port: carries events between services, each to each group at least once. event-bus.contract.ts says what that means. */
export type EventBus = {
  /** Resolves when the events are safe. Those of a topic that no group has ever asked for go nowhere. */
  publish(messages: readonly EventMessage[]): Promise<void>;
  /** From the first subscription on the group's events are kept for it, also while nobody listens. */
  subscribe(subscribing: Subscribing): Promise<{ close(): Promise<void> }>;
  /** What the group gave up, oldest first. */
  deadLetters(group: string, limit: number): Promise<DeadLetter[]>;
  /** Ends all subscriptions, after the events that are being handled. */
  close(): Promise<void>;
};

export const defaultConcurrency = 8;
export const defaultAttempts = 10;

export function defaultRetryMs(failures: number): number {
  return Math.min(300_000, 1_000 * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
}

/** Opens the bus when it is first needed: most processes have nothing to say for a while, and a connection costs memory. */
export function lazyEventBus(open: () => Promise<EventBus>): EventBus {
  let opening: Promise<EventBus> | undefined;
  function bus(): Promise<EventBus> {
    const current = (opening ??= open());
    current.catch(() => {
      if (opening === current) opening = undefined; // the next one tries again
    });
    return current;
  }
  return {
    publish: async (messages) => (await bus()).publish(messages),
    subscribe: async (subscribing) => (await bus()).subscribe(subscribing),
    deadLetters: async (group, limit) => (await bus()).deadLetters(group, limit),
    close: async () => (await opening)?.close(),
  };
}
