import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './world.ts';

const root = resolve(import.meta.dirname, '../..');
const startsWithinMs = 60_000;
const basePort = 19_300;

/** `npm run mesh:up` of the user service alone, as somebody in a terminal has it, in a data folder of its own. */
export type Terminal = {
  readonly data: string;
  readonly variables: NodeJS.ProcessEnv;
  /** Resolves when it says that it is ready. */
  up(...args: readonly string[]): Promise<{ readonly child: ChildProcess; readonly lines: readonly string[] }>;
  close(): Promise<void>;
};

export async function openTerminal(): Promise<Terminal> {
  const data = await mkdtemp(join(tmpdir(), 'o2u-up-'));
  const running: ChildProcess[] = [];
  const variables = {
    ...process.env,
    ONLY2U_DATA: data,
    POSTGRES_PORT: String(basePort),
    USER_PORT: String(basePort + 1),
    ...Object.fromEntries(
      ['PRODUCT', 'CART', 'COUPON', 'ORDER', 'PAYMENT', 'GATEWAY'].map((name, index) => [
        `${name}_PORT`,
        String(basePort + 2 + index),
      ]),
    ),
    LOG_LEVEL: 'error',
  };
  return {
    data,
    variables,
    async up(...args) {
      const child = spawn(process.execPath, ['envoy/up.ts', 'user', ...args], {
        cwd: root,
        env: variables,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      running.push(child);
      const lines: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on('line', (line) => lines.push(line));
      await until('mesh:up is ready', startsWithinMs, () => {
        if (child.exitCode !== null) throw new Error(`mesh:up ended:\n${lines.join('\n')}`);
        return lines.some((line) => line.startsWith('Only2U is ready'));
      });
      return { child, lines };
    },
    async close() {
      for (const child of running) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGTERM');
        await new Promise((resolve) => child.once('exit', resolve));
      }
      await rm(data, { recursive: true, force: true });
    },
  };
}
