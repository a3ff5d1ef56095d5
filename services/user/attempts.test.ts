import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  chargeAttempt,
  clientNetwork,
  networkLimits,
  pairLimits,
  refundAttempt,
  tooManyAttempts,
  type AttemptLimits,
  type Attempts,
} from './attempts.ts';

const start = new Date('2026-03-01T10:00:00Z');
const after = (ms: number): Date => new Date(start.getTime() + ms);

/** How many wrong guesses somebody gets in who always asks again as soon as possible. */
function guessesWithin(ms: number, limits: AttemptLimits): number {
  let attempts: Attempts | undefined;
  let now = start;
  let guesses = 0;
  while (now.getTime() - start.getTime() < ms) {
    const charged = chargeAttempt(attempts, limits, now);
    if (charged === undefined) throw new Error('it was told when to come');
    attempts = charged;
    guesses += 1;
    now = new Date(Math.max(now.getTime() + 1, charged.blockedUntil.getTime()));
  }
  return guesses;
}

test('a person mistypes five times without waiting, then waits twice as long each time', () => {
  let attempts: Attempts | undefined;
  const waits: number[] = [];
  let now = start;
  for (let attempt = 1; attempt <= 9; attempt += 1) {
    attempts = chargeAttempt(attempts, pairLimits, now);
    const until = new Date(Math.max(now.getTime(), attempts?.blockedUntil.getTime() ?? 0));
    waits.push((until.getTime() - now.getTime()) / 1000);
    now = until;
  }
  expect(waits).toEqual([0, 0, 0, 0, 0, 1, 2, 4, 8]);
});

test('in a day a guesser gets some 150 guesses at one account, and 3,000 from one network at all', () => {
  const day = 86_400_000;
  expect(guessesWithin(day, pairLimits)).toBeLessThan(170);
  expect(guessesWithin(day, networkLimits)).toBeLessThan(3100);
});

test('two at once whose clocks were read in the other order both pass', () => {
  const first = chargeAttempt(undefined, pairLimits, after(1));
  expect(chargeAttempt(first, pairLimits, start)).toMatchObject({ failures: 2 });
});

test('while the wait lasts an attempt is refused and not counted', () => {
  const attempts = { failures: 8, lastTime: start, blockedUntil: after(4000) };
  expect(chargeAttempt(attempts, pairLimits, after(3999))).toBeUndefined();
  expect(chargeAttempt(attempts, pairLimits, after(4000))?.failures).toBeCloseTo(9, 1);
});

test('failures are forgotten with time', () => {
  const attempts = { failures: 6, lastTime: start, blockedUntil: after(1000) };
  expect(chargeAttempt(attempts, pairLimits, after(60 * 60_000))).toMatchObject({ failures: 1 });
});

test('a success takes back its own attempt and no other', () => {
  const before = { failures: 7, lastTime: start, blockedUntil: start };
  const charged = chargeAttempt(before, pairLimits, after(1));
  if (charged === undefined) throw new Error('it was refused');
  expect(refundAttempt(charged, charged)).toMatchObject({ blockedUntil: new Date(0) });
  expect(refundAttempt(charged, charged).failures).toBeCloseTo(7, 1);
  const anothers = { ...charged, failures: 9, blockedUntil: after(9000) };
  expect(refundAttempt(anothers, charged)).toMatchObject({ failures: 8, blockedUntil: after(9000) });
});

test('a clock that goes backwards forgives and punishes nothing', () => {
  const attempts = { failures: 3, lastTime: after(5000), blockedUntil: start };
  expect(chargeAttempt(attempts, pairLimits, after(1000))).toMatchObject({ failures: 4 });
});

test('the refusal says when to come again', () => {
  expect(tooManyAttempts(after(1500), start)).toMatchObject({
    kind: 'resource-exhausted',
    reason: 'TOO_MANY_ATTEMPTS',
    retryAfterMs: 1500,
    metadata: { retry_after_seconds: '2' },
  });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['', ''],
  ['unknown', ''],
])('the network of %j is %j', (address, network) => expect(clientNetwork(address)).toBe(network));

test('all addresses of a /64 are one network', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const network = clientNetwork(address);
      expect(clientNetwork(network.replace('::/64', ':1:2:3:4'))).toBe(network);
    }),
  );
});
