import { auth, Client, errors, policies, type QueryOptions, types } from 'cassandra-driver';
import type { Logger } from 'pino';
import { codeOf } from './error-code.ts';
import type { CassandraConfig } from './engine-config.ts';
import { engineAway, engineRefuses, type EngineState, tlsProblem } from './engine.ts';
import { Fault } from './fault.ts';
import { createGate } from './gate.ts';
import { speaksTls } from './probe.cassandra.ts';
import type { StartError } from './start-error.ts';

export type CassandraSettings = CassandraConfig & { readonly CASSANDRA_HOSTS: string };

type Long = ReturnType<typeof types.Long.fromNumber>;

/** A value of a statement, as the driver takes it. */
export type CqlValue = string | number | boolean | Buffer | Date | types.Uuid | Long | null;

export type CassandraConnection = {
  readonly keyspace: string;
  /** The data center that is asked. */
  readonly center: string;
  /** Asks with a prepared statement at LOCAL_QUORUM. Statements may be sent twice: only what is the same when done twice is asked here. */
  ask(statement: string, values?: readonly CqlValue[]): Promise<types.ResultSet>;
  /** Asks once, not prepared, as schemas and compare-and-set need it. Still a Fault when the cluster is away. */
  askOnce(statement: string, values?: readonly CqlValue[]): Promise<types.ResultSet>;
  state(needed: boolean): EngineState;
  close(): Promise<void>;
};

const engine = 'Cassandra';
const connectTimeoutMs = 3_000;
const readTimeoutMs = 3_000; // of one attempt; a page takes some 2 ms, and a node gives a read up after 5 s by itself
const schemaTimeoutMs = 20_000;
const secondAskAfterMs = 250; // far beyond a p99, so that a slow node is gone round and a busy cluster isn't asked double
const inFlight = 256; // of this process; a coordinator queues what is beyond its own 128
const waiting = 2_048;
const againMs = 1_000;

/**
 * Connects to Cassandra. Resolves when that is done, or when it is away: it is tried again in the background, for ever. Throws a
 * StartError where it answers and refuses: wrong password, wrong authority, plain text, no such data center.
 */
export async function openCassandra(settings: CassandraSettings, log: Logger): Promise<CassandraConnection> {
  let client: Client | undefined;
  let closed = false;
  let lastError: unknown;
  let timer: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const next = new Client(optionsOf(settings));
    try {
      await next.connect();
    } catch (error) {
      lastError = error;
      endControl(next);
      await next.shutdown().catch(() => undefined);
      throw error;
    }
    if (closed) await next.shutdown();
    else client = next;
  }

  function later(): void {
    timer = setTimeout(() => {
      connect().then(
        () => log.info({ engine }, 'an engine is back'),
        () => {
          if (!closed) later();
        },
      );
    }, againMs);
  }

  try {
    await connect();
  } catch (error) {
    const refusal = await refusalOf(settings, error);
    if (refusal !== undefined) throw refusal;
    if (cassandraFault(error) === undefined) throw error;
    log.warn({ err: error, engine }, 'an engine is away; trying again');
    later();
  }

  const gate = createGate({ inFlight, waiting });
  async function execute(statement: string, values: readonly CqlValue[], how: QueryOptions) {
    if (client === undefined) throw engineAway(engine, lastError);
    const connected = client;
    try {
      return await gate(() => connected.execute(statement, [...values], how));
    } catch (error) {
      throw cassandraFault(error) ?? error;
    }
  }

  const once = {
    prepare: false,
    isIdempotent: false,
    autoPage: false,
    readTimeout: schemaTimeoutMs,
    consistency: types.consistencies.localQuorum,
    serialConsistency: types.consistencies.localSerial,
  };
  const ask: CassandraConnection['ask'] = (statement, values = []) => execute(statement, values, usual);
  return {
    keyspace: settings.CASSANDRA_KEYSPACE,
    center: settings.CASSANDRA_DATACENTER,
    ask,
    askOnce: (statement, values = []) => execute(statement, values, once),
    state: (needed) => ({
      name: engine,
      needed,
      async check() {
        await ask(`SELECT number FROM ${settings.CASSANDRA_KEYSPACE}.migration LIMIT 1`);
      },
    }),
    async close() {
      closed = true;
      clearTimeout(timer);
      await client?.shutdown();
    },
  };
}

// shutdown() does nothing for a client that could not connect, and one that was answered and not content leaves a connection (driver 4.10).
function endControl(client: Client): void {
  const { controlConnection } = client as unknown as { readonly controlConnection: Control };
  controlConnection.connection?.close();
}

type Control = { readonly connection: { close(): void } | null };

const usual = {
  prepare: true,
  isIdempotent: true,
  autoPage: false,
  fetchSize: 1_000, // beyond the largest page: what is asked for comes as one
  consistency: types.consistencies.localQuorum,
};

