import { expect, test } from '@jest/globals';
import { keepRunning, type KeptProcess } from './kept-process.ts';
import { beganAt } from './process-start.ts';

/** A process that runs a script of Node's; ready once it has written a line. */
function keep(script: string): { readonly kept: KeptProcess; readonly said: string[]; readonly lines: string[] } {
  const said: string[] = [];
  const lines: string[] = [];
  let pid = 0;
  const kept = keepRunning({
    name: 'cart',
    command: process.execPath,
    args: ['-e', script],
    env: {},
    cwd: '.',
    isReady: () => Promise.resolve(lines.includes(`up ${pid}`)),
    line: (text) => lines.push(text),
    say: (text) => said.push(text),
    began(_, number) {
      pid = number;
      return Promise.resolve();
    },
  });
  return { kept, said, lines };
}

const serving = 'console.log(`up ${process.pid}`); setInterval(() => {}, 1000)';

test('a process that is killed is started again, in words', async () => {
  const { kept, said } = keep(serving);
  await kept.ready;
  const first = kept.pid();
  if (first === undefined) throw new Error('it does not run');
  process.kill(first, 'SIGKILL');
  while (said.length < 2) await new Promise((resolve) => setImmediate(resolve));
  expect(said[0]).toBe('cart has ended with SIGKILL; it is started again in 0.1 s');
  expect(said[1]).toMatch(/^cart is back after \d\.\d s$/);
  expect(kept.pid()).not.toBe(first);
  await kept.close(2_000);
  expect(kept.pid()).toBeUndefined();
});

test('one that ends instead of starting is told with its last words', async () => {
  const { kept } = keep('console.error("no DATABASE_URL"); process.exit(3)');
  await expect(kept.ready).rejects.toThrow('cart ended with code 3 instead of starting:\nno DATABASE_URL');
  await kept.close(2_000);
});

test('one that does not listen is killed in the end, and so is one that was stopped', async () => {
  const { kept } = keep(`process.on('SIGTERM', () => {}); ${serving}`);
  await kept.ready;
  const pid = kept.pid();
  if (pid === undefined) throw new Error('it does not run');
  process.kill(pid, 'SIGSTOP');
  await kept.close(200);
  expect(beganAt(pid)).toBeUndefined();
});

test('what can’t be run at all says so', async () => {
  const kept = keepRunning({
    name: 'envoy',
    command: '/nowhere/envoy',
    args: [],
    env: {},
    cwd: '.',
    isReady: () => Promise.resolve(false),
    line: () => {},
    say: () => {},
    began: () => Promise.resolve(),
  });
  await expect(kept.ready).rejects.toThrow('spawn /nowhere/envoy ENOENT');
  await kept.close(100);
});
