/** Lets work about the same key be done one after the other, in the order in which it came. Without a key ("") nobody waits. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/**
 * Turns within this process. They spare calls about one cart from losing to each other again and again; it is the store's
 * compare-and-set that loses nothing, whichever process the others are in.
 */
export function createTurns(): Turns {
  const ends = new Map<string, Promise<void>>();
  return async (key, work) => {
    if (key === '') return work();
    const before = ends.get(key);
    const { promise: end, resolve: finish } = Promise.withResolvers<void>();
    ends.set(key, end);
    try {
      await before;
      return await work();
    } finally {
      finish();
      if (ends.get(key) === end) ends.delete(key);
    }
  };
}
