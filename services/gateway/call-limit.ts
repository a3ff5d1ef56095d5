import { Fault } from '#platform/fault.ts';

/** Bounds the calls that are in the mesh at a time: beyond, the queue would only make all of them late. */
export type CallLimit = {
  /** Takes a place; `leave` gives it back. Throws a Fault when there is none. */
  enter(): void;
  leave(): void;
  readonly inFlight: number;
};

export function createCallLimit(max: number): CallLimit {
  let inFlight = 0;
  return {
    enter() {
      if (inFlight >= max) {
        throw new Fault('unavailable', 'OVERLOADED', 'Too many calls at a time just now. Try again in a second.', {
          retryAfterMs: 1000,
        });
      }
      inFlight++;
    },
    leave() {
      inFlight--;
    },
    get inFlight() {
      return inFlight;
    },
  };
}
