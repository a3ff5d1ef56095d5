import { LRUCache } from 'lru-cache';
import type { Answer, ResponseCache } from './response-cache.ts';

const overheadBytes = 256; // measured: what an entry takes besides its key and body

/** Keeps answers in the memory of this process, at most `maxBytes` of them; the least recently asked for go first. */
export function createMemoryResponseCache(options: { readonly maxBytes: number }): ResponseCache {
  if (options.maxBytes === 0) return keepsNothing;
  const kept = new LRUCache<string, { readonly answer: Answer; readonly staleAtMs: number }>({
    maxSize: options.maxBytes,
    maxEntrySize: Math.max(1, Math.floor(options.maxBytes / 8)), // one answer never empties the cache
    sizeCalculation: ({ answer }, key) => answer.body.byteLength + key.length * 2 + overheadBytes,
  });
  return {
    get(key, nowMs) {
      const entry = kept.get(key);
      if (entry === undefined) return undefined;
      if (nowMs < entry.staleAtMs) return entry.answer;
      kept.delete(key);
      return undefined;
    },
    set(key, answer, maxAgeMs) {
      kept.set(key, { answer, staleAtMs: answer.madeAtMs + maxAgeMs });
    },
    async close() {
      kept.clear();
    },
  };
}

const keepsNothing: ResponseCache = {
  get: () => undefined,
  set: () => undefined,
  close: async () => undefined,
};
