import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { sslModeOf, sslModes } from './engine-address.ts';

/** Certificates of the authorities to trust, in PEM. */
export const authorities = z
  .string()
  .refine(areCertificates, 'holds no certificates in PEM; the path of a file goes into the variable that ends in _FILE')
  .optional();

/** The same, or "system" for the authorities of the system. */
const authoritiesOrSystem = z.literal('system').or(authorities);

function areCertificates(text: string): boolean {
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return found.length > 0 && found.every((pem) => new X509Certificate(pem).subject !== undefined);
  } catch {
    return false;
  }
}

/** Where a PostgreSQL is. TLS is what its sslmode says; without one it is on, and verified, but for this machine. */
export const postgresUrl = z
  .string()
  .refine(
    (text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text),
    'is no postgres://USER:PASSWORD@HOST:PORT/DATABASE',
  )
  .refine(
    (text) => !URL.canParse(text) || sslModeOf(new URL(text), false) !== undefined,
    `has an sslmode that is none of ${sslModes.join(', ')}`,
  );

const milliseconds = (least: number, most: number): z.ZodCoercedNumber => z.coerce.number().int().min(least).max(most);

/** What a service that keeps data in PostgreSQL reads. Without DATABASE_URL it is the one that comes with the shop. */
export const databaseVariables = {
  DATABASE_URL: postgresUrl,
  /** Whom to trust there, in PEM; without it the system's authorities. */
  DATABASE_CA: authorities,
  /** A standby of it, for reads that may be some seconds old. */
  DATABASE_REPLICA_URL: postgresUrl.optional(),
  /** Past this the standby is not asked. */
  DATABASE_REPLICA_MAX_LAG_MS: milliseconds(1_000, 60_000).default(2_000),
  /** The most connections that the service holds in this process. */
  DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(200).default(8),
  /** How long to wait for a connection, be it a new one or one that another is done with. */
  DATABASE_CONNECT_TIMEOUT_MS: milliseconds(100, 60_000).default(5_000),
  /** What a statement may take, and what it may wait for a lock. */
  DATABASE_STATEMENT_TIMEOUT_MS: milliseconds(100, 600_000).default(10_000),
  DATABASE_LOCK_TIMEOUT_MS: milliseconds(50, 600_000).default(8_000),
};

export type DatabaseConfig = z.infer<z.ZodObject<typeof databaseVariables>>;

/**
 * The variables that move a port to its production engine. A service spreads those it can use into its own `config`. Without the
 * first of each the embedded default holds. As every variable each may come from a file (REDIS_URL_FILE), which is how passwords and
 * authorities are given.
 */
export const redisVariables = {
  /** redis://… or rediss://USER:PASSWORD@HOST:PORT/DATABASE; rediss is TLS. */
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  /** Whom to trust with rediss, in PEM; without it the system's authorities. */
  REDIS_CA: authorities,
  /** What all keys and channels begin with. */
  REDIS_PREFIX: z
    .string()
    .regex(/^[a-z0-9._:-]{1,32}$/, 'is no prefix: up to 32 small letters, digits and . _ : -')
    .default('only2u:'),
};

export type RedisConfig = z.infer<z.ZodObject<typeof redisVariables>>;

export const rabbitVariables = {
  /** amqps://USER:PASSWORD@HOST:PORT/VIRTUAL-HOST; amqps is TLS. Each service has a user of its own: ORDER_RABBITMQ_URL. */
  RABBITMQ_URL: z.url({ protocol: /^amqps?$/ }).optional(),
  /** Whom to trust with amqps, in PEM; without it the system's authorities. */
  RABBITMQ_CA: authorities,
};

export type RabbitConfig = z.infer<z.ZodObject<typeof rabbitVariables>>;

export const kafkaVariables = {
  /** host:port of some brokers, with commas between. */
  KAFKA_BROKERS: z
    .string()
    .regex(/^[^\s,]+:\d+(,[^\s,]+:\d+)*$/, 'is no list of host:port with commas between')
    .optional(),
  /** Whom to trust, in PEM, or "system" for the system's authorities: with it Kafka is spoken to with TLS. */
  KAFKA_CA: authoritiesOrSystem,
  /** SASL SCRAM-SHA-512. */
  KAFKA_USERNAME: z.string().optional(),
  KAFKA_PASSWORD: z.string().optional(),
};

export type KafkaConfig = z.infer<z.ZodObject<typeof kafkaVariables>>;

export const elasticVariables = {
  /** https://USER:PASSWORD@HOST:9200, of several nodes with commas between; http is plain text. */
  ELASTICSEARCH_URL: z
    .string()
    .refine(
      (text) => text.split(',').every((url) => /^https?:\/\/[^/\s]+/.test(url.trim()) && URL.canParse(url.trim())),
      'is no list of http or https URLs',
    )
    .optional(),
  /** Whom to trust with https, in PEM; without it the system's authorities. */
  ELASTICSEARCH_CA: authorities,
  /** What all indices and aliases begin with. */
  ELASTICSEARCH_PREFIX: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9._-]{0,31}$/,
      'is no prefix: up to 32 small letters, digits and . _ -, a letter or digit first',
    )
    .default('only2u-'),
};

export type ElasticConfig = z.infer<z.ZodObject<typeof elasticVariables>>;

/** The production engine of message logs. */
export const cassandraVariables = {
  /** HOST:PORT of some nodes, with commas; the others are found through them, and listen on the same port. */
  CASSANDRA_HOSTS: z
    .string()
    .regex(/^[^\s,:]+(:\d{1,5})?(,[^\s,:]+(:\d{1,5})?)*$/, 'is no list such as cassandra-1:9042,cassandra-2:9042')
    .optional(),
  CASSANDRA_USERNAME: z.string().default(''),
  CASSANDRA_PASSWORD: z.string().default(''),
  /** The data center that is asked; others get copies. */
  CASSANDRA_DATACENTER: z.string().default('datacenter1'),
  CASSANDRA_KEYSPACE: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,47}$/, 'is no keyspace: up to 48 small letters, digits and _')
    .default('only2u'),
  /** Copies for a keyspace that is yet to be made: 3 in CASSANDRA_DATACENTER, or by data center, such as dc1:3,dc2:3. */
  CASSANDRA_REPLICATION: z
    .string()
    .regex(/^([1-9]|[\w.-]+:[1-9](,[\w.-]+:[1-9])*)$/, 'is no number such as 3, or list such as dc1:3,dc2:3')
    .optional(),
  /** Whom to trust, in PEM; with it TLS is spoken. */
  CASSANDRA_CA: authorities,
  /** TLS with the system's authorities is "on" without CASSANDRA_CA. */
  CASSANDRA_TLS: z.enum(['on', 'off']).optional(),
};

export const cassandraConfig = z.object(cassandraVariables);

export type CassandraConfig = z.infer<typeof cassandraConfig>;
