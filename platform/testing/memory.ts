import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Bytes that are still held after a full garbage collection, in V8's heap and in buffers: what a test can compare. The
 * process's memory as the system sees it depends on when V8 last tidied up.
 */
export function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc(); gc()'); // buffers that the first finds are let go of beside us, and the second waits for that
  const { heapUsed, arrayBuffers } = process.memoryUsage(); // not external, which is told of freed buffers later
  return heapUsed + arrayBuffers;
}
