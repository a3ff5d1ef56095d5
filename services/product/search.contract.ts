import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sampleProduct, sampleVariant } from './product.samples.ts';
import type { Product } from './product.ts';
import { searchCap, type ProductSearch, type SearchQuery, type SearchResult } from './search.ts';

export type SearchUnderTest = {
  readonly search: ProductSearch;
  /** Stores products; those of a version above 1 are changed. */
  write(products: readonly Product[]): Promise<void>;
  remove(product: Product): Promise<void>;
  close(): Promise<void>;
};

const inr = (rupees: number) => ({ minorUnits: BigInt(rupees) * 100n, currency: 'INR' });

function sized(price: number, ...sizes: readonly string[]): Pick<Product, 'options' | 'variants'> {
  return {
    options: [{ name: 'Size', values: sizes }],
    variants: sizes.map((size) => sampleVariant({ optionValues: [size], price: inr(price) })),
  };
}

const one = (price: number) => ({ variants: [sampleVariant({ price: inr(price) })] });

// A small shop: what is searched for and what must not come along.
const shop: readonly (Partial<Product> & { readonly handle: string; readonly title: string })[] = [
  {
    handle: 'ocean-shirt',
    title: 'Ocean Blue Shirt',
    brand: 'Nila',
    productType: 'Shirt',
    tags: ['men', 'summer'],
    descriptionHtml: '<p>Cotton with a narrow collar.</p>',
    categoryId: 'cat_shirts',
    ...sized(1_200, 'S', 'M', 'L'),
  },
  {
    handle: 'olive-shirt',
    title: 'Olive Linen Shirt',
    brand: 'Nila',
    productType: 'Shirt',
    tags: ['men'],
    descriptionHtml: 'Airy linen.',
    categoryId: 'cat_shirts',
    ...sized(1_800, 'M', 'L', 'XL'),
  },
  {
    handle: 'kids-tee',
    title: 'Rainbow T-Shirt for Kids',
    brand: 'Tara',
    productType: 'T-Shirt',
    tags: ['kids'],
    categoryId: 'cat_shirts',
    ...sized(500, '4Y', '6Y'),
  },
  {
    handle: 'chambray-trousers',
    title: 'Chambray Trousers',
    brand: 'Nila',
    productType: 'Trousers',
    tags: ['men'],
    descriptionHtml: 'Goes well with an ocean blue shirt.',
    categoryId: 'cat_trousers',
    ...sized(2_000, 'M', 'L'),
  },
  {
    handle: 'black-jeans',
    title: 'Black Slim Jeans',
    brand: 'Indigo & Sons',
    productType: 'Jeans',
    tags: ['men', 'denim'],
    categoryId: 'cat_trousers',
    ...sized(2_400, 'M', 'L'),
  },
  {
    handle: 'womens-jacket',
    title: 'Women’s Denim Jacket',
    brand: 'Indigo & Sons',
    productType: 'Jacket',
    tags: ['women', 'denim'],
    categoryId: 'cat_jackets',
    ...sized(3_500, 'S', 'M'),
  },
  {
    handle: 'leather-jacket',
    title: 'Brown Leather Jacket',
    brand: 'Oxhide',
    productType: 'Jacket',
    tags: ['men', 'winter'],
    descriptionHtml: 'Full grain leather, lined.',
    categoryId: 'cat_jackets',
    ...sized(9_900, 'M', 'L'),
  },
  {
    handle: 'silk-saree',
    title: 'Banarasi Silk Saree',
    brand: 'Kashi Weaves',
    productType: 'Saree',
    tags: ['women', 'wedding', 'festive'],
    ...one(7_500),
  },
  {
    handle: 'cotton-saree',
    title: 'Chanderi Cotton Saree',
    brand: 'Kashi Weaves',
    productType: 'Saree',
    tags: ['women'],
    ...one(3_200),
  },
  {
    handle: 'lehenga',
    title: 'Embroidered Lehenga Choli',
    brand: 'Kashi Weaves',
    productType: 'Lehenga',
    tags: ['women', 'wedding'],
    descriptionHtml: 'Pairs with a silk dupatta.',
    ...sized(15_000, 'S', 'M'),
  },
  {
    handle: 'running-shoes',
    title: 'Trail Running Shoes',
    brand: 'Veloz',
    productType: 'Shoes',
    tags: ['sport'],
    categoryId: 'cat_shoes',
    ...sized(4_500, '8', '9', '10'),
  },
  {
    handle: 'canvas-sneakers',
    title: 'White Canvas Sneakers',
    brand: 'Veloz',
    productType: 'Shoes',
    tags: ['summer'],
    categoryId: 'cat_shoes',
    ...sized(2_200, '8', '9'),
  },
  {
    handle: 'creme-brulee-candle',
    title: 'Crème Brûlée Candle',
    brand: 'Maison Ødegård',
    productType: 'Candle',
    tags: ['home'],
    ...one(800),
  },
  {
    handle: 'desk-lamp',
    title: 'Brass Desk Lamp',
    brand: 'Lumen',
    productType: 'Lamp',
    tags: ['home'],
    descriptionHtml: 'Warm light for long evenings.',
    ...one(2_700),
  },
  {
    handle: 'mug',
    title: 'Stoneware Mug',
    brand: 'Lumen',
    productType: 'Mug',
    tags: ['home', 'kitchen'],
    variants: [sampleVariant({ sku: 'MUG-0042', price: inr(400) })],
  },
  {
    handle: 'cotton-kurta',
    title: 'सूती कुर्ता',
    brand: 'Kashi Weaves',
    productType: 'Kurta',
    tags: ['men', 'festive'],
    ...one(1_100),
  },
  {
    handle: 'watch',
    title: 'Titan’s Automatic Watch',
    brand: 'Meridian',
    productType: 'Watch',
    tags: ['men'],
    variants: [sampleVariant({ stockTracked: true, price: inr(12_000) })],
  },
  { handle: 'draft-shirt', title: 'Secret Shirt', status: 'draft', ...one(100) },
  { handle: 'archived-shirt', title: 'Bygone Shirt', status: 'archived', ...one(100) },
];

