import { expect, test } from '@jest/globals';
import type { Finding } from './engine.ts';
import { examineKafka } from './examination.kafka.ts';
import { engineVariable } from './testing/engines.ts';

const config = {
  KAFKA_BROKERS: engineVariable('KAFKA_BROKERS'),
  KAFKA_CA: engineVariable('KAFKA_CA'),
  KAFKA_USERNAME: engineVariable('KAFKA_USERNAME'),
  KAFKA_PASSWORD: engineVariable('KAFKA_PASSWORD'),
};

test('a Kafka that the shop can use is found good in all that is asked', async () => {
  const findings = await findingsOf(examineKafka(config, ['order', 'coupon']));
  expect(findings.filter(({ verdict }) => verdict !== 'good')).toEqual([]);
  expect(findings.map(({ about }) => about)).toEqual(expect.arrayContaining(['reachable', 'version', 'tls', 'schema']));
});

test('a wrong password is told as such, with what to correct', async () => {
  const findings = await findingsOf(examineKafka({ ...config, KAFKA_PASSWORD: 'hunter2' }, ['order']));
  expect(findings).toEqual([
    {
      about: 'reachable',
      verdict: 'bad',
      text: 'Kafka refuses us: user or password is wrong. Correct KAFKA_USERNAME and KAFKA_PASSWORD.',
    },
  ]);
});

async function findingsOf(examination: AsyncIterable<Finding>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of examination) findings.push(finding);
  return findings;
}
