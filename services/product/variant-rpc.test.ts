import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { ProductService, ProductStatus } from '#gen/only2u/product/v1/product_pb.ts';
import { inr, openProductShop, refusal, requestId, type ProductShop } from './service.testing.ts';

let shop: ProductShop;
beforeAll(async () => {
  shop = await openProductShop();
});
afterAll(() => shop.close());

const as = (caller: string) => shop.app.as({ caller }).client(ProductService);
const sold = async (...variantIds: string[]) => (await as('cart').batchGetVariants({ variantIds })).variants;

async function addStock(variantId: string, delta: number): Promise<void> {
  const user = { id: 'usr_v', roles: ['vendor'], sessionId: 'ses_1' };
  await shop.app.as({ user }).client(InventoryService).adjustStock({ requestId: requestId(), variantId, delta });
}

async function addCategory(slug: string, parentId = ''): Promise<string> {
  const request = { requestId: requestId(), category: { slug, title: slug, parentId } };
  return (await shop.admin.categories.createCategory(request)).category?.id ?? '';
}

test('a variant comes with all that buying it needs', async () => {
  const men = await addCategory('men');
  const shirts = await addCategory('shirts', men);
  const { id, vendorId, handle, variants } = await shop.create({
    title: 'Linen shirt',
    brand: 'Khadi',
    productType: 'Shirt',
    categoryId: shirts,
    options: [{ name: 'Size' }, { name: 'Colour' }],
    images: [{ url: 'https://example.com/all.jpg', alt: '' }],
    variants: [
      {
        optionValues: ['M', 'Blue'],
        sku: 'LS-M',
        price: inr(49_900n),
        compareAtPrice: inr(59_900n),
        imageUrl: 'https://example.com/blue.jpg',
        stockTracked: true,
        requiresShipping: true,
        taxable: true,
        weightGrams: 240,
      },
      { optionValues: ['L', 'Red'], price: inr(0n), backorderAllowed: true },
    ],
  });
  const [m, l] = variants.map((variant) => variant.id);
  await addStock(m ?? '', 7);
  const [second, first, ...rest] = await sold(l ?? '', 'var_unknown', m ?? '');
  expect(rest).toEqual([]);
  expect(first).toMatchObject({
    variantId: m,
    productId: id,
    vendorId,
    handle,
    productTitle: 'Linen shirt',
    variantTitle: 'M / Blue',
    sku: 'LS-M',
    imageUrl: 'https://example.com/blue.jpg',
    price: inr(49_900n),
    compareAtPrice: inr(59_900n),
    categoryIds: [shirts, men],
    productType: 'Shirt',
    brand: 'Khadi',
    onSale: true,
    tracked: true,
    backorderAllowed: false,
    available: 7,
    maxQuantity: 7,
    requiresShipping: true,
    taxable: true,
    weightGrams: 240,
  });
  expect(second).toMatchObject({
    variantId: l,
    variantTitle: 'L / Red',
    imageUrl: 'https://example.com/all.jpg',
    price: inr(0n),
    tracked: false,
    available: 0,
    maxQuantity: 100_000,
  });
  expect(second?.compareAtPrice).toBeUndefined();
});

test('what changes of a product is what is sold at once', async () => {
  const product = await shop.create({ title: 'Mug', variants: [{ price: inr(100n), stockTracked: true }] });
  const id = product.variants[0]?.id ?? '';
  await shop.vendor.products.updateProduct({
    requestId: requestId(),
    product: { id: product.id, title: 'Large mug', variants: [{ id, price: inr(150n), stockTracked: true }] },
    updateMask: { paths: ['title', 'variants'] },
  });
  expect(await sold(id)).toMatchObject([{ productTitle: 'Large mug', variantTitle: '', price: inr(150n) }]);
});

test('a draft and an archived product are known, but not on sale', async () => {
  const draft = await shop.create({ status: ProductStatus.DRAFT });
  const { id: productId, variants } = await shop.create();
  const archive = { id: productId, status: ProductStatus.ARCHIVED };
  const updateMask = { paths: ['status'] };
  await shop.vendor.products.updateProduct({ requestId: requestId(), product: archive, updateMask });
  const ids = [draft.variants[0]?.id ?? '', variants[0]?.id ?? ''];
  expect(await sold(...ids)).toMatchObject([
    { variantId: ids[0], onSale: false, maxQuantity: 0 },
    { variantId: ids[1], onSale: false, maxQuantity: 0 },
  ]);
});

test('what is reserved is not available', async () => {
  const product = await shop.create({ variants: [{ price: inr(100n), stockTracked: true }] });
  const variantId = product.variants[0]?.id ?? '';
  await addStock(variantId, 5);
  const stock = shop.app.as({ caller: 'order' }).client(InventoryService);
  await stock.reserveStock({ requestId: requestId(), items: [{ variantId, quantity: 5 }] });
  expect(await sold(variantId)).toMatchObject([{ available: 0, maxQuantity: 0, onSale: true }]);
});

test('variants are for carts and orders, 100 at once', async () => {
  expect((await refusal(as('gateway').batchGetVariants({ variantIds: ['var_1'] }))).code).toBe('PermissionDenied');
  expect((await as('order').batchGetVariants({ variantIds: ['var_1'] })).variants).toEqual([]);
  const many = Array.from({ length: 101 }, (_, index) => `var_${index}`);
  for (const variantIds of [[], [''], many]) {
    expect((await refusal(as('cart').batchGetVariants({ variantIds }))).code).toBe('InvalidArgument');
  }
});
