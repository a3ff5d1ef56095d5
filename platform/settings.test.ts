import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { secret } from './config.ts';
import { readSettings } from './settings.ts';

const user = { name: 'user', config: z.object({ DATABASE_URL: z.string(), USER_SECRET: secret() }) };
const edge = { name: 'edge', config: z.object({ EDGE_LIMIT: z.coerce.number().default(10) }) };
const entries = [
  { name: 'user', port: 1001 },
  { name: 'edge', port: 1002 },
];
const certificates = { TLS_CERT_FILE: '/c', TLS_KEY_FILE: '/k', TLS_CA_FILE: '/a' };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u-settings-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('with an empty environment the shop has a database, roles and secrets of its own', async () => {
  const settings = await readSettings({ entries, services: [user, edge], variables: { ONLY2U_DATA: folder } });
  expect(settings.embedded?.roles).toEqual(expect.arrayContaining(['user', 'event-bus']));
  expect(settings.of(user).DATABASE_URL).toMatch(/^postgres:\/\/user:[\w-]{43}@127\.0\.0\.1:54329\/only2u$/);
  expect(settings.of(user).USER_SECRET).toMatch(/^[\w-]{43}$/);
  expect(settings.busOf('user')?.EVENT_BUS_URL).toMatch(/^postgres:\/\/event_bus:/);
  expect([settings.portOf('user'), settings.addressOf('edge')]).toEqual([1001, '127.0.0.1:1002']);
});

test('a service finds another where the environment says', async () => {
  const variables = { ONLY2U_DATA: folder, USER_ADDRESS: 'user.internal:9000', EDGE_PORT: '2000' };
  const settings = await readSettings({ entries, services: [edge], variables });
  expect([settings.addressOf('user'), settings.addressOf('edge')]).toEqual(['user.internal:9000', '127.0.0.1:2000']);
  expect(settings.embedded).toBeUndefined();
  expect(settings.busOf('edge')).toBeUndefined();
});

test('with a database elsewhere a secret is never made up, since other instances need the same', async () => {
  const variables = { ONLY2U_DATA: folder, DATABASE_URL: 'postgres://db/shop' };
  await expect(readSettings({ entries, services: [user], variables })).rejects.toThrow(/USER_SECRET: is not set/);
  const settings = await readSettings({
    entries,
    services: [user],
    variables: { ...variables, USER_SECRET: 's'.repeat(32) },
  });
  expect(settings.embedded).toBeUndefined();
  expect(settings.busOf('user')?.EVENT_BUS_URL).toBe('postgres://db/shop');
});

test('with database and certificates from elsewhere nothing is written to this machine', async () => {
  const unused = join(folder, 'unused');
  const variables = {
    ...certificates,
    ONLY2U_DATA: unused,
    DATABASE_URL: 'postgres://db/shop',
    USER_SECRET: 's'.repeat(32),
  };
  const settings = await readSettings({ entries, services: [user, edge], variables });
  expect(settings.data).toBeUndefined();
  expect(existsSync(unused)).toBe(false);
});

test('plain text to another machine is refused unless the environment allows it, and then told', async () => {
  const variables = {
    ONLY2U_DATA: folder,
    DATABASE_URL: 'postgres://db/shop?sslmode=disable',
    USER_SECRET: 's'.repeat(32),
  };
  const read = (more: Record<string, string>) =>
    readSettings({ entries, services: [user], variables: { ...variables, ...more } });
  await expect(read({})).rejects.toThrow(/ALLOW_PLAINTEXT=on[^]*\n {2}DATABASE_URL: names another machine/);
  const { warnings } = await read({ ALLOW_PLAINTEXT: 'on' });
  expect(warnings).toContain('DATABASE_URL names another machine, which is spoken to in plain text');
});
