import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export type GoBuildOptions = {
  /** What stands after "go", with -v, so that there is something to tell. */
  readonly args: readonly string[];
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How many packages there are, if nothing was built before. */
  readonly packages: number;
  say(line: string): void;
};

const tellEveryMs = 20_000;

/** Builds with Go, and tells how far it is. Throws with the last of what Go said. */
export async function goBuild({ args, folder, env, packages, say }: GoBuildOptions): Promise<void> {
  const go = spawn('go', args, {
    ...(folder !== undefined && { cwd: folder }),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const startedMs = Date.now();
  let done = 0;
  const last: string[] = [];
  createInterface({ input: go.stderr }).on('line', (line) => {
    done += line.startsWith('go: ') ? 0 : 1; // else the name of a package
    last.push(line);
    if (last.length > 20) last.shift();
  });
  const telling = setInterval(() => {
    const seconds = Math.round((Date.now() - startedMs) / 1_000);
    say(
      `  ${done === 0 ? 'nothing to compile yet' : `${Math.min(done, packages)} of ${packages} packages`}, ${seconds} s`,
    );
  }, tellEveryMs);
  try {
    await new Promise<void>((built, failed) => {
      go.once('error', failed);
      go.once('close', (code) => (code === 0 ? built() : failed(new Error(last.join('\n')))));
    });
  } finally {
    clearInterval(telling);
  }
}
