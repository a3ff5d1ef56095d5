import type { DescService } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import type { Logger } from 'pino';
import { z } from 'zod';
import { createAdminListener } from './admin-listener.ts';
import { isGiven, isSecret, readConfig, type Variables } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { createDialing } from './dialing.ts';
import { createEmbeddedPostgres } from './embedded-postgres.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';
import { openPostgresEventBus } from './event-bus.postgres.ts';
import { lazyEventBus } from './event-bus.ts';
import { newId } from './ids.ts';
import { createTokenVerifier } from './identity/access-token.ts';
import { certificateFilesOf } from './identity/certificate-files.ts';
import { addressVariable, busConfig, placesConfig, portVariable, processConfig } from './process-config.ts';
import { createServerHooks } from './rpc/admission.ts';
import { createRpcServer } from './rpc/server.ts';
import { createShedder } from './rpc/shedding.ts';
import type { Env, OpenService, Service } from './service.ts';
import { StartError } from './start-error.ts';
import { createLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
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
};

export type Dial = <S extends DescService>(contract: S) => Client<S>;

export type Shop = {
  readonly log: Logger;
  readonly dataDir: string;
  /** host:port of each service here, by name, and of the admin listener. */
  readonly addresses: ReadonlyMap<string, string>;
  readonly adminAddress: string;
  /** Clients for the project's own commands, as the workload "operator". */
  dialAsOperator(): Promise<Dial>;
  /** Resolves with the reason when the shop can't go on, such as its database's end. */
  readonly broken: Promise<Error>;
  /** Ends everything in the order opposite to the start. */
  close(): Promise<void>;
};

type Close = () => Promise<void> | void;

const graceMs = 1_500; // for calls that are open; the gateway has waited for its own before

