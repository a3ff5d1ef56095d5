import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf } from '#platform/error-code.ts';
import { StartError } from '#platform/start-error.ts';
import { socketsOf } from '#platform/unix-socket.ts';
import { beganAt } from './process-start.ts';

const longestSocketBytes = 103;
const longestName = 'a-workload-with-a-name'; // room for what may come
const endWithinMs = 3_000;

/** A process that this mesh has started, so that the next one finds it if nobody ended it. */
const processRecord = z.object({ name: z.string(), pid: z.number(), began: z.string() });
const record = z.object({ up: processRecord, children: z.array(processRecord) });
type ProcessRecord = z.infer<typeof processRecord>;

/** The folder of a running mesh: sockets, certificates, what its Envoys read. Its owner's alone, and only one mesh's at a time. */
export type RunFolder = {
  readonly path: string;
  /** Remembers a process of the mesh, in place of an earlier one of that name. */
  began(name: string, pid: number): Promise<void>;
  /** How many processes of a mesh that was killed had to be ended first. */
  readonly cleared: number;
  close(): Promise<void>;
};

/** Where a mesh of this data folder runs: inside it if sockets may have so long a path there, else in the system's temporary folder. */
export function runFolderOf(data: string): string {
  const inside = join(data, 'run');
  if (Buffer.byteLength(socketsOf(inside, longestName).mesh) <= longestSocketBytes) return inside;
  const name = createHash('sha256').update(data).digest('hex').slice(0, 10);
  return join(tmpdir(), `only2u-${userInfo().uid}-${name}`);
}

/** Makes the folder, and ends what a mesh that was killed has left. Throws a StartError when a mesh runs there already. */
export async function openRunFolder(data: string): Promise<RunFolder> {
  const path = runFolderOf(data);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid } = await lstat(path);
  if (uid !== userInfo().uid)
    throw new StartError(`The folder ${path} belongs to another user: remove it, or set ONLY2U_DATA.`);
  await chmod(path, 0o700);
  const file = join(path, 'processes.json');
  const left = await readRecord(file);
  if (left !== undefined && runs(left.up)) {
    throw new StartError(
      `The mesh of ${data} runs already, as process ${left.up.pid}: end that one, or set ONLY2U_DATA to another folder.`,
    );
  }
  const orphans = (left?.children ?? []).filter(runs);
  await endAll(orphans);

  const children = new Map<string, ProcessRecord>();
  let writing = Promise.resolve();
  const write = (): Promise<void> => {
    const up = { name: 'mesh:up', pid: process.pid, began: beganAt(process.pid) ?? '' };
    const text = JSON.stringify({ up, children: [...children.values()] });
    writing = writing.then(async () => {
      await writeFile(`${file}.new`, text, { mode: 0o600 });
      await rename(`${file}.new`, file);
    });
    return writing;
  };
  await write();
  return {
    path,
    cleared: orphans.length,
    async began(name, pid) {
      const began = beganAt(pid);
      if (began === undefined) return; // it has ended already
      children.set(name, { name, pid, began });
      await write();
    },
    async close() {
      await writing;
      await rm(file, { force: true });
    },
  };
}

async function readRecord(file: string): Promise<z.infer<typeof record> | undefined> {
  try {
    return record.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new StartError(`${file} can’t be read: end what it names, then remove it.`, { cause: error });
  }
}

/** By its beginning too: numbers of processes come again. */
function runs({ pid, began }: ProcessRecord): boolean {
  return beganAt(pid) === began;
}

async function endAll(orphans: readonly ProcessRecord[]): Promise<void> {
  for (const { pid } of orphans) process.kill(pid, 'SIGTERM');
  const giveUpMs = Date.now() + endWithinMs;
  let open = orphans;
  while (open.length > 0 && Date.now() < giveUpMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    open = open.filter(runs);
  }
  for (const { pid } of open) process.kill(pid, 'SIGKILL');
}
