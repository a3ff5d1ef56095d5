/** Keeps calls at the edge from waiting for an engine that is away. */
export type EngineGuard = {
  /** Whether it is worth asking. After a failure one in a while tries, and all others do without. */
  readonly open: boolean;
  /** The answer, or undefined where the engine failed. What is a bug of ours is thrown. */
  ask<T>(work: () => Promise<T>): Promise<T | undefined>;
};

const pauseMs = 500; // how often one call of all waits to see whether the engine is back

/** `isAway` tells a failure of the engine from a bug; `failed` counts them. */
export function createEngineGuard(isAway: (error: unknown) => boolean, failed: () => void): EngineGuard {
  let closedUntilMs = -Infinity;
  return {
    get open() {
      const now = performance.now();
      if (closedUntilMs === -Infinity) return true;
      if (now < closedUntilMs) return false;
      closedUntilMs = now + pauseMs; // this one tries
      return true;
    },
    async ask(work) {
      try {
        const answer = await work();
        closedUntilMs = -Infinity;
        return answer;
      } catch (error) {
        if (!isAway(error)) throw error;
        closedUntilMs = performance.now() + pauseMs;
        failed();
        return undefined;
      }
    },
  };
}
