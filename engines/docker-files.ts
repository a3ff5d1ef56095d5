import { randomBytes } from 'node:crypto';
import { cassandraConfig } from './cassandra-config.ts';
import { kafkaConfig } from './kafka.ts';
import { rabbitConfig } from './rabbitmq.ts';
import { redisConfig, redisUsers } from './redis.ts';
import type { EngineName, Place } from './recipe.ts';

/** A container's loopback is its own: what must be reached through a published port listens on all addresses inside. */
function opened(text: string): string {
  return text.replaceAll('127.0.0.1', '0.0.0.0');
}

const writers: Readonly<Record<EngineName, (place: Place) => Promise<unknown>>> = {
  // The image's own start signs in through the socket, which nobody outside has.
  postgres: async (place) => {
    await place.secret('admin-password');
    return place.write('docker/pg_hba.conf', 'local all all trust\nhostssl all all all scram-sha-256\n');
  },
  redis: async (place) => {
    const users = redisUsers(await place.secret('password'), await place.secret('admin-password'));
    const file = await place.write('docker/users.acl', users);
    return place.write('docker/redis.conf', opened(redisConfig(place, '/data', file)));
  },
  cassandra: (place) =>
    place.write(
      'docker/cassandra.yaml',
      cassandraConfig(place, '127.0.0.1', '/var/lib/cassandra').replace(
        'rpc_address: 127.0.0.1',
        'rpc_address: 0.0.0.0\nbroadcast_rpc_address: 127.0.0.1',
      ),
    ),
  elasticsearch: (place) => place.secret('password'),
  rabbitmq: async (place) =>
    place.write(
      'docker/rabbitmq.conf',
      opened(rabbitConfig(place.ports, place.tls, await place.secret('admin-password'))),
    ),
  kafka: async (place) => {
    await place.secret('password');
    await place.write('docker/cluster-id', randomBytes(16).toString('base64url'));
    const config = kafkaConfig(place, '/var/lib/kafka/data', await place.secret('broker-password'));
    return place.write(
      'docker/server.properties',
      config.replace(/^listeners=SASL_SSL:\/\/127\.0\.0\.1/m, 'listeners=SASL_SSL://0.0.0.0'),
    );
  },
};

/** Writes what compose.yaml mounts for an engine. */
export async function writeDockerFiles(name: EngineName, place: Place): Promise<void> {
  await writers[name](place);
}
