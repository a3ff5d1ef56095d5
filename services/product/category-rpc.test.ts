import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Category } from '#gen/only2u/product/v1/category_pb.ts';
import { openProductShop, refusal, requestId, type ProductShop } from './service.testing.ts';

let shop: ProductShop;
beforeAll(async () => {
  shop = await openProductShop();
}, 30_000);
afterAll(() => shop.close());

async function make(title: string, parentId = ''): Promise<Category> {
  const { category } = await shop.admin.categories.createCategory({
    requestId: requestId(),
    category: { title, parentId },
  });
  if (category === undefined) throw new Error('the category that was made is missing');
  return category;
}

const update = (
  id: string,
  paths: string[],
  changes: { title?: string; slug?: string; parentId?: string; etag?: string },
) =>
  shop.admin.categories.updateCategory({ requestId: requestId(), category: { id, ...changes }, updateMask: { paths } });

test('a category is made, read, listed, renamed and removed', async () => {
  const made = await make('Bags & Belts');
  expect(made).toMatchObject({ slug: 'bags-and-belts', path: 'bags-and-belts', etag: '1' });
  expect((await shop.guest.categories.getCategory({ categoryId: made.id })).category).toEqual(made);
  const child = await make('Totes', made.id);
  const { categories } = await shop.guest.categories.listCategories({ parentId: made.id });
  expect(categories).toEqual([child]);
  const { category: renamed } = await update(made.id, ['title'], { title: 'Bags', etag: '1' });
  expect(renamed).toMatchObject({ title: 'Bags', slug: 'bags-and-belts', etag: '2' });
  const remove = (categoryId: string, etag = '') =>
    shop.admin.categories.deleteCategory({ requestId: requestId(), categoryId, etag });
  expect(await refusal(remove(made.id))).toMatchObject({ code: 'FailedPrecondition', reason: 'CATEGORY_HAS_CHILDREN' });
  expect(await refusal(remove(child.id, '9'))).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' });
  await remove(child.id);
  await remove(made.id);
  expect(await refusal(shop.guest.categories.getCategory({ categoryId: made.id }))).toMatchObject({ code: 'NotFound' });
});

test('a product loses a category that is removed, in the search too', async () => {
  const { id } = await make('Short-lived');
  const product = await shop.create({ categoryId: id });
  expect((await shop.guest.products.searchProducts({ categoryIds: [id] })).totalSize).toBe(1);
  await shop.admin.categories.deleteCategory({ requestId: requestId(), categoryId: id });
  const found = await shop.guest.products.getProduct({ key: { case: 'productId', value: product.id } });
  expect(found.product).toMatchObject({ categoryId: '', etag: '2' });
  expect((await shop.guest.products.searchProducts({ categoryIds: [id] })).totalSize).toBe(0);
});

test('what lies below moves along, and its products are found there', async () => {
  const [from, to] = [await make('From'), await make('To')];
  const moving = await make('Moving', from.id);
  const low = await make('Low', moving.id);
  await shop.create({ categoryId: low.id });
  await update(moving.id, ['parent_id'], { parentId: to.id });
  expect((await shop.guest.categories.getCategory({ categoryId: low.id })).category?.path).toBe('to/moving/low');
  expect((await shop.guest.products.listProducts({ categoryId: to.id })).products).toHaveLength(1);
  expect((await shop.guest.products.searchProducts({ categoryIds: [to.id] })).totalSize).toBe(1);
  expect((await shop.guest.products.searchProducts({ categoryIds: [from.id] })).totalSize).toBe(0);
  const ring = update(to.id, ['parent_id'], { parentId: low.id });
  expect(await refusal(ring)).toMatchObject({ code: 'FailedPrecondition', reason: 'CATEGORY_CYCLE' });
});

test('two moves at once that would close a ring: one is refused', async () => {
  const [a, b] = [await make('Ring A'), await make('Ring B')];
  const moves = [update(a.id, ['parent_id'], { parentId: b.id }), update(b.id, ['parent_id'], { parentId: a.id })];
  const results = await Promise.allSettled(moves);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('siblings of one slug, a parent that is not there and an unknown mask are refused', async () => {
  const { id } = await make('Unique');
  expect(await refusal(make('Unique'))).toMatchObject({ code: 'AlreadyExists', reason: 'SLUG_TAKEN' });
  expect(await refusal(make('Orphan', 'cat_none'))).toMatchObject({
    code: 'InvalidArgument',
    reason: 'CATEGORY_NOT_FOUND',
  });
  expect(await refusal(update(id, ['path'], {}))).toMatchObject({
    code: 'InvalidArgument',
    reason: 'MASK_PATH_UNKNOWN',
  });
  expect(await refusal(update('cat_none', ['title'], { title: 'x' }))).toMatchObject({ code: 'NotFound' });
});

test('only an admin changes the tree', async () => {
  for (const { categories } of [shop.vendor, shop.customer]) {
    const made = categories.createCategory({ requestId: requestId(), category: { title: 'Mine' } });
    expect(await refusal(made)).toMatchObject({ code: 'PermissionDenied' });
  }
  const made = shop.guest.categories.createCategory({ requestId: requestId(), category: { title: 'Mine' } });
  expect(await refusal(made)).toMatchObject({ code: 'Unauthenticated' });
});

test('a repeated request makes no second category', async () => {
  const request = { requestId: requestId(), category: { title: 'Repeated' } };
  const first = await shop.admin.categories.createCategory(request);
  expect(await shop.admin.categories.createCategory(request)).toEqual(first);
});
