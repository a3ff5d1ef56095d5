import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { startOf } from './engine-process.ts';
import { type EngineRecord, writeRecord } from './state.ts';
import { shopVariables, variablesFile, writeVariables } from './variables.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u-engines-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function keep(name: 'redis' | 'postgres', processes: EngineRecord['processes']): Promise<void> {
  await mkdir(join(folder, name));
  await writeRecord(join(folder, name), {
    name,
    version: '1',
    chosen: { nodes: 1, docker: false },
    ports: { tls: 1 },
    processes,
    variables: { [`${name.toUpperCase()}_URL_FILE`]: `/${name}/url` },
  });
}

function thisProcess(): EngineRecord['processes'][number] {
  return { name: 'node', pid: process.pid, started: '', logFrom: 0 };
}

test('variables.json holds what the engines that run give, for its owner alone', async () => {
  await keep('redis', [{ ...thisProcess(), started: startOf(process.pid) }]);
  await keep('postgres', [{ ...thisProcess(), started: 'another time' }]); // the number is another process’s now

  await writeVariables(folder);

  expect(JSON.parse(await readFile(variablesFile(folder), 'utf8'))).toEqual({ REDIS_URL_FILE: '/redis/url' });
  expect((await stat(variablesFile(folder))).mode & 0o777).toBe(0o600);
});

test('a shop gets no administrator’s variables, and Kafka’s only where no RabbitMQ carries the events', () => {
  const kafka = { KAFKA_BROKERS: '127.0.0.1:1' };
  const rabbit = {
    ORDER_RABBITMQ_URL_FILE: '/url',
    RABBITMQ_ADMIN_URL_FILE: '/admin',
    RABBITMQ_MANAGEMENT_URL_FILE: '/m',
  };

  expect(shopVariables({ ...kafka, ...rabbit })).toEqual({ ORDER_RABBITMQ_URL_FILE: '/url' });
  expect(shopVariables(kafka)).toEqual(kafka);
});
