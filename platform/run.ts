import type { DescService } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import type { Logger } from 'pino';
import { AuditService } from '#gen/only2u/operation/v1/audit_pb.ts';
import { DeadLetterService } from '#gen/only2u/operation/v1/dead_letter_pb.ts';
import { createAdminListener } from './admin-listener.ts';
import { announcementsOn, announcing } from './announcements.ts';
import { openAuditing } from './audit-open.ts';
import { type ClosingStack, createClosingStack } from './closing.ts';
import type { Variables } from './config.ts';
import { handleDeadLetters, queueLengths } from './dead-letters.ts';
import { createDialing } from './dialing.ts';
import { whenReachable, whileOpening } from './engine.ts';
import { createEventBuses } from './event-bus-open.ts';
import { eventBusOf } from './event-bus.ts';
import { Fault } from './fault.ts';
import { newId } from './ids.ts';
import { createTokenVerifier } from './identity/access-token.ts';
import { unlessPort } from './port-taken.ts';
import { openPubSub } from './pubsub-open.ts';
import { assertReady, type Checks, openingState, stateOf } from './readiness.ts';
import { createServerHooks } from './rpc/admission.ts';
import type { ClientFor } from './rpc/client-for.ts';
import { followPolicyFile, readPolicyFile } from './rpc/policy-file.ts';
import { createShedder } from './rpc/shedding.ts';
import type { Env, Service } from './service.ts';
import { serving } from './serving.ts';
import { keepsData, readSettings, type Settings } from './settings.ts';
import { StartError } from './start-error.ts';
import { createDatabaseMetrics } from './telemetry/database-metrics.ts';
import { createLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createQueueMetrics } from './telemetry/queue-metrics.ts';
import { openTracing } from './telemetry/tracing.ts';

/** One line of services/all.ts: loaded only where it runs, so that a process of one service stays small. */
export type ServiceEntry = { readonly name: string; readonly port: number; load(): Promise<Service> };

export type RunOptions = {
  /** All services there are. */
  readonly entries: readonly ServiceEntry[];
  /** Those that run in this process. */
  readonly names: readonly string[];
  readonly variables: Variables;
  /** How the public keys of access tokens are asked for: a JSON Web Key Set. */
  fetchKeys(dial: Dial): Promise<string>;
  /** Told what takes a while. */
  readonly onProgress?: (text: string) => void;
  /** Gives up a start that waits for an engine. */
  readonly signal?: AbortSignal;
};

/** Clients of the project's own commands. */
type OperatorDial = <S extends DescService>(contract: S, workload?: string) => ClientFor<'operator', S>;

export type Dial = <S extends DescService>(contract: S, workload?: string) => Client<S>;

export type Shop = {
  readonly log: Logger;
  /** undefined when it needs none. */
  readonly dataDir: string | undefined;
  /** host:port of each service here, by name, and of the admin listener. */
  readonly addresses: ReadonlyMap<string, string>;
  readonly adminAddress: string;
  /** Clients for the project's own commands, as the workload "operator". */
  dialAsOperator(): Promise<OperatorDial>;
  /** Resolves with the reason when the shop can't go on, such as its database's end. */
  readonly broken: Promise<Error>;
  /** Ends everything in the order opposite to the start. */
  close(): Promise<void>;
};

/**
 * Starts the named services in this process, ready to be called. A service whose engine is away waits for it, and the others go on:
 * /readyz says who waits for what. Throws a StartError that says what to do when it can't.
 */
export async function startShop(options: RunOptions): Promise<Shop> {
  const closing = createClosingStack();
  try {
    return await start(options, closing);
  } catch (error) {
    await closing.close().catch(() => undefined); // the first error says more
    throw error;
  }
}

