import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { currentKey, planKeys, publishedKeys, rotateKeys, type SigningKey } from './signing-key.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const start = new Date('2026-03-01T10:00:00Z');
const after = (ms: number): Date => new Date(start.getTime() + ms);

let made = 0;
const makeKey = (signsFrom: Date): SigningKey => ({
  id: `key ${(made += 1)}`,
  signsFrom,
  publicJwk: {},
  sealedPrivateKey: Buffer.alloc(0),
});

function carryOut(keys: readonly SigningKey[], now: Date): SigningKey[] {
  const plan = planKeys(keys, now);
  return [...keys.filter((key) => !plan.drop.includes(key.id)), ...plan.make.map(makeKey)];
}

test('at the first start there is a key that signs and one for next month', () => {
  const keys = carryOut([], start);
  expect(keys.map((key) => key.signsFrom)).toEqual([start, after(30 * dayMs)]);
  expect(carryOut(keys, after(dayMs))).toEqual(keys);
});

test('after a month the next key signs, and the old one is published until its last token has ended', () => {
  const [first, second] = carryOut([], start);
  const keys = carryOut(
    [first, second].filter((key) => key !== undefined),
    after(30 * dayMs),
  );
  expect(currentKey(keys, after(30 * dayMs))).toBe(second);
  expect(keys).toHaveLength(3);
  expect(publishedKeys(keys, after(30 * dayMs + 15 * minuteMs - 1))).toContain(first);
  expect(publishedKeys(keys, after(30 * dayMs + 15 * minuteMs))).not.toContain(first);
  expect(carryOut(keys, after(31 * dayMs)).map((key) => key.id)).not.toContain(first?.id);
});

test('after a long sleep the next key is published an hour before it signs', () => {
  const keys = carryOut(carryOut([], start), after(200 * dayMs));
  const latest = keys.at(-1);
  expect(latest?.signsFrom).toEqual(after(200 * dayMs + 60 * minuteMs));
});

test('a rotation signs with the key that was published already', () => {
  const keys = carryOut([], start);
  const rotated = rotateKeys(keys, after(dayMs));
  expect(rotated).toEqual({ ...keys[1], signsFrom: after(dayMs) });
});

test('through any rotations and pauses, one key signs, one is next, and every valid token’s key is published', () => {
  const steps = fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 40 * dayMs }), rotate: fc.boolean() }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, (run) => {
      let now = start;
      let keys = carryOut([], now);
      const tokens: { keyId: string; endMs: number }[] = [];
      for (const { waitMs, rotate } of run) {
        now = new Date(now.getTime() + waitMs);
        keys = carryOut(keys, now);
        const rotated = rotate ? rotateKeys(keys, now) : undefined;
        if (rotated !== undefined) {
          keys = carryOut(
            keys.map((key) => (key.id === rotated.id ? rotated : key)),
            now,
          );
        }
        const current = currentKey(keys, now);
        if (current === undefined) throw new Error('no key signs');
        tokens.push({ keyId: current.id, endMs: now.getTime() + 10 * minuteMs });
        const published = publishedKeys(keys, now).map((key) => key.id);
        for (const { keyId, endMs } of tokens) if (now.getTime() <= endMs) expect(published).toContain(keyId);
        expect(keys.filter((key) => key.signsFrom > now).length).toBeGreaterThanOrEqual(1);
        expect(keys.length).toBeLessThan(10 + run.length);
      }
    }),
    { numRuns: 500 },
  );
});
