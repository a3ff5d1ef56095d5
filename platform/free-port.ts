import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below those that the system gives to connections that go out (32768 and up): one of these could take a port before the server that it is for, or
// while that is down.
const lowest = 12_000;
const highest = 32_000;
const given = new Set<number>();

/** A port of the loopback that nothing listens on now, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, highest);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

/** So many of them. */
export function freePorts(count: number): Promise<readonly number[]> {
  return Promise.all(Array.from({ length: count }, freePort));
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
