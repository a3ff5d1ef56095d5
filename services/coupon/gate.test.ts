import { expect, test } from '@jest/globals';
import { createGate } from './gate.ts';

test('so many at a time, the others in the order in which they came, whether or not one fails', async () => {
  const gate = createGate(2);
  const log: string[] = [];
  const ends = new Map<string, (failed?: Error) => void>();
  const start = (name: string): Promise<string> =>
    gate(async () => {
      log.push(name);
      await new Promise<void>((resolve, reject) => ends.set(name, (failed) => (failed ? reject(failed) : resolve())));
      return name;
    });
  const [a, b, c, d] = [start('a'), start('b'), start('c'), start('d')];
  expect(log).toEqual(['a', 'b']);
  ends.get('b')?.(new Error('b failed'));
  await expect(b).rejects.toThrow('b failed');
  expect(log).toEqual(['a', 'b', 'c']);
  ends.get('a')?.();
  ends.get('c')?.();
  expect(await Promise.all([a, c])).toEqual(['a', 'c']);
  expect(log).toEqual(['a', 'b', 'c', 'd']);
  ends.get('d')?.();
  expect(await d).toBe('d');
  const e = start('e');
  expect(log.at(-1)).toBe('e');
  ends.get('e')?.();
  await e;
});
