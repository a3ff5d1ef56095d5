import { LRUCache } from 'lru-cache';
import { createDrops } from './drops.ts';
import type { Answer, ResponseCache } from './response-cache.ts';

const overheadBytes = 256; // measured: what an entry takes besides its key and body
const tagBytes = 128;

/** Keeps answers in the memory of this process, at most `maxBytes` of them; the least recently asked for go first. */
export function createMemoryResponseCache(options: { readonly maxBytes: number }): ResponseCache {
  if (options.maxBytes === 0) return keepsNothing;
  const drops = createDrops();
  const holding = new Map<string, Set<string>>(); // the keys of the answers that hold a tag
  const kept = new LRUCache<string, Answer>({
    maxSize: options.maxBytes,
    maxEntrySize: Math.max(1, Math.floor(options.maxBytes / 8)), // one answer never empties the cache
    sizeCalculation: ({ body, tags }, key) => body.byteLength + key.length * 2 + tags.length * tagBytes + overheadBytes,
    dispose(answer, key) {
      for (const tag of answer.tags) {
        const keys = holding.get(tag);
        keys?.delete(key);
        if (keys?.size === 0) holding.delete(tag);
      }
    },
  });

  function put(key: string, answer: Answer): void {
    kept.set(key, answer);
    if (!kept.has(key)) return; // too large
    for (const tag of answer.tags) {
      const keys = holding.get(tag);
      if (keys === undefined) holding.set(tag, new Set([key]));
      else keys.add(key);
    }
  }

  return {
    get(key, nowMs) {
      const answer = kept.get(key);
      if (answer === undefined) return undefined;
      if (nowMs < answer.staleAtMs) return answer;
      kept.delete(key);
      return undefined;
    },
    begin(key) {
      const mark = drops.mark();
      return {
        keep(answer) {
          if (!drops.since(mark, answer.tags)) put(key, answer);
        },
        giveUp: () => undefined,
      };
    },
    drop(tags) {
      drops.add(tags);
      for (const tag of tags) for (const key of [...(holding.get(tag) ?? [])]) kept.delete(key);
    },
    dropOwn() {
      drops.all();
      kept.clear();
      holding.clear();
    },
    async close() {
      kept.clear();
      holding.clear();
    },
  };
}

const keepsNothing: ResponseCache = {
  get: () => undefined,
  begin: () => ({ keep: () => undefined, giveUp: () => undefined }),
  drop: () => undefined,
  dropOwn: () => undefined,
  close: async () => undefined,
};
