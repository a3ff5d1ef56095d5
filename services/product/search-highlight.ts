import { candidateWords, highlight, snippetOf, textOf, type TextPart, type Wanted } from './highlight.ts';
import type { Product } from './product.ts';
import type { Lexemes } from './search-lexemes.ts';

export type ProductHighlight = {
  readonly productId: string;
  readonly title: readonly TextPart[];
  readonly snippet: readonly TextPart[];
};

/** Where words stand in products, whichever engine found them. Asks the dictionary once, for what it doesn't remember. */
export async function highlightProducts(
  products: readonly Pick<Product, 'id' | 'title' | 'descriptionHtml'>[],
  words: readonly string[],
  lexemes: Lexemes,
): Promise<ProductHighlight[]> {
  if (words.length === 0 || products.length === 0) return [];
  const known = await lexemes.of(words);
  const wanted: Wanted = { words: new Set(words), lexemes: new Set(words.flatMap((word) => known.get(word) ?? [])) };
  const texts = products.map(({ title, descriptionHtml }) => ({ title, description: textOf(descriptionHtml) }));
  const asked = new Set(texts.flatMap(({ title, description }) => candidateWords(`${title}\n${description}`, wanted)));
  const dictionary = await lexemes.of([...asked]);
  return texts.map(({ title, description }, index) => ({
    productId: products[index]?.id ?? '',
    title: highlight(title, wanted, dictionary),
    snippet: snippetOf(highlight(description, wanted, dictionary)),
  }));
}