/** How the driver is set. */
export function optionsOf(settings: CassandraSettings) {
  const { CASSANDRA_HOSTS, CASSANDRA_USERNAME, CASSANDRA_PASSWORD, CASSANDRA_DATACENTER } = settings;
  const { loadBalancing, speculativeExecution, reconnection } = policies;
  return {
    contactPoints: CASSANDRA_HOSTS.split(','),
    localDataCenter: CASSANDRA_DATACENTER,
    ...(CASSANDRA_USERNAME !== '' && {
      authProvider: new auth.PlainTextAuthProvider(CASSANDRA_USERNAME, CASSANDRA_PASSWORD),
    }),
    // The driver's own default trusts every certificate.
    ...(speaksTlsBy(settings) && { sslOptions: { ca: settings.CASSANDRA_CA, rejectUnauthorized: true } }),
    protocolOptions: { port: Number(/:(\d+)/.exec(CASSANDRA_HOSTS)?.[1] ?? 9_042), maxSchemaAgreementWaitSeconds: 20 },
    socketOptions: { connectTimeout: connectTimeoutMs, readTimeout: readTimeoutMs, tcpNoDelay: true },
    pooling: { heartBeatInterval: 10_000, warmup: true },
    policies: {
      loadBalancing: new loadBalancing.TokenAwarePolicy(
        new loadBalancing.DCAwareRoundRobinPolicy(CASSANDRA_DATACENTER),
      ),
      speculativeExecution: new speculativeExecution.ConstantSpeculativeExecutionPolicy(secondAskAfterMs, 1),
      reconnection: new reconnection.ExponentialReconnectionPolicy(200, 2_000),
      retry: new RetryElsewhere(),
    },
  };
}

/** Whether TLS is spoken. */
export function speaksTlsBy({ CASSANDRA_CA, CASSANDRA_TLS }: CassandraConfig): boolean {
  return CASSANDRA_TLS === undefined ? CASSANDRA_CA !== undefined : CASSANDRA_TLS === 'on';
}

type About = policies.retry.OperationInfo;

/** Tries another node, twice at most, where doing a thing again changes nothing. */
class RetryElsewhere extends policies.retry.RetryPolicy {
  #again(info: About, consistency: types.consistencies) {
    const again = info.executionOptions.isIdempotent() && info.nbRetry < 2;
    return again ? this.retryResult(consistency, false) : this.rethrowResult();
  }
  override onReadTimeout(info: About, consistency: types.consistencies) {
    return this.#again(info, consistency);
  }
  override onWriteTimeout(info: About, consistency: types.consistencies) {
    return this.#again(info, consistency);
  }
  override onUnavailable(info: About, consistency: types.consistencies) {
    return this.#again(info, consistency);
  }
  override onRequestError(info: About, consistency: types.consistencies) {
    return this.#again(info, consistency);
  }
}

async function refusalOf(settings: CassandraSettings, error: unknown): Promise<StartError | undefined> {
  const all = [error, ...innerErrors(error)];
  const refuses = (variable: string, why: string): StartError => engineRefuses(engine, variable, why, error);
  for (const each of all) {
    const text = each instanceof Error ? each.message : '';
    const tls = tlsProblem(codeOf(each));
    if (tls !== undefined) return refuses('CASSANDRA_CA or CASSANDRA_TLS', tls);
    if (each instanceof errors.AuthenticationError || /requires authentication|username and\/or password/i.test(text))
      return refuses('CASSANDRA_USERNAME and CASSANDRA_PASSWORD', 'user or password is wrong');
    if (/localDataCenter was configured/i.test(text))
      return refuses('CASSANDRA_DATACENTER', `it has no data center ${settings.CASSANDRA_DATACENTER}`);
  }
  const [host = '', port = '9042'] = (settings.CASSANDRA_HOSTS.split(',')[0] ?? '').split(':');
  const tls = await speaksTls(host, Number(port));
  if (tls === undefined || tls === speaksTlsBy(settings)) return undefined;
  return tls
    ? refuses('CASSANDRA_CA or CASSANDRA_TLS', 'it speaks TLS there, not plain text')
    : refuses('CASSANDRA_CA or CASSANDRA_TLS', 'it speaks plain text there, not TLS');
}

function innerErrors(error: unknown): readonly unknown[] {
  return error instanceof errors.NoHostAvailableError ? Object.values(error.innerErrors as object) : [];
}

const { unavailableException, overloaded, isBootstrapping, writeTimeout, readTimeout, readFailure, writeFailure } =
  types.responseErrorCodes;
const awayCodes: readonly number[] = [
  ...[unavailableException, overloaded, isBootstrapping, writeTimeout, readTimeout, readFailure, writeFailure],
];

/** What a driver's error means to a caller: undefined for one that is a bug of ours. */
export function cassandraFault(error: unknown): Fault | undefined {
  if (error instanceof Fault) return undefined;
  const away =
    error instanceof errors.NoHostAvailableError ||
    error instanceof errors.OperationTimedOutError ||
    error instanceof errors.BusyConnectionError ||
    (error instanceof errors.ResponseError && awayCodes.includes(error.code)) ||
    codeOf(error).startsWith('E') ||
    (error instanceof Error && /Socket was closed|Connection (was )?(closed|reset)|shutting down/i.test(error.message));
  return away ? engineAway(engine, error) : undefined;
}
