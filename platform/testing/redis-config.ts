import { readFileSync } from 'node:fs';
import type { RedisSettings } from '../connection.redis.ts';
import { engineVariable, engineVariables } from './engines.ts';

/** How a test connects to the Redis that runs, with keys of its own. */
export function testRedisConfig(prefix: string): RedisSettings {
  const file = engineVariables()['REDIS_CA_FILE'];
  return {
    REDIS_URL: engineVariable('REDIS_URL'),
    REDIS_CA: file === undefined ? undefined : readFileSync(file, 'utf8'),
    REDIS_PREFIX: prefix,
  };
}
