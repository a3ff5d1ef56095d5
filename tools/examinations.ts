import { z } from 'zod';
import { isGiven, readConfig } from '#platform/config.ts';
import {
  cassandraVariables,
  databaseVariables,
  elasticVariables,
  kafkaVariables,
  rabbitVariables,
  redisVariables,
} from '#platform/engine-config.ts';
import type { Examination, Finding } from '#platform/engine.ts';
import type { Service } from '#platform/service.ts';
import { readSettings, type Settings, type SettingsOptions } from '#platform/settings.ts';

/** An engine to look at, with the services that use it in the same way. */
export type Examining = {
  readonly engine: string;
  readonly services: readonly string[];
  /** What must never be shown. */
  readonly secrets: readonly string[];
  readonly examine: Examination;
};

export type Examined = Pick<Examining, 'engine' | 'services'> & { readonly findings: readonly Finding[] };

export type ExaminationsOptions = SettingsOptions & { readonly services: readonly Service[] };

type Values = Readonly<Record<string, unknown>>;

/** How an engine is found in a service's configuration. */
type Kind<S extends z.ZodRawShape = z.ZodRawShape> = {
  readonly engine: string;
  /** The variables that say where and how it is; without the first it isn't used. */
  readonly variables: S;
  readonly first: string;
  examine(config: z.infer<z.ZodObject<S>>, services: readonly Service[]): AsyncIterable<Finding>;
};

function kind<S extends z.ZodRawShape>(own: Kind<S>): Kind {
  return own; // it is only asked with what its own variables gave
}

const limitMs = 30_000; // of one engine with all its questions; each of those has a limit of its own
const now = (): Date => new Date();

const { DATABASE_URL, DATABASE_CA, DATABASE_REPLICA_URL } = databaseVariables;

const kinds: readonly Kind[] = [
  kind({
    engine: 'PostgreSQL',
    variables: { DATABASE_URL, DATABASE_CA },
    first: 'DATABASE_URL',
    async *examine({ DATABASE_URL: url, DATABASE_CA: ca }, services) {
      const { examinePostgres } = await import('#platform/examination.postgres.ts');
      yield* examinePostgres({ url, ca }, services.map(schemaOf), now);
    },
  }),
  kind({
    engine: 'PostgreSQL replica',
    variables: { DATABASE_URL, DATABASE_CA, DATABASE_REPLICA_URL },
    first: 'DATABASE_REPLICA_URL',
    async *examine({ DATABASE_URL: url, DATABASE_CA: ca, DATABASE_REPLICA_URL: replica = '' }) {
      const { examineReplica } = await import('#platform/examination.postgres.ts');
      yield* examineReplica({ url: replica, ca }, { url, ca });
    },
  }),
  kind({
    engine: 'PostgreSQL for events',
    variables: { EVENT_BUS_URL: DATABASE_URL, EVENT_BUS_CA: DATABASE_CA },
    first: 'EVENT_BUS_URL',
    async *examine({ EVENT_BUS_URL: url, EVENT_BUS_CA: ca }) {
      const { examinePostgres } = await import('#platform/examination.postgres.ts');
      yield* examinePostgres({ url, ca }, [], now);
    },
  }),
  kind({
    engine: 'Redis',
    variables: redisVariables,
    first: 'REDIS_URL',
    async *examine({ REDIS_URL = '', ...config }) {
      const { examineRedis } = await import('#platform/examination.redis.ts');
      yield* examineRedis({ ...config, REDIS_URL });
    },
  }),
  kind({
    engine: 'RabbitMQ',
    variables: rabbitVariables,
    first: 'RABBITMQ_URL',
    async *examine({ RABBITMQ_URL = '', ...config }, services) {
      const { examineRabbit } = await import('#platform/examination.amqp.ts');
      yield* examineRabbit(
        { ...config, RABBITMQ_URL },
        services.map(({ name }) => name),
      );
    },
  }),
  kind({
    engine: 'Kafka',
    variables: kafkaVariables,
    first: 'KAFKA_BROKERS',
    async *examine({ KAFKA_BROKERS = '', ...config }, services) {
      const { examineKafka } = await import('#platform/examination.kafka.ts');
      yield* examineKafka(
        { ...config, KAFKA_BROKERS },
        services.map(({ name }) => name),
      );
    },
  }),
  kind({
    engine: 'Elasticsearch',
    variables: elasticVariables,
    first: 'ELASTICSEARCH_URL',
    async *examine({ ELASTICSEARCH_URL = '', ...config }) {
      const { examineElastic } = await import('#platform/connection.elastic.ts');
      yield* examineElastic({ ...config, ELASTICSEARCH_URL }, now);
    },
  }),
  kind({
    engine: 'Cassandra',
    variables: cassandraVariables,
    first: 'CASSANDRA_HOSTS',
    async *examine({ CASSANDRA_HOSTS = '', ...config }) {
      const { examineCassandra } = await import('#platform/examination.cassandra.ts');
      yield* examineCassandra({ ...config, CASSANDRA_HOSTS });
    },
  }),
];

