import { createHmac, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { codeOf } from './error-code.ts';
import { StartError } from './start-error.ts';

/** The folder of everything that this shop keeps on this machine: its database, its certificate authority, its secret. */
export type DataFolder = {
  readonly path: string;
  /** A secret of this shop for one purpose, always the same: 43 characters that tell nothing of the others. */
  secretFor(purpose: string): string;
};

/** Opens the folder, and makes it at first start. Only its owner may enter. */
export async function openDataFolder(folder: string): Promise<DataFolder> {
  const path = resolve(folder);
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const secret = await readSecret(join(path, 'secret'));
    return {
      path,
      secretFor: (purpose) => createHmac('sha256', secret).update(purpose).digest('base64url'),
    };
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`The data folder ${path} can’t be used: ${whatToDo(error)}`, { cause: error });
  }
}

// Written beside its place, then linked there: whole or not at all, and of two processes the first wins.
async function readSecret(file: string): Promise<string> {
  const known = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (known !== undefined) {
    if (/^[\w-]{43}\n$/.test(known)) return known.trim();
    throw new StartError(`${file} is damaged: restore it from a backup, or delete the data folder to start anew.`);
  }
  const fresh = `${file}.new-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(fresh, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true });
    await link(fresh, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await unlink(fresh).catch(() => undefined);
  }
  return readSecret(file);
}

/** What the operating system's refusal means for a person who starts the shop. */
export function whatToDo(error: unknown): string {
  switch (codeOf(error)) {
    case 'EACCES':
    case 'EPERM':
      return 'it belongs to another user. Give it to yourself, or set ONLY2U_DATA to a folder of your own.';
    case 'EROFS':
      return 'it is read-only. Set ONLY2U_DATA to a folder that can be written.';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full. Free some space, or set ONLY2U_DATA to a folder on another disk.';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'a file is in its place. Move that away, or set ONLY2U_DATA to a folder.';
    default:
      return `${error instanceof Error ? error.message : String(error)}.`;
  }
}
