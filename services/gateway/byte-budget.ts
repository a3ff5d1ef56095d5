import { Fault } from '#platform/fault.ts';

/** Bounds the bytes of requests that are held in memory at a time, of all clients together. */
export type ByteBudget = {
  /** Holds bytes while they arrive; false when that is more than may be held. They count in either case. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
};

export function createByteBudget(maxBytes: number): ByteBudget {
  let held = 0;
  return {
    hold(bytes) {
      held += bytes;
      return held <= maxBytes;
    },
    release(bytes) {
      held -= bytes;
    },
  };
}

export function tooMuchAtOnce(): Fault {
  return new Fault(
    'unavailable',
    'OVERLOADED',
    'Too many large requests are arriving just now. Try again in a second.',
    { retryAfterMs: 1000 },
  );
}
