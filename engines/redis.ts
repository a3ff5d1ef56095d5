import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { fromApt, inPath, installedBy } from './programs.ts';
import type { Place, Recipe } from './recipe.ts';

const user = 'only2u';
const admin = 'admin';

/** redis.conf: TLS alone, on this machine alone. */
export function redisConfig(place: Place, data: string, users: string): string {
  const { tls, ports } = place;
  return `bind 127.0.0.1
port 0
tls-port ${ports['tls']}
tls-cert-file "${tls.cert}"
tls-key-file "${tls.key}"
tls-ca-cert-file "${tls.ca}"
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
aclfile "${users}"
dir "${data}"
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy noeviction
`;
}

/** The users: nobody without a password; a shop's may do nothing to the server or to all keys at once. */
export function redisUsers(password: string, adminPassword: string): string {
  const hash = (text: string): string => `#${createHash('sha256').update(text).digest('hex')}`;
  return `user default off
user ${user} on ${hash(password)} ~* &* +@all -@admin -@dangerous +info +config|get
user ${admin} on ${hash(adminPassword)} ~* &* +@all
`;
}

function urlOf(place: Place, name: string, password: string): string {
  return `rediss://${name}:${password}@127.0.0.1:${place.ports['tls']}`;
}

function program(place: Place): Promise<string> {
  if (place.version !== 'valkey') return fromApt(['redis-server'], '/usr/bin/redis-server', place.say);
  return installedBy(['valkey-server'], () => Promise.resolve(inPath('valkey-server')), place.say);
}

/** Redis 7 of the system's packages; Valkey, of its packages or anywhere in PATH, as the version "valkey". */
export const redis: Recipe = {
  name: 'redis',
  title: 'Redis',
  ports: { tls: 26_380 },
  memoryMb: 20,
  startWithinMs: 30_000,
  async plan(place) {
    const users = await place.write(
      'users.acl',
      redisUsers(await place.secret('password'), await place.secret('admin-password')),
    );
    const data = await place.makeFolder('data');
    const config = await place.write('redis.conf', redisConfig(place, data, users));
    return [{ name: 'redis', command: [await program(place), config] }];
  },
  async setUp(place) {
    await asked(place, (client) => client.ping());
  },
  async check(place) {
    const info = await asked(place, (client) => client.info('server'));
    const valkeyVersion = /^valkey_version:(\S+)/m.exec(info)?.[1];
    return valkeyVersion === undefined ? (/^redis_version:(\S+)/m.exec(info)?.[1] ?? '?') : `Valkey ${valkeyVersion}`;
  },
  async variables(place) {
    return {
      REDIS_URL_FILE: await place.write('url', urlOf(place, user, await place.secret('password'))),
      REDIS_CA_FILE: place.tls.ca,
      REDIS_ADMIN_URL_FILE: await place.write('admin-url', urlOf(place, admin, await place.secret('admin-password'))),
    };
  },
};

async function asked<T>(place: Place, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(urlOf(place, user, await place.secret('password')), {
    tls: { ca: await readFile(place.tls.ca, 'utf8') },
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    retryStrategy: () => null,
  });
  const failed = new Promise<never>((_, fail) => client.once('error', fail));
  failed.catch(() => undefined);
  try {
    await Promise.race([client.connect(), failed]);
    return await ask(client);
  } finally {
    client.disconnect();
  }
}
