import { readFileSync } from 'node:fs';
import { codeOf } from './error-code.ts';

/** Whether a process of the number runs; not so when it has ended and only waits for its parent to notice. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false; // EPERM: it is somebody else's
  }
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z '); // ended, and not yet noticed by its parent
  } catch {
    return true; // no /proc here
  }
}
