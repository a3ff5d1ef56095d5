import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '#platform/start-error.ts';
import { createEnvoyAdmin, type EnvoyAdmin } from './admin.ts';
import { readEnvoyLog } from './envoy-log.ts';
import { type KeptProcess, type KeptProcessOptions, keepRunning } from './kept-process.ts';
import { folderOf } from './node-files.ts';
import type { Observer } from './observed.ts';
import { parseStats } from './stats.ts';

export type EnvoysOptions = Pick<KeptProcessOptions, 'command' | 'cwd' | 'say' | 'began'> & {
  readonly nodes: readonly string[];
  readonly run: string;
  readonly observer: Observer;
  /** Told each call, if that is wanted. */
  readonly call: ((node: string, line: string) => void) | undefined;
};

export type Envoys = {
  readonly processes: readonly KeptProcess[];
  /** Resolves when all of them serve; rejects when one refuses what it was given. */
  ready(): Promise<void>;
  /** Resolves when all that look at tokens have the keys for it, which come through the shop itself. */
  keysRead(): Promise<void>;
};

const keysWithinMs = 10_000;

export function startEnvoys({ nodes, run, observer, call, ...shared }: EnvoysOptions): Envoys {
  const started = nodes.map((node) => {
    const admin = createEnvoyAdmin(join(folderOf(node, run), 'admin.sock'));
    const refused: string[] = [];
    const kept = keepRunning({
      ...shared,
      name: node === 'one' ? 'envoy' : `envoy-${node}`,
      args: argumentsOf(join(folderOf(node, run), 'bootstrap.yaml')),
      env: { PATH: process.env['PATH'] },
      isReady: async () => (await admin.get('/ready'))?.trim() === 'LIVE',
      line: readEnvoyLog({
        node,
        say: shared.say,
        observer: {
          ...observer,
          rejected(name, words) {
            refused.push(words);
            observer.rejected(name, words);
          },
        },
        ...(call && { call: (line: string) => call(node, line) }),
      }),
    });
    return { node, admin, kept, refused };
  });
  return {
    processes: started.map(({ kept }) => kept),
    async ready() {
      await Promise.all(
        started.map(async ({ node, admin, kept, refused }) => {
          await kept.ready;
          const stats = parseStats((await admin.get('/stats?filter=update_rejected')) ?? '');
          if (stats.matching(/update_rejected$/).some(({ value }) => value > 0))
            throw new StartError(`Envoy "${node}" refuses what it was given: ${refused.join('; ')}`);
        }),
      );
    },
    async keysRead() {
      const giveUpMs = Date.now() + keysWithinMs;
      for (const { admin } of started) {
        while (!(await hasKeys(admin)) && Date.now() < giveUpMs) await sleep(50);
      }
    },
  };
}

async function hasKeys(admin: EnvoyAdmin): Promise<boolean> {
  const text = await admin.get('/stats?filter=jwks_fetch_success');
  return (
    text !== undefined &&
    parseStats(text)
      .matching(/jwks_fetch_success$/)
      .every(({ value }) => value > 0)
  );
}

function argumentsOf(bootstrap: string): string[] {
  return [
    ...['-c', bootstrap, '--disable-hot-restart', '--log-level', 'warning', '--concurrency', '2'],
    // A new policy counts on connections that are open, too: each is told to go at its next call, and none stays longer than this.
    ...['--drain-strategy', 'immediate', '--drain-time-s', '10'],
    ...['--file-flush-interval-msec', '200'], // of the access log: mesh:status counts from it
  ];
}
