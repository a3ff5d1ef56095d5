import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { marketProducts } from './search-relevance.samples.ts';
import type { SearchUnderTest } from './search.contract.ts';
import type { SearchQuery, SearchResult } from './search.ts';

const openMs = 110_000;

const all: SearchQuery = {
  query: '',
  categoryIds: undefined,
  tags: [],
  brands: [],
  options: [],
  price: undefined,
  inStock: false,
  sort: 'relevance',
  limit: 100,
  cursor: undefined,
};

type Filters = Partial<Omit<SearchQuery, 'query'>>;

const rupees = (min: number, max: number, currency = 'INR'): Filters => ({
  price: { currency, min: BigInt(min) * 100n, max: BigInt(max) * 100n },
});

/** What a customer asks of the market, and what is found: exactly this, in this order. "a b | c" is what stands apart by rank. */
const asked: readonly (readonly [query: string, found: string, filters?: Filters])[] = [
  // The title before tags and brand, those before the type, that before the description; the latest of equals first.
  ['linen', 'trousers-linen saree-linen linen-shirt-olive linen-shirt-white trousers-chino'],
  ['linen shirt', 'linen-shirt-olive linen-shirt-white trousers-chino'],
  ['shirt', 'tee-plain cotton-shirt-check linen-shirt-olive linen-shirt-white tee-band polo trousers-chino'],
  ['leather', 'sandals belt-leather jacket-leather wallet bag-laptop'],
  ['silk', 'euro-scarf saree-banarasi blouse-silk lehenga'],
  ['silk saree', 'saree-banarasi'],
  ['jacket', 'jacket-rain jacket-leather jacket-denim parka'],
  ['handloom', 'kurta-men rug kurta-women'],
  ['running', 'socks shoes-road shoes-trail'],
  ['women denim', 'jacket-denim jeans-wide'],
  ['oxhide leather', 'sandals wallet belt-leather jacket-leather bag-laptop'],
  // Number, case, endings.
  ['shirts', 'tee-plain cotton-shirt-check linen-shirt-olive linen-shirt-white tee-band polo trousers-chino'],
  ['RUNNING SHOE', 'shoes-road shoes-trail'],
  ['sarees', 'saree-linen saree-chanderi saree-banarasi'],
  ['rings', 'ring-silver ring-gold'],
  ['candles', 'candle-sandal candle-creme'],
  ['watches', 'watch-sport watch-auto'],
  // Hyphens, apostrophes, accents, signs, other scripts.
  // "t" is a word like "the": it stands in "don't".
  ['t-shirt', 'tee-plain cotton-shirt-check linen-shirt-olive linen-shirt-white tee-band polo trousers-chino'],
  ['tshirt', 'tee-plain tee-band'],
  ['usb c', 'usb-c'],
  ['usb-c charger', 'usb-c'],
  ['usbc', 'usb-c'],
  ['roll top', 'backpack'],
  ['rolltop', 'backpack'],
  ["women's jacket", 'jacket-denim'],
  ['womens jacket', 'jacket-denim'],
  ['titans', 'watch-auto'],
  ['creme brulee', 'candle-creme'],
  ['CRÈME BRÛLÉE', 'candle-creme'],
  ['odegard', 'euro-scarf candle-sandal candle-creme'],
  ['indigo & sons', 'jacket-denim jeans-wide jeans-slim'],
  ['दैनिक', 'diary'],
  // Brands, numbers of articles, words of descriptions.
  ['kashi weaves', 'dupatta lehenga saree-chanderi saree-banarasi blouse-silk'],
  ['MUG-0042', 'mug'],
  ['mug0042', 'mug'],
  ['vlz-tr-09', 'shoes-trail'],
  ['waterproof', 'jacket-rain'],
  ['a light for the evening', 'lamp-desk'],
  ['blue in green', 'vinyl'],
  ['300 threads', 'sheets'],
  // What must not be found.
  ['secret', ''],
  ['bygone shirt', ''],
  ['leather saree', ''],
  ['spaceship', ''],
  ['the', ''],
  ['!!!', ''],
  // Filters.
  ['', 'trousers-linen saree-linen linen-shirt-white', { tags: ['summer'], brands: ['Nila'] }],
  ['shirt', 'tee-plain', { options: [{ name: 'Colour', values: ['White'] }], brands: ['Tara'] }],
  ['', 'shoes-road shoes-trail', { categoryIds: ['cat_shoes'], tags: ['sport'] }],
  ['jacket', 'jacket-leather', { tags: ['winter', 'men'] }],
  ['the', 'mug-rug mug', { tags: ['home', 'kitchen'] }],
  ['saree', '', { brands: ['Norr'] }],
  // Prices and stock.
  ['', 'diary mug-rug', rupees(100, 300)],
  ['shoes', 'sandals sneakers', rupees(0, 3_000)],
  ['scarf', 'euro-scarf', rupees(1, 100, 'EUR')],
  ['scarf', '', rupees(1, 100, 'USD')],
  ['watch', 'watch-sport', { inStock: true }],
  ['boots', '', { inStock: true }],
  ['chelsea boots', 'boots'],
  // Orders.
  ['saree', 'saree-linen saree-chanderi saree-banarasi', { sort: 'price-ascending' }],
  ['saree', 'saree-banarasi saree-chanderi saree-linen', { sort: 'price-descending' }],
  ['jeans', 'jeans-wide jeans-slim', { sort: 'newest' }],
  [
    'linen',
    'linen-shirt-white linen-shirt-olive trousers-chino trousers-linen saree-linen',
    { sort: 'price-ascending' },
  ],
];

