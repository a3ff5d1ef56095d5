import { expect, test } from '@jest/globals';
import { createClosingStack } from './closing.ts';

test('what began last ends first, and a stage’s parts end at the same time', async () => {
  const ended: string[] = [];
  const stack = createClosingStack();
  stack.stage(() => void ended.push('database'));
  const servers = stack.stage();
  const slow = Promise.withResolvers<void>();
  servers.push(
    async () => {
      await slow.promise;
      ended.push('a');
    },
    () => {
      ended.push('b');
      slow.resolve();
    },
  );
  stack.stage(() => void ended.push('edge'));
  await stack.close();
  expect(ended).toEqual(['edge', 'b', 'a', 'database']);
});

test('a failure does not keep the rest open, and is told', async () => {
  const ended: string[] = [];
  const stack = createClosingStack();
  stack.stage(() => void ended.push('database'));
  stack.stage(() => {
    throw new Error('stuck');
  });
  await expect(stack.close()).rejects.toMatchObject({ errors: [new Error('stuck')] });
  expect(ended).toEqual(['database']);
});
