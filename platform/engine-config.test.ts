import { rootCertificates } from 'node:tls';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import * as variables from './engine-config.ts';
import { processConfig } from './process-config.ts';

const certificate = rootCertificates[0] ?? '';

test.each([
  ['DATABASE_CA', variables.databaseVariables.DATABASE_CA],
  ['REDIS_CA', variables.redisVariables.REDIS_CA],
  ['RABBITMQ_CA', variables.rabbitVariables.RABBITMQ_CA],
  ['KAFKA_CA', variables.kafkaVariables.KAFKA_CA],
  ['ELASTICSEARCH_CA', variables.elasticVariables.ELASTICSEARCH_CA],
  ['CASSANDRA_CA', variables.cassandraVariables.CASSANDRA_CA],
])('%s holds certificates, and the path of a file is told apart from them', (_name, schema) => {
  expect(schema.safeParse(`${certificate}\n${certificate}`).success).toBe(true);
  expect(schema.safeParse(undefined).success).toBe(true);
  for (const wrong of ['/etc/ssl/ca.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])
    expect(z.prettifyError(schema.safeParse(wrong).error ?? new z.ZodError([]))).toContain('ends in _FILE');
});

test('what a process tells all others goes through the Redis that its configuration names', () => {
  const config = processConfig.parse({ REDIS_URL: 'rediss://redis:6379' });
  expect(config).toMatchObject({ REDIS_URL: 'rediss://redis:6379', REDIS_PREFIX: 'only2u:' });
});
