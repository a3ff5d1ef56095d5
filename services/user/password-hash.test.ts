import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { createPasswordHasher } from './password-hash.ts';

const open = (secret: string, concurrency = 2) =>
  createPasswordHasher({ secret: Buffer.from(secret), concurrency, metrics: new Registry() });

test('address and password together give the hash, whatever their spelling', async () => {
  const { hash } = open('a');
  const first = await hash('asha@example.com', 'caf\u00e9 caf\u00e9 42');
  expect(await hash(' ASHA@example.com', 'cafe\u0301 cafe\u0301 42')).toEqual(first);
  expect(await hash('ravi@example.com', 'caf\u00e9 caf\u00e9 42')).not.toEqual(first);
  expect(await hash('asha@example.com', 'caf\u00e9 caf\u00e9 43')).not.toEqual(first);
});

test('with another secret the same password has another hash', async () => {
  const [one, two] = await Promise.all(['a', 'b'].map((secret) => open(secret).hash('asha@example.com', 'monsoon')));
  expect(one).not.toEqual(two);
});

test('the memory is bounded: what finds no place in the queue is refused, and those in it are served', async () => {
  const { hash } = open('a', 2);
  const answers = await Promise.allSettled(
    Array.from({ length: 36 }, (_, i) => hash('asha@example.com', `monsoon ${i}`)),
  );
  const refused = answers.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(2); // 2 at work, 32 in the queue
  expect(refused[0]).toMatchObject({
    reason: { kind: 'resource-exhausted', reason: 'SIGN_IN_BUSY', retryAfterMs: 1000 },
  });
  await hash('asha@example.com', 'a place is free again');
});
