import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '#platform/start-error.ts';

export type KeptProcessOptions = {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Whether it can do its work now; asked again and again while it starts. */
  isReady(): Promise<boolean>;
  /** Told each line that it writes. */
  line(text: string): void;
  /** Told in words what becomes of it. */
  say(text: string): void;
  /** Told the number of each process that was started. */
  began(name: string, pid: number): Promise<void>;
};

/** A process that is started again when it ends, later with each time it ends early. */
export type KeptProcess = {
  readonly name: string;
  pid(): number | undefined;
  /** Resolves when it can do its work for the first time; rejects with its last words when it ends before. */
  readonly ready: Promise<void>;
  /** Ends it for good: asked to, then, after `withinMs`, killed. */
  close(withinMs: number): Promise<void>;
};

const firstWaitMs = 100;
const longestWaitMs = 10_000;
const soundAfterMs = 30_000; // who lived so long and ends did not end because of how it was started
const readyWithinMs = 120_000;
const askEveryMs = 50;
const keptLines = 40;

export function keepRunning(options: KeptProcessOptions): KeptProcess {
  const { name, isReady, say } = options;
  let child: ChildProcess | undefined;
  let closing = false;
  const stopped = new AbortController();
  const first = Promise.withResolvers<void>();
  first.promise.catch(() => {}); // whoever waits is told
  const ended = keep();

  async function keep(): Promise<void> {
    let waitMs = firstWaitMs;
    for (let isFirst = true; !closing; isFirst = false) {
      const startedMs = performance.now();
      const run = start();
      const becameReady = run.ready.then((ready) => {
        if (!ready) return;
        if (isFirst) first.resolve();
        else say(`${name} is back after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
      });
      const { reason, lines } = await run.ended;
      await becameReady;
      if (closing) return;
      if (isFirst && !run.wasReady()) {
        first.reject(new StartError(`${name} ended with ${reason} instead of starting:\n${lines.join('\n')}`));
        return;
      }
      waitMs = performance.now() - startedMs > soundAfterMs ? firstWaitMs : waitMs;
      say(`${name} has ended with ${reason}; it is started again in ${(waitMs / 1_000).toFixed(1)} s`);
      await sleep(waitMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      waitMs = Math.min(longestWaitMs, waitMs * 2);
    }
  }

  function start() {
    const started = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env,
      detached: true, // Ctrl-C is for us to answer
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    const lines: string[] = [];
    const take = (text: string): void => {
      lines.push(text);
      if (lines.length > keptLines) lines.shift();
      options.line(text);
    };
    for (const stream of [started.stdout, started.stderr]) createInterface({ input: stream }).on('line', take);
    let isOver = false;
    let wasReady = false;
    const over = new Promise<string>((resolve) => {
      started.once('error', (error) => resolve(error.message));
      started.once('close', (code, signal) => resolve(signal ?? `code ${code}`));
    }).then((reason) => {
      isOver = true;
      return { reason, lines };
    });
    const recorded = started.pid === undefined ? Promise.resolve() : options.began(name, started.pid);
    const untilReady = async (): Promise<boolean> => {
      await recorded;
      const giveUpMs = Date.now() + readyWithinMs;
      while (!isOver && !closing) {
        if (await isReady()) return (wasReady = true);
        if (Date.now() > giveUpMs) {
          take(`not ready after ${readyWithinMs / 1_000} s`);
          started.kill('SIGKILL');
          return false;
        }
        await sleep(askEveryMs);
      }
      return false;
    };
    return { ready: untilReady(), ended: over, wasReady: () => wasReady };
  }

  return {
    name,
    pid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    ready: first.promise,
    async close(withinMs) {
      closing = true;
      stopped.abort();
      first.reject(new Error(`${name} was ended while it started`)); // no news once it was ready
      const running = child;
      running?.kill('SIGTERM');
      running?.kill('SIGCONT'); // one that was stopped hears nothing
      const force = setTimeout(() => running?.kill('SIGKILL'), withinMs);
      await ended;
      clearTimeout(force);
    },
  };
}
