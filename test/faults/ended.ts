import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { beganAt } from '../../envoy/process-start.ts';
import { runFolderOf } from '../../envoy/run-folder.ts';
import { openTerminal } from './up.ts';
import { must } from './world.ts';

const stopsWithinMs = 5_000;
const recordSchema = z.object({ children: z.array(z.object({ pid: z.number(), began: z.string() })) });

/** mesh:up is killed: its processes are ended by the next one, and Ctrl-C leaves none. */
export async function killedMeshIsCleared(): Promise<string> {
  const terminal = await openTerminal();
  const file = join(runFolderOf(terminal.data), 'processes.json');
  const children = async () => recordSchema.parse(JSON.parse(await readFile(file, 'utf8'))).children;
  const alive = (each: { readonly pid: number; readonly began: string }): boolean => beganAt(each.pid) === each.began;
  try {
    const first = await terminal.up();
    const orphans = await children();
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    must(orphans.length === 2 && orphans.every(alive), 'there are no orphans to clear');
    const second = await terminal.up();
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
    await terminal.close();
  }
}
