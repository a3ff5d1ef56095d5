import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from './error-code.ts';
import { isAlive } from './process-alive.ts';

/** Does the work while no other process of this machine does any with the same file. What one that was killed has left is taken over. */
export async function alone<T>(file: string, work: () => Promise<T>, onWait?: (pid: number) => void): Promise<T> {
  let said = false;
  for (;;) {
    try {
      const lock = await open(file, 'wx', 0o600);
      await lock.write(String(process.pid));
      await lock.close();
      break;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (holder > 0 && !isAlive(holder)) {
      await rm(file, { force: true });
      continue;
    }
    if (!said && holder > 0) onWait?.(holder);
    said = true;
    await delay(100);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}