/** What there is to look at: engines that the environment names, once for all services that use them in the same way. */
export async function examinationsOf(options: ExaminationsOptions): Promise<Examining[]> {
  const settings = await readSettings(options);
  return kinds.flatMap(({ engine, variables, first, examine }) => {
    const groups = new Map<string, { values: Values; services: Service[] }>();
    for (const service of options.services) {
      const values = valuesOf(settings, service, Object.keys(variables));
      const place = values[first];
      if (typeof place !== 'string' || isEmbedded(settings, place)) continue;
      // Events go through the database that is looked at anyway, unless another is named.
      if (first === 'EVENT_BUS_URL' && valuesOf(settings, service, ['DATABASE_URL'])['DATABASE_URL'] === place)
        continue;
      const key = JSON.stringify(Object.entries(values).sort());
      const group = groups.get(key) ?? { values, services: [] };
      groups.set(key, { ...group, services: [...group.services, service] });
    }
    // Set, though no service of this version reads it: it is looked at all the same.
    if (groups.size === 0 && first !== 'DATABASE_URL' && isGiven(options.variables, 'shop', first)) {
      const part = { name: 'shop', config: z.object(variables) };
      groups.set('', {
        values: z.record(z.string(), z.unknown()).parse(readConfig([part], options).of(part)),
        services: [],
      });
    }
    return [...groups.values()].map(({ values, services }) => ({
      engine,
      services: services.map(({ name }) => name),
      secrets: secretsOf(values),
      examine: () => examine(z.object(variables).parse(values), services),
    }));
  });
}

/** All of them side by side. What takes too long is bad. */
export function examineAll(all: readonly Examining[]): Promise<Examined[]> {
  return Promise.all(
    all.map(async ({ engine, services, secrets, examine }) => {
      const findings: Finding[] = [];
      const look = async (): Promise<void> => {
        for await (const finding of examine()) findings.push(finding);
      };
      const failed = await within(limitMs, look());
      if (failed !== undefined) findings.push({ about: 'reachable', verdict: 'bad', text: failed });
      const hide = (shown: string): string => secrets.reduce((left, secret) => left.replaceAll(secret, '…'), shown);
      return { engine, services, findings: findings.map((finding) => ({ ...finding, text: hide(finding.text) })) };
    }),
  );
}

async function within(ms: number, work: Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${ms / 1_000} s`), ms);
  });
  const done = work.then(
    () => undefined,
    (error: unknown) => `it can’t be examined: ${error instanceof Error ? error.message : String(error)}`,
  );
  const outcome = await Promise.race([done, late]);
  clearTimeout(timer);
  return outcome;
}

function valuesOf(settings: Settings, service: Service, wanted: readonly string[]): Values {
  const own = settings.of(service);
  const all = { ...settings.busOf(service.name), ...(typeof own === 'object' && own !== null ? own : {}) };
  return Object.fromEntries(
    Object.entries(all).filter(([name, value]) => wanted.includes(name) && value !== undefined),
  );
}

// The one that comes with the shop is there when the shop is.
function isEmbedded({ embedded }: Settings, url: unknown): boolean {
  return embedded !== undefined && embedded.roles.some((role) => embedded.postgres.urlOf(role) === url);
}

// Passwords of URLs, and all that is called one.
function secretsOf(values: Values): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (typeof value !== 'string') return [];
    const inUrls = value.split(',').flatMap((each) => (URL.canParse(each) ? [new URL(each).password] : []));
    const raw = inUrls.map((password) => decodeURIComponent(password));
    return [...inUrls, ...raw, ...(name.endsWith('PASSWORD') ? [value] : [])].filter((secret) => secret !== '');
  });
}

// "user" and "order" are words of SQL's own.
function schemaOf({ name }: Service) {
  const schema = name === 'user' || name === 'order' ? `${name}_service` : name;
  return { service: name, schema, migrations: new URL(`../services/${name}/migrations/`, import.meta.url) };
}