const oddTag = "it's 10\\5 wide";

// A shop large enough for more matches than are ranked: every second is a belt, the last ones the newest.
const crowd = Array.from({ length: searchCap * 2 + 40 }, (_, index) =>
  sampleProduct(10_000 + index, {
    title: index % 2 === 0 ? `Woven Belt ${index}` : `Woollen Scarf ${index}`,
    tags: [index % 2 === 0 ? oddTag : 'plain'],
    ...one(1 + ((index * 37) % 1_000)),
  }),
);

const openMs = 110_000; // hundreds of products, on a machine that does other things too

const all: SearchQuery = {
  query: '',
  categoryIds: undefined,
  tags: [],
  brands: [],
  options: [],
  price: undefined,
  inStock: false,
  sort: 'relevance',
  limit: 24,
  cursor: undefined,
};

/** What every ProductSearch finds, whatever it stands on. */
export function describeProductSearch(name: string, open: () => Promise<SearchUnderTest>): void {
  describe(name, () => {
    let small: SearchUnderTest;
    let large: SearchUnderTest;
    const products = shop.map((product, index) => sampleProduct(index + 1, product));
    const handles = new Map(products.map(({ id, handle }) => [id, handle]));

    beforeAll(async () => {
      [small, large] = await Promise.all([open(), open()]);
      await small.write(products);
      await large.write(crowd);
    }, openMs);
    afterAll(() => Promise.all([small.close(), large.close()]));

    const find = (query: string, more: Partial<SearchQuery> = {}): Promise<SearchResult> =>
      small.search.search({ ...all, query, ...more });
    const found = ({ productIds }: SearchResult): string[] => productIds.map((id) => handles.get(id) ?? id);

    test.each<readonly [query: string, first: readonly string[], others: readonly string[]]>([
      // What must come first, in this order; what may follow. Nothing else may come.
      ['ocean blue shirt', ['ocean-shirt'], ['chambray-trousers']],
      ['shirt', [], ['ocean-shirt', 'olive-shirt', 'kids-tee', 'chambray-trousers']],
      ['shirts', [], ['ocean-shirt', 'olive-shirt', 'kids-tee', 'chambray-trousers']],
      ['SHIRT olive', ['olive-shirt'], []],
      ['t-shirt', ['kids-tee'], ['ocean-shirt', 'olive-shirt', 'chambray-trousers']],
      ['tshirt', ['kids-tee'], []],
      ['denim jacket', ['womens-jacket'], []],
      ['jacket', [], ['womens-jacket', 'leather-jacket']],
      ['leather', ['leather-jacket'], []],
      ['saree', [], ['silk-saree', 'cotton-saree']],
      ['silk', ['silk-saree', 'lehenga'], []],
      ['wedding', [], ['silk-saree', 'lehenga']],
      ['women saree', [], ['silk-saree', 'cotton-saree']],
      ["women's", [], ['womens-jacket', 'silk-saree', 'cotton-saree', 'lehenga']],
      ['kashi weaves', [], ['silk-saree', 'cotton-saree', 'lehenga', 'cotton-kurta']],
      ['creme brulee', ['creme-brulee-candle'], []],
      ['CRÈME BRÛLÉE', ['creme-brulee-candle'], []],
      ['odegard', ['creme-brulee-candle'], []],
      ['running shoe', ['running-shoes'], []],
      ['light for the evening', ['desk-lamp'], []],
      ['MUG-0042', ['mug'], []],
      ['कुर्ता', ['cotton-kurta'], []],
      ['indigo & sons', [], ['black-jeans', 'womens-jacket']],
      ['blue saree', [], []],
      ['spaceship', [], []],
      ['secret', [], []],
      ['bygone', [], []],
      ['!!! ???', [], []],
    ])('"%s" finds what it must and nothing else', async (query, first, others) => {
      const result = await find(query);
      expect(found(result).slice(0, first.length)).toEqual(first);
      const expected = [...first, ...others].sort();
      expect(found(result).sort()).toEqual(expected);
      expect(result).toMatchObject({ total: expected.length, capped: false, correctedQuery: '' });
    });

    test.each([
      ['shrit', 'shirt', 'ocean-shirt'],
      ['sareee', 'saree', 'silk-saree'],
      ['lether jaket', 'leather jacket', 'leather-jacket'],
      ['sneekers', 'sneakers', 'canvas-sneakers'],
      ['bannarasi silk', 'banarasi silk', 'silk-saree'],
      ['lehnga', 'lehenga', 'lehenga'],
      ['chanderi coton', 'chanderi cotton', 'cotton-saree'],
    ])('the typing error in "%s" is mended to "%s"', async (typed, meant, handle) => {
      const result = await find(typed);
      expect(result.correctedQuery).toBe(meant);
      expect(found(result)).toContain(handle);
    });

    test.each([
      ['lehe', 'lehenga'],
      ['canvas snea', 'canvas-sneakers'],
      ['ban', 'silk-saree'],
    ])('"%s", a word that has only begun, finds what it may become', async (query, handle) => {
      const result = await find(query);
      expect(found(result)).toContain(handle);
      expect(result.correctedQuery).toBe('');
    });

    test('hundreds of words, operators and quotes are words like any others', async () => {
      for (const query of [
        "'); drop table product; --",
        'a & | ! ( ) <-> :*',
        '\\',
        "o'brien",
        `${'word '.repeat(39)}x`,
        '\u0000shirt',
      ]) {
        await expect(find(query)).resolves.toBeDefined();
      }
    });

    test('an empty query lists everything on sale, the latest first', async () => {
      const result = await find('', { limit: 3 });
      expect(result.total).toBe(products.length - 2);
      expect(found(result)).toEqual(['watch', 'cotton-kurta', 'mug']);
    });

    test('filters hold together: all tags, one of the brands, one value of each option', async () => {
      expect(found(await find('', { tags: ['women', 'wedding'] })).sort()).toEqual(['lehenga', 'silk-saree']);
      expect(found(await find('', { brands: ['Veloz', 'Lumen'] })).sort()).toEqual([
        'canvas-sneakers',
        'desk-lamp',
        'mug',
        'running-shoes',
      ]);
      expect(found(await find('shirt', { options: [{ name: 'Size', values: ['XL', '4Y'] }] })).sort()).toEqual([
        'kids-tee',
        'olive-shirt',
      ]);
      expect(
        found(
          await find('', {
            categoryIds: ['cat_shoes', 'cat_jackets'],
            options: [{ name: 'Size', values: ['8', 'S'] }],
          }),
        ).sort(),
      ).toEqual(['canvas-sneakers', 'running-shoes', 'womens-jacket']);
      expect(found(await find('shirt', { tags: ['men'], brands: ['Tara'] }))).toEqual([]);
      expect(found(await find('', { categoryIds: [] }))).toEqual([]);
      expect(found(await find('', { tags: ["it's a \\ 'trap'"] }))).toEqual([]);
    });

    test('a price range finds what has a variant in it, in its currency', async () => {
      const range = (min: number, max: number, currency = 'INR') => ({
        price: { currency, min: inr(min).minorUnits, max: inr(max).minorUnits },
      });
      expect(found(await find('shirt', range(600, 1_500)))).toEqual(['ocean-shirt']);
      expect(found(await find('', range(10_000, 1_000_000))).sort()).toEqual(['lehenga', 'watch']);
      expect(found(await find('', { ...range(400, 500), tags: ['home'] }))).toEqual(['mug']);
      expect(found(await find('shirt', range(0, 1_000_000, 'EUR')))).toEqual([]);
    });

    test('in stock leaves out what has run out', async () => {
      expect(found(await find('watch'))).toEqual(['watch']);
      expect(found(await find('watch', { inStock: true }))).toEqual([]);
      expect(found(await find('shirt', { inStock: true }))).toContain('ocean-shirt');
    });

    test('what is found is put in the order asked for', async () => {
      expect(found(await find('jacket', { sort: 'price-ascending' }))).toEqual(['womens-jacket', 'leather-jacket']);
      expect(found(await find('jacket', { sort: 'price-descending' }))).toEqual(['leather-jacket', 'womens-jacket']);
      expect(found(await find('saree', { sort: 'newest' }))).toEqual(['cotton-saree', 'silk-saree']);
      expect(found(await find('', { sort: 'price-ascending', limit: 2 }))).toEqual(['mug', 'kids-tee']);
    });

    test('facets count what was found by category, brand, tag and option', async () => {
      const { facets } = await find('shirt', { brands: ['Nila'] });
      const byName = new Map(facets.map((facet) => [facet.name, facet.values]));
      expect(byName.get('brand')).toEqual([{ value: 'Nila', count: 3 }]);
      expect(byName.get('tag')).toEqual([
        { value: 'men', count: 3 },
        { value: 'summer', count: 1 },
      ]);
      expect(byName.get('option:Size')).toEqual([
        { value: 'L', count: 3 },
        { value: 'M', count: 3 },
        { value: 'S', count: 1 },
        { value: 'XL', count: 1 },
      ]);
      expect(byName.get('category')).toEqual(expect.arrayContaining([{ value: 'cat_shirts', count: 2 }]));
    });

    test.each(['relevance', 'price-ascending', 'price-descending', 'newest'] as const)(
      'pages in order of %s show everything once',
      async (sort) => {
        for (const query of ['', 'shirt', 'men']) {
          const whole = await find(query, { sort, limit: 100 });
          expect(await walk(small, { ...all, query, sort, limit: 3 })).toEqual(whole.productIds);
        }
      },
    );

    test('beyond the cap the count stops, the best are ranked, and the orders still show everything once', async () => {
      const belts = crowd.filter(({ title }) => title.startsWith('Woven')).map(({ id }) => id);
      for (const query of ['belt', 'woven belt', 'belt belts']) {
        const best = await large.search.search({ ...all, query });
        expect(best).toMatchObject({ total: searchCap, capped: true });
        expect(await walk(large, { ...all, query, limit: 100 })).toEqual([...belts].reverse().slice(0, searchCap));
        for (const sort of ['price-ascending', 'price-descending', 'newest'] as const) {
          const pages = await walk(large, { ...all, query, sort, limit: 100 });
          expect([...pages].sort()).toEqual(belts);
          if (sort === 'newest') expect(pages).toEqual([...belts].reverse());
        }
      }
      expect(await walk(large, { ...all, limit: 100 })).toHaveLength(crowd.length);
    });

    test('a word with a filter finds what has both, also where more have both than are counted', async () => {
      const belts = crowd.filter(({ title }) => title.startsWith('Woven')).map(({ id }) => id);
      for (const query of ['belt', 'the belt', 'woven belt']) {
        const best = await large.search.search({ ...all, query, tags: [oddTag] });
        expect(best).toMatchObject({ total: searchCap, capped: true });
        const pages = await walk(large, { ...all, query, tags: [oddTag], limit: 100 });
        expect(pages).toEqual([...belts].reverse().slice(0, searchCap));
        expect(await walk(large, { ...all, query, tags: ['plain'] })).toEqual([]);
      }
    });

    test('words with a price find all that have both, in every order, also where more than are counted have the words', async () => {
      const price = { currency: 'INR', min: inr(100).minorUnits, max: inr(700).minorUnits };
      const wanted = crowd.filter(({ title, variants }) => {
        const amount = variants[0]?.price.minorUnits ?? 0n;
        return title.startsWith('Woven') && amount >= price.min && amount <= price.max;
      });
      expect(wanted.length).toBeLessThan(searchCap);
      const ids = wanted.map(({ id }) => id).sort();
      for (const query of ['belt', 'woven belt', 'belt woven']) {
        for (const sort of ['relevance', 'price-ascending', 'price-descending', 'newest'] as const) {
          const found = await walk(large, { ...all, query, price, sort, limit: 20 });
          expect([...found].sort()).toEqual(ids);
        }
      }
      expect(await walk(large, { ...all, query: 'woven scarf', limit: 100 })).toEqual([]);
    });

    test('suggestions complete a word or the title, the title’s beginning first', async () => {
      const titles = async (prefix: string): Promise<string[]> =>
        (await small.search.suggest(prefix, 8)).map(({ title }) => title);
      expect(await titles('sh')).toEqual(expect.arrayContaining(['Olive Linen Shirt', 'Trail Running Shoes']));
      expect((await titles('c'))[0]).toMatch(/^C/);
      expect(await titles('ocean bl')).toEqual(['Ocean Blue Shirt']);
      expect(await titles('Crème B')).toEqual(['Crème Brûlée Candle']);
      expect(await titles('secr')).toEqual([]);
      expect(await titles('%')).toEqual([]);
      expect(await small.search.suggest('s', 2)).toHaveLength(2);
    });

    test('a product that changes, is hidden or removed is found so at once', async () => {
      const changing = await open();
      try {
        const before = sampleProduct(1, { title: 'Amber Ring', tags: ['gold'] });
        const search = async (query: string): Promise<number> =>
          (await changing.search.search({ ...all, query })).total;
        await changing.write([before]);
        expect(await search('amber')).toBe(1);
        const renamed = { ...before, title: 'Ruby Ring', tags: [], version: 2 };
        await changing.write([renamed]);
        expect([await search('amber'), await search('ruby'), await search('gold')]).toEqual([0, 1, 0]);
        expect(await changing.search.suggest('amb', 5)).toEqual([]);
        await changing.write([{ ...renamed, status: 'draft', version: 3 }]);
        expect(await search('ruby')).toBe(0);
        await changing.write([{ ...renamed, status: 'published', version: 4 }]);
        expect(await search('ruby')).toBe(1);
        await changing.remove(renamed);
        expect([await search('ruby'), await search('rubi')]).toEqual([0, 0]);
      } finally {
        await changing.close();
      }
    });
  });
}

async function walk({ search }: SearchUnderTest, query: SearchQuery): Promise<string[]> {
  const seen: string[] = [];
  for (let cursor = query.cursor; ;) {
    const page = await search.search({ ...query, cursor });
    seen.push(...page.productIds);
    if (page.next === undefined) return seen;
    cursor = page.next;
  }
}
