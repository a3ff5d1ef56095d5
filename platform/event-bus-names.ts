/**
 * The names that the adapter of the event bus and RabbitMQ's definitions (mesh/planes/rabbitmq.ts) agree on. A group is a subscriber's
 * name: its queue is called so. A routing key is an event's full name, such as "only2u.order.v1.OrderConfirmed"; a message says it as
 * its `type` too, since a dead one has its group's name as key.
 */
export const rabbitNames = {
  vhost: 'only2u',
  /** Where a publisher tells its events: a topic exchange that nobody else may write to. */
  eventsOf: (publisher: string) => `events.${publisher}`,
  /** Where the broker puts what a group never said it had handled, by the group's name. Nobody may write to it. */
  dead: 'dead',
  /** What the broker gave up, until the group puts it away with its own dead events. */
  deadOf: (group: string) => `${group}.dead`,
  /** Where a group puts a dead event back: it leads to the group's own queue alone. */
  replayOf: (group: string) => `${group}.replay`,
} as const;

/** Kafka's: a topic a publisher, one a group for what it replays, and consumer groups that are called as the groups are. */
export const kafkaNames = {
  eventsOf: (publisher: string) => `events.${publisher}`,
  replayOf: (group: string) => `${group}.replay`,
} as const;
