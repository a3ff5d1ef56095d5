import type { Message } from '@bufbuild/protobuf';
import { events as contractEvents } from '#gen/mesh/policies.ts';
import type { Sql } from './statement.postgres.ts';

/** Who tells each event and who hears of it, by its full name; `at` is the place in the contracts that says so. */
export type EventPolicies = Readonly<
  Record<string, { readonly publisher: string; readonly subscribers: readonly string[]; readonly at: string }>
>;

/** What the contracts say. */
export const contractPolicies: EventPolicies = contractEvents;

/** Throws unless the service is the event's publisher. */
export function assertTells(service: string, topic: string, policies: EventPolicies): void {
  const policy = policies[topic];
  if (policy === undefined) throw new Error(unknown(service, 'tells', topic));
  if (policy.publisher !== service)
    throw new Error(
      `${service} may not tell ${topic}: ${policy.at} says that "${policy.publisher}" does. Name ${service} as its publisher there, or let ${policy.publisher} tell it.`,
    );
}

/** Throws unless the service is one of the event's subscribers. */
export function assertHears(service: string, topic: string, policies: EventPolicies): void {
  const policy = policies[topic];
  if (policy === undefined) throw new Error(unknown(service, 'listens to', topic));
  if (!policy.subscribers.includes(service))
    throw new Error(`${service} may not hear of ${topic}: add "${service}" to its subscribers at ${policy.at}.`);
}

function unknown(service: string, does: string, topic: string): string {
  return `${service} ${does} ${topic}, which no contract makes an event: give the message option (only2u.mesh.v1.event).`;
}

type Teller = { readonly service: string; readonly policies: EventPolicies } | 'nobody';

const tellers = new WeakMap<Sql, Teller>();

/** Says whose transactions these are, so that what is told in them is held against the contracts. Returns `sql`. */
export function tellsAs<S extends Sql>(sql: S, teller: Teller): S {
  tellers.set(sql, teller);
  return sql;
}

/**
 * Throws where an event is told that its service is not the publisher of: at once, not when the event is handed on. A pool that is
 * nobody's, such as a test's, may tell all.
 */
export function assertMayTell(sql: Sql, events: readonly Message[]): void {
  const teller = tellers.get(sql);
  if (teller === undefined) return;
  for (const { $typeName: topic } of events) {
    if (teller === 'nobody')
      throw new Error(`${topic} would stay in this database: give openDatabase the service’s \`events\`.`);
    assertTells(teller.service, topic, teller.policies);
  }
}

/** The events that a service tells. */
export function tellsOf(service: string, policies: EventPolicies): string[] {
  return Object.keys(policies).filter((topic) => policies[topic]?.publisher === service);
}

/** The events that a service hears of. */
export function hearsOf(service: string, policies: EventPolicies): string[] {
  return Object.keys(policies).filter((topic) => policies[topic]?.subscribers.includes(service) === true);
}
