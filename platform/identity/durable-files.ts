import { open, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Writes a new file, for its owner only, down to the disk. */
export async function writeThrough(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Takes renames in a folder down to the disk. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return; // has no such thing
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const leftoverMs = 60_000; // writing takes milliseconds; what is older was left by a process that was killed

/** Removes the drafts whose paths begin with `prefix` and whose process can't be at work any more. */
export async function removeLeftovers(prefix: string, now: Date): Promise<void> {
  const folder = dirname(prefix);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(basename(prefix))) continue;
    const path = join(folder, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => now.getTime() - mtimeMs,
      () => 0, // its process has just finished with it
    );
    if (age > leftoverMs) await rm(path, { recursive: true, force: true });
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether an error is the system's of that code. Not by class: where tests run, the system's errors are of another realm. */
export function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