// Of equal length: a row's missing filters would be taken for a callback.
const rows = asked.map(([query, found, filters = {}]) => [query, found, filters] as const);

/** A letter changed, left out, doubled, swapped, at the beginning, in the middle, at the end. */
const mistyped: readonly (readonly [typed: string, meant: string, found: string])[] = [
  ['xinen', 'linen', 'trousers-linen'],
  ['ilnen', 'linen', 'trousers-linen'],
  ['inen', 'linen', 'trousers-linen'],
  ['linnen', 'linen', 'trousers-linen'],
  ['linem', 'linen', 'trousers-linen'],
  ['lether', 'leather', 'belt-leather'],
  ['leahter', 'leather', 'belt-leather'],
  ['sareee', 'saree', 'saree-linen'],
  ['bnarasi', 'banarasi', 'saree-banarasi'],
  ['hedphons', 'headphones', 'headphones'],
  ['embroidred lehnga', 'embroidered lehenga', 'lehenga'],
  ['chelsae boots', 'chelsea boots', 'boots'],
  ['kettel', 'kettle', 'kettle'],
];

const begun: readonly (readonly [query: string, found: string])[] = [
  ['bana', 'saree-banarasi'],
  ['goosen', 'kettle'],
  ['white canv', 'sneakers'],
  ['odeg', 'candle-creme'],
];

