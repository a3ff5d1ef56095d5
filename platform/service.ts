import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import type { Workload } from '#gen/mesh/grants.ts';
import type { Announcements } from './announcements.ts';
import type { TraceWork } from './background-call.ts';
import type { EngineState } from './engine.ts';
import type { ServiceEvents } from './event-bus.ts';
import type { TokenVerifier } from './identity/access-token.ts';
import type { Database } from './pool.postgres.ts';
import type { Tracing } from './telemetry/tracing.ts';
import type { ClientFor } from './rpc/client-for.ts';
import type { RpcTransport } from './rpc/transport.ts';

/** Where a service gets time, ids, configuration and its peers from. Nothing else in a service reads them. */
export type Env<C = unknown, W extends string = string> = {
  /** The service's own configuration, checked before `open` is called. */
  readonly config: C;
  readonly log: Logger;
  now(): Date;
  /** A new unguessable id, such as `newId('prd')` → "prd_0192f…", in order of time. */
  newId(prefix: string): string;
  /** A client of another service, with the methods that its contract grants to this one. Deadline, trace, request id and the user's token of the current call are passed on. */
  dial<S extends DescService>(contract: S): ClientFor<W, S>;
  /** The connection that `dial` uses. For the edge, which passes encoded messages on without reading them. */
  transport(contract: DescService): RpcTransport;
  /** Tells who a user is by the access token. The platform asks it for every call; only the edge, which has no server of ours, asks itself. */
  readonly verifier: TokenVerifier;
  /** Spans of calls, for the edge alone: everybody else's come from the platform. */
  readonly tracing: Tracing | undefined;
  /** Spans of work that no call waits for: hand it to `consume` and `startTasks`. */
  readonly trace: TraceWork;
  /** The process's metrics, for counters of a service's own. */
  readonly metrics: Registry;
  /** What events have just been told, in all processes: a hint, for the edge alone, which keeps answers. */
  readonly announcements: Announcements;
  /** Where events go: hand it to `openDatabase`, and to `consume` for those of others. */
  readonly events: ServiceEvents;
};

/** One contract with its implementation. Made by `handle`, so that the two fit. */
export type Handlers = { readonly contract: DescService; readonly implementation: Partial<ServiceImpl<DescService>> };

export function handle<S extends DescService>(contract: S, implementation: ServiceImpl<S>): Handlers {
  return { contract, implementation: implementation as Handlers['implementation'] };
}

export type OpenService = {
  readonly handlers: readonly Handlers[];
  /** Where its data are: the platform shows operators what became a dead letter there, and counts it. */
  readonly database?: Database;
  /** host:port of a listener of its own, such as the edge has. */
  readonly address?: string;
  /** The engines that it stands on, for readiness: those it needs, and those whose absence only makes it slower or late. */
  readonly engines?: readonly EngineState[];
  /** Resolves when the service can answer; rejects with the reason while it can't. Asked by readiness. */
  ready?(): Promise<void>;
  /** Ends everything that `open` began. */
  close(): Promise<void>;
};

/**
 * A service: its name is its workload in the contracts, its folder under services/ and the last part of its SPIFFE ID.
 * `contract` lists the gRPC services it answers; `config` the environment variables it reads.
 */
export type Service<C = unknown, W extends string = string> = {
  readonly name: W;
  readonly contract: readonly DescService[];
  readonly config: z.ZodType<C>;
  open(env: Env<C, W>): Promise<OpenService>;
};

/** Makes a service of its parts, with clients that hold what the contracts grant to a workload of its name. */
export function defineService<const W extends Workload, C>(service: Service<C, W>): Service<C> {
  return service as unknown as Service<C>; // which name it has, and so what it was granted, is its own affair
}
