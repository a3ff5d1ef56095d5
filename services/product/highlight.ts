import { searchWords } from './search.ts';

/** A piece of a text, and whether it was searched for. The pieces together are the text. */
export type TextPart = { readonly text: string; readonly isMatch: boolean };

/** What was searched for, as the search knows it. */
export type Wanted = {
  readonly words: ReadonlySet<string>;
  readonly lexemes: ReadonlySet<string>;
};

const snippetLength = 160;
const before = 40; // characters shown before the first match
const searchedLength = 20_000; // of a description: as far as the search looks, and its tags

// A word with its apostrophes, and words joined by hyphens or dots, which are found joined too.
const compound = /[\p{L}\p{N}\p{M}]+(?:['’.-][\p{L}\p{N}\p{M}]+)*/gu;

/** The words of a text that may have been searched for: what to ask the dictionary for. */
export function candidateWords(text: string, wanted: Wanted): string[] {
  const initials = new Set([...wanted.words, ...wanted.lexemes].map((word) => word.slice(0, 1)));
  return piecesOf(text)
    .flatMap(({ text: piece }) => [...searchWords(piece), joined(piece)])
    .filter((word) => initials.has(word.slice(0, 1)));
}

/** Marks the words of a text that were searched for: "Shirts" for shirt. `lexemes` knows the candidates. */
export function highlight(text: string, wanted: Wanted, lexemes: ReadonlyMap<string, readonly string[]>): TextPart[] {
  const isWanted = (word: string): boolean =>
    wanted.words.has(word) || (lexemes.get(word) ?? []).some((lexeme) => wanted.lexemes.has(lexeme));
  const parts: TextPart[] = [];
  const add = (piece: string, isMatch: boolean): void => {
    const last = parts.at(-1);
    if (piece === '') return;
    if (last?.isMatch === isMatch) parts[parts.length - 1] = { text: last.text + piece, isMatch };
    else parts.push({ text: piece, isMatch });
  };
  let end = 0;
  for (const { text: piece, start } of piecesOf(text)) {
    add(text.slice(end, start), false);
    if (isWanted(joined(piece))) add(piece, true);
    else {
      for (const part of piece.split(/([.-])/)) add(part, searchWords(part).some(isWanted));
    }
    end = start + piece.length;
  }
  add(text.slice(end), false);
  return parts;
}

/** The stretch of a text around its first match, cut between words; empty when there is none. */
export function snippetOf(parts: readonly TextPart[]): TextPart[] {
  const first = parts.findIndex(({ isMatch }) => isMatch);
  if (first === -1) return [];
  const text = parts.map((part) => part.text).join('');
  const matchAt = parts.slice(0, first).reduce((sum, part) => sum + part.text.length, 0);
  const from = matchAt <= before ? 0 : text.indexOf(' ', matchAt - before) + 1;
  const start = from > 0 && from <= matchAt ? from : matchAt <= before ? 0 : matchAt;
  const cut = text.lastIndexOf(' ', start + snippetLength);
  const longest = start + snippetLength;
  const end = text.length <= longest ? text.length : cut > matchAt ? cut : longest;
  const shown: TextPart[] = start > 0 ? [{ text: '…', isMatch: false }] : [];
  let at = 0;
  for (const part of parts) {
    const piece = part.text.slice(Math.max(0, start - at), Math.max(0, end - at));
    at += part.text.length;
    const last = shown.at(-1);
    if (piece === '') continue;
    if (last?.isMatch === part.isMatch) shown[shown.length - 1] = { ...last, text: last.text + piece };
    else shown.push({ ...part, text: piece });
  }
  return end < text.length ? [...shown, { text: '…', isMatch: false }] : shown;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** What a reader sees of HTML that was cleaned. */
export function textOf(html: string): string {
  return html
    .slice(0, searchedLength)
    .replace(/<[^>]*>/g, ' ')
    .replace(
      /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi,
      (whole, decimal?: string, hex?: string, name?: string) => {
        if (name !== undefined) return entities[name.toLowerCase()] ?? ' ';
        const code = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
        return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      },
    )
    .replace(/\s+/g, ' ')
    .trim();
}

function piecesOf(text: string): { readonly text: string; readonly start: number }[] {
  return [...text.matchAll(compound)].map((match) => ({ text: match[0], start: match.index }));
}

function joined(piece: string): string {
  return searchWords(piece.replace(/[.-]/g, '')).join('');
}
