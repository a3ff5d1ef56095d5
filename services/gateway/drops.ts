/** Remembers what was dropped lately, so that an answer that was begun before is not kept after. */
export type Drops = {
  /** Now, to be compared with what is dropped later. */
  mark(): number;
  add(tags: readonly string[]): void;
  /** As if all were dropped. */
  all(): void;
  /** Whether one of these was dropped after the mark. */
  since(mark: number, tags: readonly string[]): boolean;
};

const remembered = 10_000; // an answer takes seconds at most; an import of 100,000 products has all answers that are begun forgotten

export function createDrops(): Drops {
  const droppedAt = new Map<string, number>();
  let at = 0;
  let forgottenUpTo = 0;
  return {
    mark: () => at,
    add(tags) {
      at++;
      for (const tag of tags) {
        droppedAt.delete(tag);
        droppedAt.set(tag, at);
      }
      for (const [tag, when] of droppedAt) {
        if (droppedAt.size <= remembered) break;
        droppedAt.delete(tag);
        forgottenUpTo = when;
      }
    },
    all() {
      forgottenUpTo = ++at;
      droppedAt.clear();
    },
    since: (mark, tags) => mark < forgottenUpTo || tags.some((tag) => (droppedAt.get(tag) ?? 0) > mark),
  };
}
