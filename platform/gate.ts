import { Fault } from './fault.ts';

/**
 * Lets so many pieces of work run at a time; others wait in line. Beyond `waiting` work is refused: who would come last has a caller
 * that is gone before.
 */
export function createGate({ inFlight, waiting }: { readonly inFlight: number; readonly waiting: number }) {
  let running = 0;
  const line: (() => void)[] = [];

  return async function pass<T>(work: () => Promise<T>): Promise<T> {
    if (running >= inFlight) {
      if (line.length >= waiting) {
        throw new Fault('resource-exhausted', 'TOO_MUCH_AT_ONCE', 'Too much is asked at once; try again.', {
          retryAfterMs: 500,
        });
      }
      await new Promise<void>((resolve) => line.push(resolve)); // whoever ends hands its place on
    } else running++;
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
