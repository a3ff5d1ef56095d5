/** Ends something; the order is the stack's. */
export type Close = () => Promise<void> | void;

/** What is to be ended, in the order opposite to its beginning. */
export type ClosingStack = {
  /** Begins a stage and returns it to be added to: what is in it ends at the same time, after every stage that began later. */
  stage(...first: Close[]): Close[];
  /** Ends everything, also after a failure; then throws what failed. */
  close(): Promise<void>;
};

export function createClosingStack(): ClosingStack {
  const stages: Close[][] = [];
  return {
    stage(...first) {
      stages.push(first);
      return first;
    },
    async close() {
      const errors: unknown[] = [];
      for (let last = stages.pop(); last !== undefined; last = stages.pop()) {
        const ended = await Promise.allSettled(last.map(async (end) => end()));
        errors.push(...ended.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : [])));
      }
      if (errors.length > 0) throw new AggregateError(errors, 'Not everything could be closed');
    },
  };
}
