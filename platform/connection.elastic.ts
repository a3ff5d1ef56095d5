import { Client, type ClientOptions, errors } from '@elastic/elasticsearch';
import type { Logger } from 'pino';
import { type KnockTarget, knock, speaksTls } from './elastic-knock.ts';
import { engineAway, engineRefuses, type EngineState, type Finding, tlsProblem } from './engine.ts';
import type { ElasticConfig } from './engine-config.ts';
import { codeOf } from './error-code.ts';
import type { Fault } from './fault.ts';

export type ElasticConnection = {
  /** Every request ends in time and is made once. Wrap its answer in `ask`. */
  readonly client: Client;
  /** An index, alias or pattern of ours: the prefix and the name. */
  index(name: string): string;
  /** Awaits an answer; what fails because Elasticsearch is away, too busy or not yet well becomes a Fault of kind "unavailable". */
  ask<T>(answer: Promise<T>): Promise<T>;
  state(needed: boolean): EngineState;
  close(): Promise<void>;
};

export type ElasticSettings = ElasticConfig & { readonly ELASTICSEARCH_URL: string };

const engine = 'Elasticsearch';
const requestTimeoutMs = 10_000; // of a bulk; a search says a shorter one itself
const pingTimeoutMs = 2_000;

/**
 * Connects to Elasticsearch. Resolves when it answers, or when it is away: each request tries anew. Throws a StartError where it
 * answers and refuses: wrong password, wrong authority, plain text against TLS or the other way round.
 */
export async function openElastic(config: ElasticSettings, log: Logger): Promise<ElasticConnection> {
  await Promise.all(targetsOf(config).map((target) => refuseWrong(target, log)));
  const options: ClientOptions = {
    nodes: nodesOf(config),
    maxRetries: 0, // who asks knows whether to ask again, and whom else
    requestTimeout: requestTimeoutMs,
    resurrectStrategy: 'none', // a node that was away is simply asked again
    tls: {
      timeout: pingTimeoutMs, // to connect: a request that waits for that is not ended by its own time
      ...(config.ELASTICSEARCH_CA !== undefined && { ca: config.ELASTICSEARCH_CA }),
    },
  };
  const client = new Client(options);
  const ask = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((error: unknown) => {
      throw elasticFault(error) ?? error;
    });
  return {
    client,
    ask,
    index: (name) => config.ELASTICSEARCH_PREFIX + name,
    state: (needed) => ({
      name: engine,
      needed,
      check: async () => void (await ask(client.info({}, { requestTimeout: pingTimeoutMs }))),
    }),
    close: () => client.close(),
  };
}

function nodesOf(config: ElasticSettings): string[] {
  return config.ELASTICSEARCH_URL.split(',').map((url) => url.trim());
}

function targetsOf(config: ElasticSettings): KnockTarget[] {
  return nodesOf(config).map((node) => ({ url: new URL(node), ca: config.ELASTICSEARCH_CA, timeoutMs: pingTimeoutMs }));
}

async function refuseWrong(target: KnockTarget, log: Logger): Promise<void> {
  try {
    const { status } = await knock(target);
    if (status === 401) throw engineRefuses(engine, 'ELASTICSEARCH_URL', 'user or password is wrong', undefined);
    if (status === 403)
      throw engineRefuses(engine, 'ELASTICSEARCH_URL', 'the user may not do what the shop needs', undefined);
  } catch (error) {
    const why = await wrongTransport(target, error);
    if (why !== undefined) throw engineRefuses(engine, 'ELASTICSEARCH_CA, or https in ELASTICSEARCH_URL', why, error);
    if (codeOf(error) === '') throw error;
    log.warn({ err: error, engine }, 'an engine is away; trying again');
  }
}

async function wrongTransport(target: KnockTarget, error: unknown): Promise<string | undefined> {
  const code = codeOf(error);
  if (target.url.protocol === 'https:') {
    const isPlain = code === 'EPROTO' && /wrong version number|packet length too long/.test(String(error));
    return isPlain ? 'it speaks plain text there, not TLS' : tlsProblem(code);
  }
  const cutOff = code === 'ECONNRESET' || code.startsWith('HPE_');
  return cutOff && (await speaksTls(target)) ? 'it speaks TLS there, not plain text' : undefined;
}

const busy = new Set([401, 403, 408, 429, 502, 503, 504]);

/** What a driver's error means to a caller: undefined for one that is a bug of ours. Bodies, which hold what was searched, are left out. */
export function elasticFault(error: unknown): Fault | undefined {
  if (error instanceof errors.ResponseError) {
    const status = error.statusCode ?? 0;
    return busy.has(status) ? engineAway(engine, new Error(`Elasticsearch answered ${status}`)) : undefined;
  }
  const isAway =
    error instanceof errors.ConnectionError ||
    error instanceof errors.TimeoutError ||
    error instanceof errors.NoLivingConnectionsError ||
    error instanceof errors.RequestAbortedError;
  return isAway ? engineAway(engine, new Error(`${error.name}: ${error.message}`)) : undefined;
}

