import { expect, test } from '@jest/globals';
import { candidateWords, highlight, snippetOf, textOf, type TextPart, type Wanted } from './highlight.ts';

// A dictionary that knows plurals alone.
function mark(text: string, ...words: readonly string[]): TextPart[] {
  const wanted: Wanted = { words: new Set(words), lexemes: new Set(words.map(singular)) };
  const dictionary = new Map(candidateWords(text, wanted).map((word) => [word, [singular(word)]]));
  return highlight(text, wanted, dictionary);
}

const singular = (word: string): string => word.replace(/s$/, '');
const shown = (parts: readonly TextPart[]): string =>
  parts.map(({ text, isMatch }) => (isMatch ? `[${text}]` : text)).join('');

test.each([
  ['Ocean Blue Shirt', 'shirt', 'Ocean Blue [Shirt]'],
  ['Shirts & a shirt', 'shirts', '[Shirts] & a [shirt]'],
  ['Crème Brûlée', 'brulee', 'Crème [Brûlée]'],
  ['Plain T-Shirt.', 'tshirt', 'Plain [T-Shirt].'],
  ['Plain T-Shirt.', 'shirt', 'Plain T-[Shirt].'],
  ['Women’s Jacket', 'womens', '[Women’s] Jacket'],
  ['<b>bold</b> & "so"', 'bold', '<b>[bold]</b> & "so"'],
  ['सूती कुर्ता', 'कुर्ता', 'सूती [कुर्ता]'],
  ['Nothing here', 'shirt', 'Nothing here'],
  ['', 'shirt', ''],
])('of "%s" the word "%s" is marked: %s', (text, word, expected) => {
  const parts = mark(text, word);
  expect(shown(parts)).toBe(expected);
  expect(parts.map((part) => part.text).join('')).toBe(text);
});

test('a snippet stands around the first match, is cut between words, and says where', () => {
  const text = `${'so it begins '.repeat(20)}a linen shirt ${'and so it ends '.repeat(20)}`.trim();
  const snippet = snippetOf(mark(text, 'linen', 'shirt'));
  const whole = snippet.map((part) => part.text).join('');
  expect(shown(snippet)).toContain('a [linen] [shirt] and');
  expect(whole.length).toBeLessThanOrEqual(162);
  expect(whole).toMatch(/^…\w/);
  expect(whole).toMatch(/\w…$/);
  expect(text).toContain(whole.slice(1, -1));
  expect(snippetOf(mark('Short linen', 'linen'))).toEqual(mark('Short linen', 'linen'));
  expect(snippetOf(mark(text, 'silk'))).toEqual([]);
  const oneWord = `${'x'.repeat(500)} linen${'y'.repeat(500)}`;
  expect(snippetOf(mark(oneWord, 'linen'))).toEqual([]);
});

test('a description is read as text: no tag is left, and what was escaped stands as it is read', () => {
  expect(textOf('<p>Salt &amp; pepper</p><ul><li>&lt;5 &#39;g&#x27;</li></ul>')).toBe("Salt & pepper <5 'g'");
  expect(textOf('&unknown; &#0; &#99999999;')).toBe('&#0; &#99999999;');
});
