import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OrderConfirmedSchema } from '#gen/only2u/order/v1/events_pb.ts';
import { type Product, ProductStatus } from '#gen/only2u/product/v1/product_pb.ts';
import { openProductShop, refusal, requestId, type ProductShop } from './service.testing.ts';

let shop: ProductShop;
beforeAll(async () => {
  shop = await openProductShop();
});
afterAll(() => shop.close());

async function addCategory(slug: string, parentId = ''): Promise<string> {
  const request = { requestId: requestId(), category: { slug, title: slug, parentId } };
  return (await shop.admin.categories.createCategory(request)).category?.id ?? '';
}

/** An order of so many pieces of each product is confirmed. */
function buy(
  pieces: readonly (readonly [Product, number])[],
  eventId?: string,
  confirmTime = new Date(),
): Promise<void> {
  const items = pieces.map(([{ variants }, quantity]) => ({ variantId: variants[0]?.id ?? '', quantity }));
  const event = { orderId: 'ord_1', userId: 'usr_c', items, confirmTime: timestampFromDate(confirmTime) };
  return shop.tell(OrderConfirmedSchema, create(OrderConfirmedSchema, event), eventId);
}

async function listed(request: { categoryId?: string; pageSize?: number; pageToken?: string }) {
  const { bestSellers, nextPageToken } = await shop.guest.products.listBestSellers(request);
  return {
    ids: bestSellers.map(({ product }) => product?.id),
    soldAtLeast: bestSellers.map((seller) => seller.soldAtLeast),
    nextPageToken,
  };
}

test('what is bought most comes first, in its category and those above; an event that comes twice counts once', async () => {
  const men = await addCategory('men');
  const shirts = await addCategory('shirts', men);
  const [shirt, belt, loose] = await Promise.all([
    shop.create({ categoryId: shirts }),
    shop.create({ categoryId: men }),
    shop.create(),
  ]);
  await buy([
    [shirt, 2],
    [belt, 60],
  ]);
  for (let times = 0; times < 3; times++) await buy([[shirt, 48]], 'evt_twice');
  await buy([[loose, 1_000]], undefined, new Date(Date.now() - 8 * 86_400_000)); // more than a week ago
  await buy([[loose, 3]]);
  expect(await listed({ categoryId: men })).toEqual({
    ids: [belt.id, shirt.id],
    soldAtLeast: [50, 50],
    nextPageToken: '',
  });
  expect((await listed({ categoryId: shirts })).ids).toEqual([shirt.id]);
  expect(await listed({})).toMatchObject({ ids: [belt.id, shirt.id, loose.id], soldAtLeast: [50, 50, 0] });
  expect((await listed({ categoryId: 'cat_none' })).ids).toEqual([]);
});

test('only what is on sale is listed, and pages are full all the same', async () => {
  const category = await addCategory('paged');
  const products = await Promise.all(Array.from({ length: 7 }, () => shop.create({ categoryId: category })));
  await buy(products.map((product, index) => [product, 7 - index] as const));
  const [first, second, third, fourth, fifth, sixth, seventh] = products;
  if (second === undefined || fourth === undefined) throw new Error('there are seven');
  await shop.vendor.products.deleteProduct({ requestId: requestId(), productId: second.id, etag: second.etag });
  await shop.vendor.products.updateProduct({
    requestId: requestId(),
    product: { id: fourth.id, status: ProductStatus.ARCHIVED },
    updateMask: { paths: ['status'] },
  });
  const pages: (string | undefined)[][] = [];
  for (let pageToken = ''; ;) {
    const page = await listed({ categoryId: category, pageSize: 2, pageToken });
    pages.push(page.ids);
    pageToken = page.nextPageToken;
    if (pageToken === '') break;
  }
  expect(pages).toEqual([[first?.id, third?.id], [fifth?.id, sixth?.id], [seventh?.id]]);
});

test('a page token of another category is refused', async () => {
  const category = await addCategory('tokens');
  const products = await Promise.all([shop.create({ categoryId: category }), shop.create({ categoryId: category })]);
  await buy(products.map((product) => [product, 1] as const));
  const { nextPageToken: pageToken } = await listed({ categoryId: category, pageSize: 1 });
  expect(pageToken).not.toBe('');
  expect(await refusal(shop.guest.products.listBestSellers({ pageToken }))).toMatchObject({
    reason: 'PAGE_TOKEN_INVALID',
  });
});
