import { setTimeout as delay } from 'node:timers/promises';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '#gen/grpc/health/v1/health_pb.ts';
import { Fault } from '../fault.ts';
import { type Handlers, handle } from '../service.ts';

const watchEveryMs = 2_000; // how late a watcher may learn of a change

/** gRPC's health service, for the server as a whole ("") and for each service it answers. */
export type HealthService = {
  readonly handlers: Handlers;
  /** From now on nothing is serving; watchers are told, and their streams end. */
  stop(): void;
};

/** Answers SERVING while `ready` resolves. */
export function createHealth(options: { readonly services: readonly string[]; ready(): Promise<void> }): HealthService {
  const names = new Set(['', ...options.services]);
  const stopping = new AbortController();

  async function current(): Promise<ServingStatus> {
    if (stopping.signal.aborted) return ServingStatus.NOT_SERVING;
    return options.ready().then(
      () => ServingStatus.SERVING,
      () => ServingStatus.NOT_SERVING,
    );
  }

  const handlers = handle(Health, {
    async check({ service }) {
      if (names.has(service)) return { status: await current() };
      throw new Fault('not-found', 'SERVICE_UNKNOWN', `There is no service ${service} here.`, {
        metadata: { service },
      });
    },

    async *watch({ service }, { signal }) {
      const ended = AbortSignal.any([signal, stopping.signal]);
      let told: ServingStatus | undefined;
      for (;;) {
        const status = names.has(service) ? await current() : ServingStatus.SERVICE_UNKNOWN;
        if (status !== told) yield { status };
        told = status;
        if (ended.aborted) return;
        await delay(watchEveryMs, undefined, { signal: ended, ref: false }).catch(() => {}); // ended: tell the last of it
      }
    },

    async list() {
      const status = await current();
      return { statuses: Object.fromEntries([...names].map((name) => [name, { status }])) };
    },
  });
  return { handlers, stop: () => stopping.abort() };
}
