import { z } from 'zod';
import { readConfig } from '../config.ts';
import type { CassandraSettings } from '../connection.cassandra.ts';
import { cassandraVariables } from '../engine-config.ts';
import { engineVariable, engineVariables } from './engines.ts';

/** The Cassandra that runs for tests, with a keyspace of the test's own. */
export function testCassandraSettings(keyspace: string): CassandraSettings {
  const part = { name: 'test', config: z.object(cassandraVariables) };
  const variables = { ...engineVariables(), CASSANDRA_KEYSPACE: keyspace };
  return { ...readConfig([part], { variables }).of(part), CASSANDRA_HOSTS: engineVariable('CASSANDRA_HOSTS') };
}