/** Starts the named services in this process, ready to be called. Throws a StartError that says what to do when it can't. */
export async function startShop({ entries, names, variables, fetchKeys, onProgress }: RunOptions): Promise<Shop> {
  const stages: Close[][] = [];
  /** What is closed at the same time, after all that was added later. */
  function stage(...first: Close[]): Close[] {
    stages.push(first);
    return first;
  }
  async function close(): Promise<void> {
    const errors: unknown[] = [];
    for (let last = stages.pop(); last !== undefined; last = stages.pop()) {
      const ended = await Promise.allSettled(last.map(async (end) => end()));
      errors.push(...ended.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])));
    }
    if (errors.length > 0) throw new AggregateError(errors, 'Not everything could be closed');
  }
  try {
    const services = await Promise.all(chosen(entries, names).map((entry) => entry.load()));
    const own = { name: 'process', config: processConfig };
    const bus = { name: 'event-bus', config: busConfig };
    const hasData = services.some(({ config }) => config instanceof z.ZodObject && 'DATABASE_URL' in config.shape);
    const places = { name: 'places', config: placesConfig(entries) };
    const { ONLY2U_DATA: folder } = readConfig([own], { variables }).of(own);
    const data = await openDataFolder(folder);
    const port = readConfig([own], { variables }).of(own).POSTGRES_PORT;
    const embedded = createEmbeddedPostgres({ data, port, ...(onProgress && { onProgress }) });
    const onEmbedded: string[] = [];
    const configuration = readConfig([own, places, ...(hasData ? [bus] : []), ...services], {
      variables,
      fallback(name, variable, schema) {
        if (variable === 'EVENT_BUS_URL' && isGiven(variables, name, 'DATABASE_URL')) return variables['DATABASE_URL'];
        if (variable === 'DATABASE_URL' || variable === 'EVENT_BUS_URL') {
          const role = variable === 'DATABASE_URL' ? name : 'event-bus';
          onEmbedded.push(role);
          return embedded.urlOf(role);
        }
        // With a database elsewhere there may be other instances, which need the same secret.
        return isSecret(schema) && !isGiven(variables, name, 'DATABASE_URL')
          ? data.secretFor(`${name} ${variable}`)
          : undefined;
      },
    });
    const config = configuration.of(own);
    const placeOf = configuration.of(places);
    const log = createLog({ level: config.LOG_LEVEL, format: config.LOG_FORMAT });
    for (const warning of configuration.warnings) log.warn(warning);

    const metrics = createMetrics({ processMetrics: true });
    stage(() => metrics.close());
    const tracing = await openTracing({
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      ratio: config.OTEL_TRACES_SAMPLER_ARG,
      log,
    });
    stage(() => tracing?.close());
    const mesh = { trustDomain: config.MESH_TRUST_DOMAIN, namespace: config.MESH_NAMESPACE };
    let breaks: (reason: Error) => void = () => undefined;
    const broken = new Promise<Error>((resolve) => (breaks = resolve));
    if (onEmbedded.length > 0) {
      const postgres = await embedded.start(onEmbedded);
      let closing = false;
      void postgres.ended.then(() => {
        if (!closing) breaks(new Error(`PostgreSQL has ended; ${data.path}/postgres.log says why`));
      });
      stage(() => {
        closing = true;
        return postgres.close();
      });
    }

    const events = hasData
      ? lazyEventBus(() => openPostgresEventBus({ url: configuration.of(bus).EVENT_BUS_URL, log }))
      : createMemoryEventBus();
    stage(() => events.close());

    const addresses = new Map<string, string>();
    const dialing = createDialing({
      mesh,
      dataDir: data.path,
      files: certificateFilesOf(config),
      addressOf: (name) =>
        addresses.get(name) ??
        (String(placeOf[addressVariable(name)] ?? '') || `127.0.0.1:${placeOf[portVariable(name)]}`),
      metrics: metrics.rpc,
      tracing,
      log,
      now: () => new Date(),
    });
    stage(() => dialing.close());
    await Promise.all(services.map(({ name }) => dialing.identityOf(name)));
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
    const contracts = services.flatMap((service) => service.contract);
    const hooks = createServerHooks({ mesh, verifier, metrics: metrics.rpc, log, tracing, contracts, shedder });

    const checks = new Map<string, () => Promise<void>>();
    const admin = createAdminListener({ checks, metrics });
    stage(() => admin.close());
    const opened = { inner: stage(), servers: stage(), edge: stage() };

    async function open(service: Service): Promise<void> {
      const { name } = service;
      const env: Env = {
        config: configuration.of(service),
        log: log.child({ service: name }),
        now: () => new Date(),
        newId,
        ...dialing.as(name),
        verifier,
        metrics: metrics.registry,
        events,
      };
      const running = await service.open(env).catch((error: unknown) => {
        throw portInUse(error, name) ?? error;
      });
      (isEdge(service) ? opened.edge : opened.inner).push(() => running.close());
      if (!isEdge(service)) await serve(name, running);
      else addresses.set(name, `127.0.0.1:${placeOf[portVariable(name)]}`);
      checks.set(name, () => running.ready?.() ?? Promise.resolve());
    }

    async function serve(name: string, running: OpenService): Promise<void> {
      const { tls: source } = await dialing.identityOf(name);
      const server = createRpcServer({
        handlers: running.handlers,
        hooks,
        tls: { source },
        maxMessageBytes: config.RPC_MAX_MESSAGE_BYTES,
      });
      opened.servers.push(() => server.close({ graceMs }));
      const wanted = Number(placeOf[portVariable(name)]);
      const { port: bound } = await server.listen(config.RPC_HOST, wanted).catch((error: unknown) => {
        throw portInUse(error, name) ?? error;
      });
      addresses.set(name, `127.0.0.1:${bound}`);
    }

    // The edge opens last and closes first, so that nobody is let in before there is somebody to answer.
    const inner = services.filter((service) => service.contract.length > 0);
    const edge = services.filter((service) => service.contract.length === 0);
    await allOrThrow(inner.map(open));
    await allOrThrow(edge.map(open));
    const adminPort =
      config.ADMIN_PORT ?? (edge.length > 0 ? 8_081 : Number(placeOf[portVariable(first?.name ?? '')]) + 1_000);
    const { port: adminBound } = await admin.listen(config.ADMIN_HOST, adminPort).catch((error: unknown) => {
      throw portInUse(error, 'admin') ?? error;
    });
    stage(() => admin.drain());
    return {
      log,
      dataDir: data.path,
      addresses,
      adminAddress: `${config.ADMIN_HOST}:${adminBound}`,
      broken,
      close,
      async dialAsOperator() {
        await dialing.identityOf('operator');
        return dialing.as('operator').dial;
      },
    };
  } catch (error) {
    await close().catch(() => undefined); // the first error says more
    throw error;
  }
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

// Waits for all, so that what opened is closed; then the first error counts.
async function allOrThrow(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

function portInUse(error: unknown, name: string): StartError | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('port' in error)) return undefined;
  if (error.code === 'EADDRINUSE') {
    return new StartError(
      `Port ${error.port} for ${name} is in use: stop what uses it, or set ${portVariable(name)} to another.`,
    );
  }
  if (error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL') {
    return new StartError(
      `Port ${error.port} for ${name} can’t be had (${error.code}): set ${portVariable(name)} to another.`,
    );
  }
  return undefined;
}