async function start(options: RunOptions, { stage, close }: ClosingStack): Promise<Shop> {
  const { entries, names, fetchKeys } = options;
  const services = await Promise.all(chosen(entries, names).map((entry) => entry.load()));
  const settings = await readSettings({ ...options, services });
  const config = settings.process;
  const log = createLog({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
  for (const warning of settings.warnings) log.warn(warning);

  const metrics = createMetrics({ processMetrics: true });
  stage(() => metrics.close());
  const tracing = await openTracing({
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
    log,
  });
  stage(() => tracing?.close());
  const broken = Promise.withResolvers<Error>();
  await startDatabase(settings, stage, broken.resolve);
  const buses = createEventBuses(log);
  stage(() => buses.close());

  const { pubsub, engines: pubsubEngines } = await openPubSub(config, log);
  stage(() => pubsub.close());
  const announcements = announcementsOn(pubsub);

  const mesh = { trustDomain: config.MESH_TRUST_DOMAIN, namespace: config.MESH_NAMESPACE };
  const addresses = new Map<string, string>();
  const dialing = createDialing({
    mesh,
    dataDir: settings.data?.path ?? '',
    files: settings.certificates,
    sockets: config.MESH_SOCKETS,
    addressOf: (name) => addresses.get(name) ?? elsewhere(name),
    metrics: metrics.rpc,
    tracing,
    log,
    now: () => new Date(),
  });
  stage(() => dialing.close());
  // A sidecar has the certificates of those that it speaks for.
  if (config.MESH_SOCKETS === undefined) await Promise.all(services.map(({ name }) => dialing.identityOf(name)));
  const [first] = services;
  const verifier = createTokenVerifier({
    fetchKeys: () => fetchKeys(dialing.as(first?.name ?? '').dial),
    issuer: 'only2u',
    audience: 'only2u',
    now: () => new Date(),
  });
  const shedder = createShedder({
    maxInFlight: config.RPC_MAX_IN_FLIGHT,
    metrics: metrics.rpc,
    nowMs: () => performance.now(),
  });
  stage(() => shedder.close());
  const contracts = [...services.flatMap((service) => service.contract), DeadLetterService, AuditService];
  const { POLICY_FILE: now, POLICY_SHADOW_FILE: next } = config;
  const followed = now === undefined ? undefined : followPolicyFile(now, log);
  stage(() => followed?.close());
  const hooks = createServerHooks({
    ...{ mesh, verifier, metrics: metrics.rpc, log, tracing, contracts, shedder },
    ...(followed && { policyOf: followed.policyOf }),
    shadowOf: next === undefined ? undefined : readPolicyFile(next),
  });

  const waits = new Map(services.map(({ name }) => [name, new Map<string, Fault>()]));
  const checks = new Map([...waits].map(([name, waitsFor]) => [name, () => Promise.resolve(openingState(waitsFor))]));
  const admin = createAdminListener({ checks: checks satisfies Checks, metrics });
  stage(() => admin.close());
  const adminPort = config.ADMIN_PORT ?? (services.some(isEdge) ? 8_081 : settings.portOf(first?.name ?? '') + 1_000);
  const { port: adminBound } = await admin.listen(config.ADMIN_HOST, adminPort).catch(unlessPort('admin'));
  const opened = { inner: stage(), audits: stage(), servers: stage(), edge: stage() };

  const watchQueues = createQueueMetrics(metrics.registry);
  const watchDatabase = createDatabaseMetrics(metrics.registry);

  const serve = serving({ settings, dialing, addresses, closing: opened.servers });

  // A peer in this process whose engine is away has no port yet.
  function elsewhere(name: string): string {
    if (waits.has(name) && settings.portOf(name) === 0)
      throw new Fault('unavailable', 'SERVICE_STARTING', `${name} is still starting; try again.`, {
        metadata: { service: name },
        retryAfterMs: 1_000,
      });
    return settings.addressOf(name);
  }

  async function open(service: Service): Promise<void> {
    const { name } = service;
    const { bus, engines: busEngines } = await buses.open(name, settings.busOf(name));
    const ownEvents = eventBusOf(name, announcing(bus, pubsub, log));
    const env: Env = {
      config: settings.of(service),
      log: log.child({ service: name }),
      now: () => new Date(),
      newId,
      ...dialing.as(name),
      verifier,
      tracing,
      trace: (work, traceparent) => tracing?.work(name, work, traceparent),
      metrics: metrics.registry,
      events: ownEvents,
      announcements,
    };
    const running = await whenReachable(() => service.open(env), { engine: 'its engines', log: env.log }).catch(
      unlessPort(name),
    );
    (isEdge(service) ? opened.edge : opened.inner).push(() => running.close());
    if (running.address !== undefined) addresses.set(name, running.address);
    const { database } = running;
    const auditing =
      database &&
      (await openAuditing({ service: name, database, config: settings.logsOf(name), log: env.log, now: env.now }));
    if (auditing !== undefined) opened.audits.push(() => auditing.close());
    const engines = [
      ...(database?.engines ?? []),
      ...busEngines,
      ...pubsubEngines,
      ...(auditing?.engines ?? []),
      ...(running.engines ?? []),
    ];
    const own = () => running.ready?.() ?? Promise.resolve();
    const ready = () => assertReady(engines, own);
    const handlers = [...running.handlers];
    if (database === undefined && keepsData(service))
      throw new Error(`${name} keeps data: name its database in what open() returns, for its dead letters`);
    if (database !== undefined) {
      const queues = { service: name, database, events: ownEvents, now: env.now };
      handlers.push(handleDeadLetters(queues), ...(auditing?.handlers ?? []));
      watchQueues(name, () => queueLengths(queues));
      watchDatabase(name, () => database.load());
    }
    if (!isEdge(service)) await serve(name, { handlers, ready, hooks: auditing?.hooks(hooks) ?? hooks });
    checks.set(name, () => stateOf(engines, own));
  }

  const giveUp = new AbortController();
  const signal = AbortSignal.any([giveUp.signal, ...(options.signal ? [options.signal] : [])]);
  const waiting = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  const opening = async (service: Service): Promise<void> => {
    const own = waits.get(service.name);
    const waitsFor = (engine: string, failure: Fault | undefined): void => {
      if (failure === undefined) own?.delete(engine);
      else own?.set(engine, failure);
      waiting.resolve();
    };
    await whileOpening({ signal, waitsFor }, () => open(service)).catch((error: unknown) => {
      errors.push(error);
      giveUp.abort(); // nobody waits for an engine in a process that can't go on
    });
  };
  // The edge opens last and closes first, so that nobody is let in before there is somebody to answer; but it doesn't wait for engines.
  const inner = Promise.all(services.filter((service) => !isEdge(service)).map(opening));
  await Promise.race([inner, waiting.promise]);
  await Promise.all(errors.length > 0 ? [inner] : [inner, ...services.filter(isEdge).map(opening)]);
  if (errors.length > 0) throw errors[0];
  stage(() => admin.drain());
  return {
    log,
    dataDir: settings.data?.path,
    addresses,
    adminAddress: `${config.ADMIN_HOST}:${adminBound}`,
    broken: broken.promise,
    close,
    async dialAsOperator() {
      await dialing.identityOf('operator');
      return dialing.as('operator').dial;
    },
  };
}

async function startDatabase(
  { embedded, data }: Settings,
  stage: ClosingStack['stage'],
  onEnd: (reason: Error) => void,
): Promise<void> {
  if (embedded === undefined) return;
  const postgres = await embedded.postgres.start(embedded.roles);
  let closing = false;
  void postgres.ended.then(() => {
    if (!closing) onEnd(new Error(`PostgreSQL has ended; ${data?.path}/postgres.log says why`));
  });
  stage(() => {
    closing = true;
    return postgres.close();
  });
}

// It answers no contract of its own.
function isEdge(service: Service): boolean {
  return service.contract.length === 0;
}

function chosen(entries: readonly ServiceEntry[], names: readonly string[]): readonly ServiceEntry[] {
  const unknown = names.filter((name) => !entries.some((entry) => entry.name === name));
  if (unknown.length > 0) {
    const known = entries.map((entry) => entry.name).join(', ');
    throw new StartError(`There is no service ${unknown.join(', ')}. There are: ${known}.`);
  }
  return entries.filter((entry) => names.includes(entry.name));
}
