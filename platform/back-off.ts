import { setTimeout as sleep } from 'node:timers/promises';

const firstMs = 4; // a compare-and-set with what leads up to it takes about that long
const mostMs = 128;

/** Waits before another try at what others want at the same time: longer with each loss, and by chance, so that they part. */
export async function backOff(losses: number): Promise<void> {
  await sleep(Math.random() * Math.min(mostMs, firstMs * 2 ** (losses - 1)));
}
