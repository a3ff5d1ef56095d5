import { expect, test } from '@jest/globals';
import { readArguments } from './arguments.ts';

test('up without names starts all but Kafka, and down ends every engine', () => {
  expect(readArguments(['up']).names).toEqual(['postgres', 'redis', 'cassandra', 'elasticsearch', 'rabbitmq']);
  expect(readArguments(['down']).names).toContain('kafka');
  expect(readArguments(['up', 'kafka']).names).toEqual(['kafka']);
  expect(readArguments([]).verb).toBe('help');
});

test('versions and ports are of the engine that is named', () => {
  const { versions, ports, nodes } = readArguments([
    ...['up', '--version', 'cassandra=4.1.10', '--version', 'rabbitmq=4.0', '--nodes', '3'],
    ...['--port', 'redis=7000', '--port', 'rabbitmq.management=7001'],
  ]);

  expect(versions).toEqual({ cassandra: '4.1.10', rabbitmq: '4.0' });
  expect(ports).toEqual({ redis: { tls: 7000 }, rabbitmq: { management: 7001 } });
  expect(nodes).toBe(3);
});

test.each([
  [['begin'], '"begin" is no command: give up, down or status.'],
  [['up', 'mysql'], '"mysql" is no engine'],
  [['up', '--nodes', '2'], '--nodes takes 1 or 3.'],
  [['up', '--port', 'redis=many'], '--port redis=many is no port.'],
  [['up', '--version', 'redis'], '--version redis: give NAME=VALUE.'],
  [['up', '--fast'], "'--fast'"],
])('%j is refused with what to give instead', (args, text) => {
  expect(() => readArguments(args)).toThrow(text);
});

test('Docker is used as told, and chosen where nothing is told', () => {
  expect(readArguments(['up']).docker).toBeUndefined();
  expect(readArguments(['up', '--docker']).docker).toBe(true);
  expect(readArguments(['up', '--no-docker']).docker).toBe(false);
});
