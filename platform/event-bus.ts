import { assertHears, assertTells, contractPolicies, type EventPolicies } from './event-policy.ts';

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

/** An event that a group gave up. */
export type DeadEvent = EventMessage & {
  readonly group: string;
  readonly attempts: number;
  readonly error: string;
  readonly deadTime: Date;
};

/** Which dead event: a group gives each event up once. */
export type DeadEventId = Pick<DeadEvent, 'group' | 'id'>;

export type DeadEventPage = {
  /** A service's name: its own group, and those that begin with it and a dash. */
  readonly service: string;
  /** Those after this one. */
  readonly after?: DeadEventId | undefined;
  readonly limit: number;
};

/** A port: carries events between services, each to each group at least once. event-bus.contract.ts says what that means. */
export type EventBus = {
  /**
   * Resolves when the events are safe. Those of a topic that no group has ever asked for (with RabbitMQ: that no contract names a
   * subscriber of) go nowhere. Rejects with a Fault of kind "unavailable" while the engine is away: they wait in the outbox.
   */
  publish(messages: readonly EventMessage[]): Promise<void>;
  /**
   * From the first subscription on the group's events are kept for it, also while nobody listens. With RabbitMQ and Kafka it
   * resolves while the engine is away too, and listens once that is back.
   */
  subscribe(subscribing: Subscribing): Promise<{ close(): Promise<void> }>;
  /** What the groups of a service gave up, by group and id. */
  deadEvents(page: DeadEventPage): Promise<DeadEvent[]>;
  /** How many there are, counted up to the limit. */
  countDeadEvents(service: string, limit: number): Promise<number>;
  deadEvent(id: DeadEventId): Promise<DeadEvent | undefined>;
  /**
   * Has the group handle it again, its attempts begun anew: after the events of its key that have gone ahead meanwhile. PostgreSQL puts
   * it before those that still wait; RabbitMQ and Kafka, which add at the end alone, behind them. False when the group has no such dead event.
   */
  replay(id: DeadEventId): Promise<boolean>;
  /** Forgets it. False when the group has no such dead event. */
  drop(id: DeadEventId): Promise<boolean>;
  /** Ends all subscriptions, after the events that are being handled. */
  close(): Promise<void>;
};

const maxErrorLength = 1_000;

export const defaultConcurrency = 8;
export const handleLimitMs = 25_000; // whoever handles an event for longer is told so, and it counts as failed
export const defaultAttempts = 10;

export function defaultRetryMs(failures: number): number {
  return Math.min(300_000, 1_000 * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
}

/** What went wrong, as a dead letter keeps it. PostgreSQL's text holds neither U+0000 nor half a character. */
export function errorText(error: unknown): string {
  return String(error).replaceAll('\0', '').slice(0, maxErrorLength).toWellFormed();
}

/** Why what was begun so often is given up without another try: it may well be what ends the process. */
export const neverEnded = 'whoever began it last never said how it ended';

/** Whether the group is the service's: "order" and "order-mail" are order's. */
export function ownsGroup(service: string, group: string): boolean {
  return group === service || group.startsWith(`${service}-`);
}

/** The bus as one service has it. */
export type ServiceEvents = EventBus & { readonly service: string; readonly policies: EventPolicies };

/**
 * The bus as one service has it: it tells and hears what the contracts say, subscribes with groups of its own alone, and sees, replays
 * and drops nobody else's dead events. It doesn't end the bus, which others have too.
 */
export function eventBusOf(service: string, bus: EventBus, policies = contractPolicies): ServiceEvents {
  if (service.includes('-')) throw new Error(`${service} can’t have a dash in its name: it would share its groups`);
  let listens = false;
  function refuse(group: string): void {
    if (!ownsGroup(service, group)) {
      throw new Error(`${service} names its groups "${service}" or "${service}-…", not "${group}"`);
    }
  }
  return {
    service,
    policies,
    async publish(messages) {
      for (const { topic } of messages) assertTells(service, topic, policies);
      return bus.publish(messages);
    },
    async subscribe(subscribing) {
      refuse(subscribing.group);
      for (const topic of subscribing.topics) assertHears(service, topic, policies);
      listens = true;
      return bus.subscribe(subscribing);
    },
    deadEvents: (page) => bus.deadEvents({ ...page, service }),
    // Who listens to nobody gives nothing up, and need not open the bus to know that.
    countDeadEvents: async (_, limit) => (listens ? bus.countDeadEvents(service, limit) : 0),
    deadEvent: async (id) => (ownsGroup(service, id.group) ? bus.deadEvent(id) : undefined),
    replay: async (id) => ownsGroup(service, id.group) && bus.replay(id),
    drop: async (id) => ownsGroup(service, id.group) && bus.drop(id),
    close: () => Promise.resolve(),
  };
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
    deadEvents: async (page) => (await bus()).deadEvents(page),
    countDeadEvents: async (service, limit) => (await bus()).countDeadEvents(service, limit),
    deadEvent: async (id) => (await bus()).deadEvent(id),
    replay: async (id) => (await bus()).replay(id),
    drop: async (id) => (await bus()).drop(id),
    close: async () => (await opening)?.close(),
  };
}
