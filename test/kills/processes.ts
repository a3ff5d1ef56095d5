import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import type { Kill } from './plan.ts';

const root = resolve(import.meta.dirname, '../..');
const crash = resolve(import.meta.dirname, 'crash.ts');
const readyWithinMs = 120_000;

/** A process of the shop that is started again each time it is killed. */
export type KillableProcess = {
  readonly names: readonly string[];
  /** Kills it there, or wherever it is when it does not come there in time, and resolves when its successor is ready. */
  kill(kill: Kill, withinMs: number): Promise<void>;
  close(): Promise<void>;
};

export async function startKillable(names: readonly string[], env: NodeJS.ProcessEnv): Promise<KillableProcess> {
  let child = await start(names, env);
  return {
    names,
    async kill(kill, withinMs) {
      const dying = child;
      const ended = new Promise<void>((done) => dying.once('exit', () => done()));
      dying.send(kill);
      const timer = setTimeout(() => dying.kill('SIGKILL'), withinMs);
      await ended;
      clearTimeout(timer);
      child = await start(names, env);
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function start(names: readonly string[], env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', crash, 'services/main.ts', ...names], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const { stdout } = child;
  if (stdout === null) throw new Error('no output to wait for');
  const timer = setTimeout(() => child.kill('SIGKILL'), readyWithinMs);
  const said: string[] = [];
  for await (const line of createInterface({ input: stdout })) {
    said.push(line);
    if (line.includes('is ready')) {
      clearTimeout(timer);
      stdout.on('data', (chunk: Buffer) => process.stderr.write(chunk)); // its log: warnings and worse
      return child;
    }
  }
  clearTimeout(timer);
  throw new Error(`the process of ${names.join(', ') || 'all services'} did not start:\n${said.join('\n')}`);
}
