import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isHeard } from '../unix-socket.ts';

const youngMs = 60_000; // a run that starts has made its folder and not yet its door

/**
 * Removes the folders of runs that were ended before they could: some 200 MB each, and in memory at that. A run is over when nobody answers
 * at the door in its folder; its PostgreSQL has ended with it. What can't be removed stays.
 */
export async function clearLeftBehind(base: string, prefix: string, nowMs = Date.now()): Promise<void> {
  const names = (await readdir(base)).filter((name) => name.startsWith(prefix));
  await Promise.all(
    names.map(async (name) => {
      const folder = join(base, name);
      try {
        const { mtimeMs } = await stat(folder);
        if (nowMs - mtimeMs < youngMs || (await isHeard(join(folder, 'door')))) return;
        await rm(folder, { recursive: true, force: true });
      } catch {
        // another user's, or another run's that clears up too
      }
    }),
  );
}
