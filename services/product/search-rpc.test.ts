import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { SearchEngine, SearchIndexService } from '#gen/only2u/product/v1/search_index_pb.ts';
import {
  ProductStatus,
  SearchSort,
  type SearchProductsRequestSchema,
  type SearchProductsResponse,
} from '#gen/only2u/product/v1/product_pb.ts';
import { inr, openProductShop, refusal, requestId, type ProductShop } from './service.testing.ts';

let shop: ProductShop;
let men = '';
let shirts = '';

beforeAll(async () => {
  shop = await openProductShop();
  men = await category('Men');
  shirts = await category('Shirts', men);
  await shop.create({
    title: 'Ocean Blue Shirt',
    brand: 'Nila',
    tags: ['summer'],
    categoryId: shirts,
    variants: [{ price: inr(120_000n) }],
    images: [{ url: 'https://example.com/ocean.jpg', alt: '' }],
  });
  await shop.create({ title: 'Olive Shirt', brand: 'Nila', categoryId: shirts, variants: [{ price: inr(90_000n) }] });
  await shop.create({
    title: 'Leather Belt',
    brand: 'Oxhide',
    categoryId: men,
    variants: [{ price: inr(60_000n), stockTracked: true }],
  });
  await shop.create({ title: 'Secret Shirt', status: ProductStatus.DRAFT });
}, 30_000);
afterAll(() => shop.close());

async function category(title: string, parentId = ''): Promise<string> {
  const { category: made } = await shop.admin.categories.createCategory({
    requestId: requestId(),
    category: { title, parentId },
  });
  return made?.id ?? '';
}

const search = (request: MessageInitShape<typeof SearchProductsRequestSchema>) =>
  shop.guest.products.searchProducts(request);
const titles = ({ products }: SearchProductsResponse): string[] => products.map(({ title }) => title);

test('a search answers whole products, how many, and what it can be narrowed by', async () => {
  const found = await search({ query: 'shirt' });
  expect(titles(found).sort()).toEqual(['Ocean Blue Shirt', 'Olive Shirt']);
  expect(found).toMatchObject({ totalSize: 2, totalSizeCapped: false, correctedQuery: '', nextPageToken: '' });
  expect(found.products[0]?.variants).toHaveLength(1);
  const facets = new Map(found.facets.map((facet) => [facet.name, facet.values]));
  expect(facets.get('brand')).toMatchObject([{ value: 'Nila', label: 'Nila', count: 2 }]);
});

test('a category counts and finds what stands below it', async () => {
  const all = await search({});
  const values = all.facets.find(({ name }) => name === 'category')?.values;
  expect(values).toMatchObject([
    { value: men, label: 'Men', count: 3 },
    { value: shirts, label: 'Shirts', count: 2 },
  ]);
  expect((await search({ categoryIds: [men] })).totalSize).toBe(3);
  expect((await search({ categoryIds: [shirts] })).totalSize).toBe(2);
  expect((await search({ categoryIds: ['cat_none'] })).totalSize).toBe(0);
});

test('filters, price and order of the request are obeyed', async () => {
  expect(titles(await search({ sort: SearchSort.PRICE_ASC }))).toEqual([
    'Leather Belt',
    'Olive Shirt',
    'Ocean Blue Shirt',
  ]);
  expect(titles(await search({ minPrice: inr(90_000n), maxPrice: inr(100_000n) }))).toEqual(['Olive Shirt']);
  expect(titles(await search({ maxPrice: inr(60_000n) }))).toEqual(['Leather Belt']);
  expect(titles(await search({ tags: ['summer'], brands: ['Nila', 'Oxhide'] }))).toEqual(['Ocean Blue Shirt']);
  expect((await search({ inStock: true })).totalSize).toBe(2);
});

