import { randomUUID } from 'node:crypto';
import type { DescService } from '@bufbuild/protobuf';
import {
  type Client,
  type ConnectRouter,
  createClient,
  createRouterTransport,
  type ServiceImpl,
} from '@connectrpc/connect';
import { announcementsOn } from '../announcements.ts';
import { openAuditing } from '../audit-open.ts';
import { handleDeadLetters } from '../dead-letters.ts';
import { cassandraConfig } from '../engine-config.ts';
import { createMemoryEventBus } from '../event-bus.memory.ts';
import { type EventBus, eventBusOf } from '../event-bus.ts';
import { contractPolicies, type EventPolicies } from '../event-policy.ts';
import { Fault } from '../fault.ts';
import { newId } from '../ids.ts';
import type { TokenVerifier } from '../identity/access-token.ts';
import { localMesh } from '../identity/spiffe.ts';
import { createServerHooks } from '../rpc/admission.ts';
import type { User } from '../rpc/call.ts';
import { createClientHooks } from '../rpc/outgoing.ts';
import { createMemoryPubSub } from '../pubsub.memory.ts';
import type { Handlers, Service } from '../service.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { admitting, asCaller, passingOn } from './in-memory.ts';

export type TestServiceOptions = {
  /** The service's configuration by variable name; what is left out takes its default. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** What the service finds when it dials: `[stub(KeyService, { … })]`. Calls to them are admitted by their contracts too. */
  readonly peers?: readonly Handlers[];
  /** The service's clock; the machine's when left out. */
  readonly now?: () => Date;
  /** Who tells and hears what, for events that only this test knows; what the contracts say when left out. */
  readonly eventPolicies?: EventPolicies;
};

/** Who calls: a workload (the gateway when left out), for a signed-in user or nobody. */
export type Caller = {
  readonly caller?: string;
  readonly user?: User;
  /** The end client's address and user agent, as the gateway would pass them on. */
  readonly address?: string;
  readonly userAgent?: string;
};

export type TestService = {
  /** Clients that call as this workload, for this user: `app.as({ user: vendor }).client(ProductService)`. */
  as(caller: Caller): { client<S extends DescService>(contract: S): Client<S> };
  /** The bus as nobody's: to tell the service what others tell, and to hear what it tells. */
  readonly bus: EventBus;
  close(): Promise<void>;
};

/**
 * Opens a service in memory: its clients pass the same admission, validation and fault mapping as over the wire, without
 * sockets, certificates or real tokens. What a test gets refused here is refused in life.
 */
export async function openTestService<C>(service: Service<C>, options: TestServiceOptions = {}): Promise<TestService> {
  const tokens = createTestTokens();
  const metrics = createMetrics({ processMetrics: false });
  const log = silentLog();
  const hooks = createServerHooks({ mesh: localMesh, verifier: tokens, metrics: metrics.rpc, log, tracing: undefined });
  const outgoing = createClientHooks({ workload: service.name, metrics: metrics.rpc, tracing: undefined });
  const peers = createRouterTransport(routesTo(options.peers ?? []), {
    router: { interceptors: [admitting(hooks, service.name)] },
    transport: { interceptors: [passingOn(outgoing)] },
  });
  const bus = createMemoryEventBus();
  const events = eventBusOf(service.name, bus, options.eventPolicies ?? contractPolicies);
  const now = options.now ?? (() => new Date());
  const opened = await service.open({
    config: service.config.parse(options.config ?? {}),
    log,
    now,
    newId,
    dial: (contract) => createClient(contract, peers),
    verifier: tokens,
    tracing: undefined,
    trace: () => undefined,
    metrics: metrics.registry,
    events,
    announcements: announcementsOn(createMemoryPubSub()),
    transport() {
      throw new Error('A service in memory has no connections; test over the wire what passes encoded messages on.');
    },
  });
  const { database } = opened;
  const more = database === undefined ? [] : [handleDeadLetters({ service: service.name, database, events, now })];
  const auditing =
    database && (await openAuditing({ service: service.name, database, config: cassandraConfig.parse({}), log, now }));
  const handlers = [...opened.handlers, ...more, ...(auditing?.handlers ?? [])];
  const audited = auditing?.hooks(hooks) ?? hooks;
  return {
    bus,
    as: ({ caller = 'gateway', user, address, userAgent }) => {
      const transport = createRouterTransport(routesTo(handlers), {
        router: { interceptors: [admitting(audited, caller)] },
        transport: { interceptors: [asCaller({ token: user && tokens.issue(user), address, userAgent })] },
      });
      return { client: (contract) => createClient(contract, transport) };
    },
    async close() {
      await auditing?.close();
      await opened.close();
      await bus.close();
      metrics.close();
    },
  };
}

/** The part of a peer's contract that a test needs; the rest answers Unimplemented. */
export function stub<S extends DescService>(contract: S, implementation: Partial<ServiceImpl<S>>): Handlers {
  return { contract, implementation };
}

/** Stands in for the key service: a token is a random name for a user that this test signed in. */
function createTestTokens(): TokenVerifier & { issue(user: User): string } {
  const users = new Map<string, User>();
  return {
    issue(user) {
      const token = randomUUID();
      users.set(token, user);
      return token;
    },
    verify(token) {
      const user = users.get(token);
      if (user === undefined)
        throw new Fault('unauthenticated', 'TOKEN_INVALID', 'This token was not issued by this test.');
      return user;
    },
  };
}

function routesTo(handlers: readonly Handlers[]) {
  return (router: ConnectRouter): void => {
    for (const { contract, implementation } of handlers) router.service(contract, implementation);
  };
}
