import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { usualVersion as cassandraVersion } from './cassandra.ts';
import { cassandraConfig } from './cassandra-config.ts';
import { composeVariables } from './docker.ts';
import { elasticConfig, elasticsearch, usualVersion as elasticVersion } from './elasticsearch.ts';
import { kafka, kafkaConfig, usualVersion as kafkaVersion } from './kafka.ts';
import { hostRules, postgresConfig } from './postgres.ts';
import { rabbitConfig } from './rabbitmq.ts';
import { engineNames } from './recipe.ts';
import { loadRecipe } from './recipes.ts';
import { redisConfig, redisUsers } from './redis.ts';

const tls = { ca: '/tls/ca.pem', cert: '/tls/cert.pem', key: '/tls/key.pem', both: '/tls/both.pem' };
const place = { folder: '/data', ports: { tls: 1, management: 2, storage: 3, controller: 4, transport: 5 }, tls };
const unused = () => Promise.reject(new Error('not asked here'));
const wholePlace = {
  ...place,
  ...{ nodes: 1, version: undefined, secret: unused, write: unused, makeFolder: unused, say: () => undefined },
};

test('no engine listens for clients in plain text', () => {
  expect(redisConfig(wholePlace, '/data', '/users')).toMatch(/^port 0$/m);
  expect(postgresConfig(place)).toMatch(/^ssl = on$/m);
  expect(hostRules.trim().split('\n')).toEqual(['hostssl all all 127.0.0.1/32 scram-sha-256']);
  expect(rabbitConfig(place.ports, tls, 'secret')).toMatch(/^listeners.tcp = none$/m);
  expect(rabbitConfig(place.ports, tls, 'secret')).not.toMatch(/^management.tcp/m);
  const client = z.object({
    client_encryption_options: z.object({ enabled: z.literal(true), optional: z.literal(false) }),
  });
  client.parse(parse(cassandraConfig(place, '127.0.0.1', '/data')));
  expect(kafkaConfig(place, '/data', 'secret')).not.toContain('PLAINTEXT');
});

test('every engine listens on loopback alone', () => {
  const texts = [
    ...[redisConfig(wholePlace, '/data', '/users'), postgresConfig(place), rabbitConfig(place.ports, tls, 'secret')],
    ...[cassandraConfig(place, '127.0.0.1', '/data'), kafkaConfig(place, '/data', 'secret'), elasticConfig(place)],
  ];
  for (const text of texts) {
    expect(text).toContain('127.0.0.1');
    expect(text).not.toMatch(/0\.0\.0\.0|\*:|\[::\]/);
  }
});

test('whoever has no password is nobody, and a shop’s user of Redis may not empty it', () => {
  const users = redisUsers('one', 'another');
  expect(users).toContain('user default off');
  expect(users).not.toContain('one');
  expect(users).toMatch(/^user only2u .*-@dangerous/m);
  expect(cassandraConfig(place, '127.0.0.1', '/data')).toContain('authenticator: PasswordAuthenticator');
});

test('no two engines have a port in common, and none has its usual one', async () => {
  const recipes = await Promise.all(engineNames.map(loadRecipe));
  const ports = recipes.flatMap((recipe) => Object.values(recipe.ports));
  expect(new Set(ports).size).toBe(ports.length);
  for (const usual of [5432, 6379, 9042, 7000, 9200, 9300, 5671, 5672, 15671, 15672, 4369, 25672, 9092])
    expect(ports).not.toContain(usual);
  expect([elasticsearch.name, kafka.name]).toEqual(['elasticsearch', 'kafka']);
});

test('compose.yaml has every engine, in one version, with its ports on loopback and a check of its health', async () => {
  const text = await readFile(new URL('compose.yaml', import.meta.url), 'utf8');
  const service = z.object({
    image: z.string().regex(/:\d+\.\d+(\.\d+)?(-management)?$/),
    ports: z.array(z.string().startsWith('127.0.0.1:${')).min(1),
    healthcheck: z.object({ test: z.array(z.string()) }),
  });
  const { services } = z.object({ services: z.record(z.string(), service) }).parse(parse(text));
  expect(Object.keys(services).sort()).toEqual([...engineNames].sort());

  const recipes = await Promise.all(engineNames.map(loadRecipe));
  const given = composeVariables('/data', Object.fromEntries(recipes.map(({ name, ports }) => [name, ports])));
  const read = [...text.matchAll(/\$\{(\w+):\?\}/g)].map(([, name]) => name ?? '');
  for (const name of read) expect(Object.keys(given)).toContain(name);
});

const composed = new URL('compose.yaml', import.meta.url);

test('compose.yaml has the versions that the page names, of the same major as without Docker', async () => {
  const service = z.object({ image: z.string() });
  const { services } = z
    .object({ services: z.record(z.enum(engineNames), service) })
    .parse(parse(await readFile(composed, 'utf8')));
  const page = await readFile(new URL('../docs/engines.md', import.meta.url), 'utf8');
  const versionOf = (name: keyof typeof services): string => /:([\d.]+)/.exec(services[name].image)?.[1] ?? '';
  const titles = await Promise.all(engineNames.map(async (name) => [name, (await loadRecipe(name)).title] as const));
  for (const [name, title] of titles) expect(page.replaceAll(/\s+/g, ' ')).toContain(`${title} ${versionOf(name)}`);

  const majorOf = (version: string): string => version.split('.')[0] ?? '';
  expect(majorOf(versionOf('cassandra'))).toBe(majorOf(cassandraVersion));
  expect(majorOf(versionOf('elasticsearch'))).toBe(majorOf(elasticVersion));
  expect(majorOf(versionOf('kafka'))).toBe(majorOf(kafkaVersion));
  expect(Number(majorOf(versionOf('postgres')))).toBeGreaterThanOrEqual(15);
  expect(versionOf('redis')).toMatch(/^7\./);
  expect(versionOf('rabbitmq')).toMatch(/^4\./);
});

test('a health check in compose.yaml asks the port that is published', async () => {
  const service = z.object({ ports: z.array(z.string()), healthcheck: z.object({ test: z.array(z.string()) }) });
  const { services } = z
    .object({ services: z.record(z.string(), service) })
    .parse(parse(await readFile(composed, 'utf8')));
  const selfKnowing = ['postgres', 'rabbitmq']; // their tools look where the server says it listens
  for (const [name, { ports, healthcheck }] of Object.entries(services)) {
    const inside = /:(\$\{\w+:\?\}|\d+)$/.exec(ports[0] ?? '')?.[1];
    expect(inside).toBeDefined();
    if (!selfKnowing.includes(name)) expect(healthcheck.test.join(' ')).toContain(inside);
  }
});
