import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { codeOf } from '#platform/error-code.ts';
import { Fault } from '#platform/fault.ts';
import type { Spool } from './import-spool.ts';

export type FileSpoolOptions = {
  /** What a file may have: 256 MiB unless told, some 400,000 rows. */
  readonly maxBytes?: number;
  /** What is kept in memory before there is a file: 1 MiB unless told. */
  readonly memoryBytes?: number;
  /** Where the file lies: the system's folder for such unless told. */
  readonly folder?: string;
};

const readBytes = 1 << 16;

/** A spool in memory, and in a temporary file when it grows. The file has no name while it is used, so a killed process leaves none. */
export function openFileSpool(options: FileSpoolOptions = {}): Spool {
  const { maxBytes = 256 << 20, memoryBytes = 1 << 20, folder = tmpdir() } = options;
  const hash = createHash('sha256');
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let file: FileHandle | undefined;
  return {
    async write(chunk) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new Fault('out-of-range', 'FILE_TOO_LARGE', `A file has at most ${maxBytes} bytes; split it.`, {
          metadata: { max_bytes: String(maxBytes) },
        });
      }
      hash.update(chunk);
      chunks.push(chunk);
      if (bytes <= memoryBytes) return;
      try {
        file ??= await openNameless(folder);
        for (const kept of chunks.splice(0)) await file.appendFile(kept);
      } catch (error) {
        throw noSpace(error) ?? error;
      }
    },
    async *read() {
      if (file === undefined) {
        yield* chunks;
        return;
      }
      for (let at = 0; at < bytes;) {
        const buffer = Buffer.allocUnsafe(readBytes);
        const { bytesRead } = await file.read(buffer, 0, readBytes, at);
        if (bytesRead === 0) throw new Error('the spooled file is shorter than what was written');
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
    digest: () => hash.copy().digest(),
    async close() {
      await file?.close();
      file = undefined;
      chunks.length = 0;
    },
  };
}

async function openNameless(folder: string): Promise<FileHandle> {
  const own = await mkdtemp(join(folder, 'only2u-import-'));
  try {
    return await open(join(own, 'file.csv'), 'wx+', 0o600);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function noSpace(error: unknown): Fault | undefined {
  const code = codeOf(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined;
  return new Fault('resource-exhausted', 'NO_SPACE', 'There is no room for the file just now; try again later.', {
    cause: error,
  });
}