test('a range in two currencies is refused', async () => {
  const mixed = search({ minPrice: inr(1n), maxPrice: { minorUnits: 5n, currency: 'EUR' } });
  expect(await refusal(mixed)).toMatchObject({ code: 'InvalidArgument', fields: ['max_price.currency'] });
});

test('typing errors are mended and said so', async () => {
  const found = await search({ query: 'shrit' });
  expect(found.correctedQuery).toBe('shirt');
  expect(found.totalSize).toBe(2);
});

test('pages go on where they stopped; a token of another search is refused', async () => {
  const first = await search({ query: 'shirt', pageSize: 1 });
  const second = await search({ query: 'shirt', pageSize: 1, pageToken: first.nextPageToken });
  expect([...titles(first), ...titles(second)].sort()).toEqual(['Ocean Blue Shirt', 'Olive Shirt']);
  expect(second.nextPageToken).toBe('');
  for (const request of [
    { query: 'belt', pageToken: first.nextPageToken },
    { query: 'shirt', sort: SearchSort.NEWEST, pageToken: first.nextPageToken },
    { query: 'shirt', pageToken: 'AAAA' },
  ]) {
    expect(await refusal(search(request))).toMatchObject({ code: 'InvalidArgument', reason: 'PAGE_TOKEN_INVALID' });
  }
});

test('queries that are no words are answered, not broken', async () => {
  for (const query of ['\0', "'", '\\', '💥', '((', 'a:*b & !c', 'x'.repeat(200)]) {
    expect((await search({ query })).totalSize).toBe(0);
  }
  for (const tags of [['\t'], ["'"], ['\\'], ['\0']]) {
    const work = search({ tags }).then(
      ({ totalSize }) => totalSize,
      (error: unknown) => String(error),
    );
    expect(String(await work)).toMatch(/^0$|invalid_argument/);
  }
});

test('suggestions complete what is typed', async () => {
  const { suggestions } = await shop.guest.products.suggestProducts({ prefix: 'oce' });
  expect(suggestions).toMatchObject([
    { title: 'Ocean Blue Shirt', handle: 'ocean-blue-shirt', imageUrl: 'https://example.com/ocean.jpg' },
  ]);
  expect((await shop.guest.products.suggestProducts({ prefix: 'secret' })).suggestions).toEqual([]);
  expect((await shop.guest.products.suggestProducts({ prefix: '%_\\' })).suggestions).toEqual([]);
});

test('a search that asks for it shows where the words stand, in the title and the description', async () => {
  await shop.create({
    title: 'Striped Towels',
    descriptionHtml: '<p>A towel for <b>every</b> day &amp; guest.</p>',
    variants: [{ price: inr(1_000n) }],
  });
  const { products, highlights } = await search({ query: 'towel', highlight: true });
  expect(highlights).toMatchObject([
    {
      productId: products[0]?.id,
      title: [
        { text: 'Striped ', isMatch: false },
        { text: 'Towels', isMatch: true },
      ],
      snippet: [
        { text: 'A ', isMatch: false },
        { text: 'towel', isMatch: true },
        { text: ' for every day & guest.', isMatch: false },
      ],
    },
  ]);
  expect((await search({ query: 'towles', highlight: true })).highlights[0]?.title[1]?.text).toBe('Towels');
  expect((await search({ query: 'towel' })).highlights).toEqual([]);
  expect((await search({ highlight: true })).highlights).toEqual([]);
});

test('an operator sees which engine searches; one that has no index beside the database rebuilds none', async () => {
  const operator = shop.app.as({ caller: 'operator' }).client(SearchIndexService);
  const state = await operator.getSearchIndex({});
  expect(state).toMatchObject({ engine: SearchEngine.POSTGRES, configuredEngine: SearchEngine.POSTGRES, indices: [] });
  expect(await refusal(operator.rebuildSearchIndex({ requestId: requestId() }))).toMatchObject({
    code: 'FailedPrecondition',
    reason: 'SEARCH_INDEX_IN_DATABASE',
  });
});
