import { LRUCache } from 'lru-cache';
import type { Sql } from '#platform/database.postgres.ts';
import type { Lexemes } from './search-lexemes.ts';

const maxRemembered = 20_000; // words, some 4 MB: a shop's vocabulary and what is typed wrong most

/** Asks the dictionary that the tsvectors were made with; a word's answer never changes, so it is asked for once. */
export function createPostgresLexemes(sql: Sql): Lexemes {
  const known = new LRUCache<string, readonly string[]>({ max: maxRemembered });
  return {
    async of(words) {
      const answer = new Map<string, readonly string[]>();
      const unknown = new Set<string>();
      for (const word of words) {
        const lexemes = known.get(word);
        if (lexemes === undefined) unknown.add(word);
        else answer.set(word, lexemes);
      }
      if (unknown.size === 0) return answer;
      const rows = await sql.query<{ word: string; lexemes: string[] }>(
        `select word, tsvector_to_array(to_tsvector('english', word)) as lexemes from unnest($1::text[]) as asked (word)`,
        [[...unknown]],
      );
      for (const { word, lexemes } of rows) {
        known.set(word, lexemes);
        answer.set(word, lexemes);
      }
      return answer;
    },
  };
}
