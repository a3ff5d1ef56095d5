import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { beganAt } from '../../envoy/process-start.ts';
import { runFolderOf } from '../../envoy/run-folder.ts';
import { must, until } from './world.ts';

const root = resolve(import.meta.dirname, '../..');
const stopsWithinMs = 5_000;
const startsWithinMs = 60_000;
const basePort = 19_300;
const recordSchema = z.object({ children: z.array(z.object({ pid: z.number(), began: z.string() })) });

/** mesh:up is killed: its processes are ended by the next one, and Ctrl-C leaves none. */
export async function killedMeshIsCleared(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'o2u-up-'));
  const running: ChildProcess[] = [];
  const start = async (): Promise<{ readonly child: ChildProcess; readonly lines: readonly string[] }> => {
    const env = {
      ...process.env,
      ONLY2U_DATA: folder,
      POSTGRES_PORT: String(basePort),
      USER_PORT: String(basePort + 1),
      LOG_LEVEL: 'error',
    };
    const child = spawn(process.execPath, ['envoy/up.ts', 'user'], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.push(child);
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    await until('mesh:up is ready', startsWithinMs, () => {
      if (child.exitCode !== null) throw new Error(`mesh:up ended:\n${lines.join('\n')}`);
      return lines.some((line) => line.startsWith('Only2U is ready'));
    });
    return { child, lines };
  };
  const children = async () =>
    recordSchema.parse(JSON.parse(await readFile(join(runFolderOf(folder), 'processes.json'), 'utf8'))).children;
  const alive = (each: { readonly pid: number; readonly began: string }): boolean => beganAt(each.pid) === each.began;
  try {
    const first = await start();
    const orphans = await children();
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    must(orphans.length === 2 && orphans.every(alive), 'there are no orphans to clear');
    const second = await start();
    must(!orphans.some(alive), 'an orphan lives on');
    const said = second.lines.find((line) => line.includes('have been ended')) ?? '';
    must(said !== '', 'nothing was said of the orphans');
    const processes = await children();
    const beganMs = performance.now();
    second.child.kill('SIGINT');
    const [code] = await once(second.child, 'exit');
    const tookMs = performance.now() - beganMs;
    must(code === 0 && tookMs < stopsWithinMs, `Ctrl-C: code ${String(code)} after ${tookMs.toFixed(0)} ms`);
    must(!processes.some(alive), 'a process outlives Ctrl-C');
    return `"${said}"; Ctrl-C took ${(tookMs / 1_000).toFixed(1)} s and left nothing`;
  } finally {
    for (const child of running) child.kill('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  }
}
