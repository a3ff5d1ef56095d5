import { expect, test } from '@jest/globals';
import { createLanes } from './event-bus-lanes.ts';

type Item = { readonly name: string; readonly done: PromiseWithResolvers<number | undefined> };

function item(name: string): Item {
  return { name, done: Promise.withResolvers() };
}

function world(concurrency: number) {
  const begun: string[] = [];
  const lanes = createLanes<Item>({
    concurrency,
    run({ name, done }) {
      begun.push(name);
      return done.promise;
    },
  });
  return { begun, lanes };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('items of one key run one after another, those of others meanwhile, no more than so many at a time', async () => {
  const { begun, lanes } = world(2);
  const [a1, a2, b, c] = ['a1', 'a2', 'b', 'c'].map(item) as [Item, Item, Item, Item];
  for (const [key, each] of [
    ['a', a1],
    ['a', a2],
    ['b', b],
    ['c', c],
  ] as const)
    lanes.add(key, each);
  expect(begun).toEqual(['a1', 'b']);
  b.done.resolve(undefined);
  await settled();
  expect(begun).toEqual(['a1', 'b', 'c']);
  a1.done.resolve(undefined);
  await settled();
  expect(begun).toEqual(['a1', 'b', 'c', 'a2']);
});

test('an item that is to run again holds its key, and no other', async () => {
  const { begun, lanes } = world(8);
  const [first, second, other] = ['first', 'second', 'other'].map(item) as [Item, Item, Item];
  lanes.add('a', first);
  lanes.add('a', second);
  first.done.resolve(3_600_000);
  await settled();
  lanes.add('b', other);
  expect(begun).toEqual(['first', 'other']);
  other.done.resolve(undefined);
  await lanes.close(); // ends the wait, too
});

test('items without a key wait for nobody', async () => {
  const { begun, lanes } = world(8);
  const both = ['one', 'two'].map(item);
  for (const each of both) lanes.add('', each);
  expect(begun).toEqual(['one', 'two']);
  for (const { done } of both) done.resolve(undefined);
  await lanes.close();
});