/** What customers must find and must not, the same in every engine. */
export function describeSearchRelevance(name: string, open: () => Promise<SearchUnderTest>): void {
  describe(`relevance of ${name}`, () => {
    let market: SearchUnderTest;
    const handles = new Map(marketProducts.map(({ id, handle }) => [id, handle]));
    beforeAll(async () => {
      market = await open();
      await market.write(marketProducts);
    }, openMs);
    afterAll(() => market.close());

    const find = (query: string, filters: Filters = {}) => market.search.search({ ...all, query, ...filters });
    const found = ({ productIds }: SearchResult): string => productIds.map((id) => handles.get(id) ?? id).join(' ');

    test.each(rows)('"%s" finds: %s', async (query, expected, filters) => {
      const result = await find(query, filters);
      expect(found(result)).toBe(expected);
      const total = expected === '' ? 0 : expected.split(' ').length;
      expect(result).toMatchObject({ total, capped: false, correctedQuery: '', next: undefined });
    });

    test.each(rows.filter(([, expected]) => expected.includes(' ')))(
      '"%s" finds the same, page by page of two',
      async (query, expected, filters) => {
        const seen: string[] = [];
        for (let cursor: SearchResult['next'] | 'begin' = 'begin'; cursor !== undefined;) {
          const page = await find(query, { ...filters, limit: 2, cursor: cursor === 'begin' ? undefined : cursor });
          expect(page.productIds.length).toBeLessThanOrEqual(2);
          seen.push(...page.productIds.map((id) => handles.get(id) ?? id));
          cursor = page.next;
        }
        expect(seen.join(' ')).toBe(expected);
      },
    );

    test.each(mistyped)('"%s" is taken for "%s"', async (typed, meant, expected) => {
      const result = await find(typed);
      expect(result.correctedQuery).toBe(meant);
      expect(found(result).split(' ')).toContain(expected);
      expect(result.words).toEqual(meant.split(' '));
    });

    test.each(begun)('"%s" finds what it may become', async (query, expected) => {
      const result = await find(query);
      expect(found(result).split(' ')).toContain(expected);
      expect(result.correctedQuery).toBe('');
      expect(result.words.length).toBeGreaterThan(0);
    });

    test('facets count all that was found, the commonest value first, of equals by alphabet', async () => {
      expect((await find('jacket')).facets).toEqual([
        { name: 'category', values: [{ value: 'cat_jackets', count: 4 }] },
        {
          name: 'brand',
          values: [
            { value: 'Norr', count: 2 },
            { value: 'Indigo & Sons', count: 1 },
            { value: 'Oxhide', count: 1 },
          ],
        },
        {
          name: 'tag',
          values: [
            { value: 'outdoor', count: 2 },
            { value: 'winter', count: 2 },
            { value: 'denim', count: 1 },
            { value: 'men', count: 1 },
            { value: 'women', count: 1 },
          ],
        },
        {
          name: 'option:Colour',
          values: [
            { value: 'Blue', count: 1 },
            { value: 'Brown', count: 1 },
          ],
        },
      ]);
      expect((await find('spaceship')).facets).toEqual([]);
      expect((await find('', rupees(100, 300))).facets.find((facet) => facet.name === 'tag')?.values).toEqual([
        { value: 'home', count: 1 },
        { value: 'kitchen', count: 1 },
        { value: 'work', count: 1 },
      ]);
    });

    test.each([
      ['lin', 'Linen Saree|Drawstring Linen Trousers|Olive Linen Shirt|White Linen Shirt'],
      ['running s', 'Running Socks|Road Running Shoes|Trail Running Shoes'],
      ['crème', 'Crème Brûlée Candle'],
      ['USB', 'USB-C Charger 65W'],
      ['usb c', 'USB-C Charger 65W'],
      ["women's", 'Women’s Denim Jacket'],
      ['दै', 'दैनिक डायरी'],
      ['secret', ''],
      ['zz', ''],
      ['.*', ''],
    ])('what begins with "%s" is suggested: %s', async (prefix, titles) => {
      const suggestions = await market.search.suggest(prefix, 8);
      expect(suggestions.map(({ title }) => title).join('|')).toBe(titles);
    });

    test('words that must be found with filters mean nothing else', async () => {
      for (const query of [
        'title:linen',
        'linen*',
        'linen OR silk',
        '"linen"',
        'linen~1',
        'linen AND -shirt',
        '{"match_all":{}}',
      ]) {
        const { total } = await find(query);
        expect(total).toBeLessThan(8);
      }
      expect((await find('', { tags: ['sum.*'] })).total).toBe(0);
      expect((await find('', { brands: ['*'] })).total).toBe(0);
    });
  });
}
