import { expect, test } from '@jest/globals';
import { createDrops } from './drops.ts';

test('what was dropped after a mark is known, and what was dropped before is past', () => {
  const drops = createDrops();
  drops.add(['a']);
  const mark = drops.mark();
  drops.add(['b']);
  expect(drops.since(mark, ['a'])).toBe(false);
  expect(drops.since(mark, ['x', 'b'])).toBe(true);
  expect(drops.since(drops.mark(), ['b'])).toBe(false);
  expect(drops.since(mark, [])).toBe(false);
});

test('where all or too many were dropped, nothing that was begun before counts', () => {
  const drops = createDrops();
  const first = drops.mark();
  drops.all();
  expect(drops.since(first, [])).toBe(true);
  const second = drops.mark();
  for (let id = 0; id < 10_001; id++) drops.add([`prd_${id}`]);
  expect(drops.since(second, ['other'])).toBe(true);
  expect(drops.since(drops.mark(), ['prd_3'])).toBe(false);
});
