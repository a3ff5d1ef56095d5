import { expect, test } from '@jest/globals';
import { StartError } from '#platform/start-error.ts';
import { failureOf, installingAs, MissingPackages, orNotOurs } from './missing-packages.ts';
import { majorOf } from './postgres.ts';

const no = () => Promise.resolve(false);
const yes = () => Promise.resolve(true);

test('root installs itself, whoever has sudo without a password by that, and nobody else', async () => {
  expect(await installingAs(0, no)).toEqual([]);
  expect(await installingAs(1000, yes)).toEqual(['sudo', '-n']);
  expect(await installingAs(1000, no)).toBeUndefined();
});

test('all that only root can install is one line with one command, however many engines lack it', () => {
  const java = ['openjdk-17-jdk-headless', 'maven'];
  const failure = failureOf([
    { title: 'Redis', error: new MissingPackages(['redis-server']) },
    { title: 'Cassandra', error: new MissingPackages(java) },
    { title: 'Elasticsearch', error: new MissingPackages(java) },
  ]);

  expect(failure).toBeInstanceOf(StartError);
  expect(failure instanceof Error ? failure.message : '').toBe(
    'Redis, Cassandra, Elasticsearch: Only root can install what is missing. As root: apt-get update && apt-get install --yes' +
      ' --no-install-recommends redis-server openjdk-17-jdk-headless maven; then start again, as yourself.',
  );
});

test('other reasons follow it, and a bug keeps its stack', () => {
  const missing = { title: 'Redis', error: new MissingPackages(['redis-server']) };
  const taken = { title: 'Kafka', error: new StartError('Port 1 is taken.') };
  const bug = { title: 'RabbitMQ', error: new TypeError('oops') };

  expect(failureOf([taken, missing])).toMatchObject({
    message: expect.stringMatching(/^Redis: .*\n\nPort 1 is taken\.$/),
  });
  expect(failureOf([taken, missing, bug])).toBe(bug.error);
});

test('of several PostgreSQL the newest runs, or the one that was asked for; what is too old is none', () => {
  expect(majorOf(['14', '17', '15'], undefined)).toBe(17);
  expect(majorOf(['17', '15'], '15')).toBe(15);
  expect(majorOf(['15'], '16')).toBeUndefined();
  expect(majorOf(['13', '14', 'old'], undefined)).toBeUndefined();
  expect(majorOf([], undefined)).toBeUndefined();
  expect(() => majorOf([], 'newest')).toThrow('PostgreSQL newest: give a major version, 15 or later');
  expect(() => majorOf(['14'], '14')).toThrow('15 or later');
});

test('a folder that root began is said in one line, and no other error is touched', () => {
  const closed = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', path: '/shop/.tools' });
  const other = new TypeError('oops');

  expect(orNotOurs(closed)).toMatchObject({
    message: expect.stringMatching(/^\/shop\/\.tools belongs to another user/),
  });
  expect(failureOf([{ title: 'Kafka', error: closed }])).toBeInstanceOf(StartError);
  expect(orNotOurs(other)).toBe(other);
});