/** Whether the error says that there is no such index or alias. */
export function isMissing(error: unknown): boolean {
  return error instanceof errors.ResponseError && error.statusCode === 404;
}

const supported = { oldest: 8, newest: 9 }; // the client of 8 also speaks with 9, which the project isn't tested on

/** Looks at Elasticsearch as `npm run doctor` shows it. Writes and removes a small index of its own to see whether it may. */
export async function* examineElastic(config: ElasticSettings, now: () => Date): AsyncGenerator<Finding> {
  for (const target of targetsOf(config)) {
    for await (const finding of examineNode(target)) {
      yield finding;
      if (finding.verdict === 'bad') return;
    }
  }
  const client = new Client({
    nodes: nodesOf(config),
    maxRetries: 0,
    requestTimeout: requestTimeoutMs,
    ...(config.ELASTICSEARCH_CA !== undefined && { tls: { ca: config.ELASTICSEARCH_CA } }),
  });
  try {
    yield await examineRights(client, `${config.ELASTICSEARCH_PREFIX}doctor-${now().getTime()}`);
    yield await examineIndexes(client, config.ELASTICSEARCH_PREFIX);
    yield await examineClock(client, now);
  } catch (error) {
    yield { about: 'reachable', verdict: 'bad', text: `it stopped answering: ${String(error)}` };
  } finally {
    await client.close();
  }
}

async function* examineNode(target: KnockTarget): AsyncGenerator<Finding> {
  const { host, protocol } = target.url;
  try {
    const { status, version } = await knock(target);
    if (status !== 200) {
      yield {
        about: 'rights',
        verdict: 'bad',
        text: `${host} answers ${status}: correct user and password in ELASTICSEARCH_URL`,
      };
      return;
    }
    yield { about: 'reachable', verdict: 'good', text: `${host} answers` };
    const major = Number(version.split('.')[0]);
    const known = major >= supported.oldest && major <= supported.newest;
    yield {
      about: 'version',
      verdict: !known ? 'bad' : major === supported.oldest ? 'good' : 'warning',
      text: known
        ? `${version}${major === 8 ? '' : ': the client speaks with it, the tests ran on 8'}`
        : `${version}: use 8`,
    };
    yield protocol === 'https:'
      ? { about: 'tls', verdict: 'good', text: 'the connection is encrypted, the certificate trusted' }
      : { about: 'tls', verdict: 'warning', text: 'plain text: use https outside this machine' };
  } catch (error) {
    const why = await wrongTransport(target, error);
    yield why === undefined
      ? { about: 'reachable', verdict: 'bad', text: `${host} can’t be reached: ${codeOf(error) || String(error)}` }
      : {
          about: 'tls',
          verdict: 'bad',
          text: `${host}: ${why}. Correct ELASTICSEARCH_CA, or https in ELASTICSEARCH_URL`,
        };
  }
}

async function examineRights(client: Client, index: string): Promise<Finding> {
  try {
    await client.indices.create({ index, settings: { number_of_shards: 1, auto_expand_replicas: '0-1' } });
    await client.indices.delete({ index });
    return { about: 'rights', verdict: 'good', text: 'makes and removes indices' };
  } catch (error) {
    const status = error instanceof errors.ResponseError ? error.statusCode : undefined;
    if (status !== 403) throw error;
    return {
      about: 'rights',
      verdict: 'bad',
      text: `may not make ${index}: grant all on ${index.split('doctor')[0]}*`,
    };
  }
}

async function examineIndexes(client: Client, prefix: string): Promise<Finding> {
  const found = await client.indices.get({ index: `${prefix}*`, allow_no_indices: true });
  const names = Object.entries(found).map(([name, { aliases }]) => {
    const asked = Object.keys(aliases ?? {}).filter((alias) => !name.startsWith(alias.replace(/-write$/, '')));
    return asked.length === 0 ? name : `${name} (as ${asked.join(', ')})`;
  });
  return names.length === 0
    ? {
        about: 'schema',
        verdict: 'warning',
        text: 'no index yet: the first process makes it; npm run search -- status',
      }
    : { about: 'schema', verdict: 'good', text: names.join(', ') };
}

async function examineClock(client: Client, now: () => Date): Promise<Finding> {
  const beforeMs = now().getTime();
  const { nodes } = await client.nodes.stats({ metric: 'process' });
  const afterMs = now().getTime();
  const apartMs = Object.values(nodes).map(({ timestamp = NaN }) =>
    Math.max(0, beforeMs - timestamp, timestamp - afterMs),
  );
  const most = Math.max(...apartMs);
  return { about: 'clock', verdict: most > 5_000 ? 'warning' : 'good', text: `${most} ms apart` };
}
