import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { ProductSchema, ProductStatus, type UpdateProductRequestSchema } from '#gen/only2u/product/v1/product_pb.ts';
import { inr, openProductShop, refusal, requestId, shirt, type ProductShop } from './service.testing.ts';

let shop: ProductShop;
beforeAll(async () => {
  shop = await openProductShop();
}, 30_000);
afterAll(() => shop.close());

const update = (
  id: string,
  paths: readonly string[],
  changes: MessageInitShape<typeof ProductSchema> = {},
): MessageInitShape<typeof UpdateProductRequestSchema> => ({
  requestId: requestId(),
  product: { id, ...changes },
  updateMask: { paths: [...paths] },
});

const sizes = (...values: readonly string[]) => ({
  options: [{ name: 'Size' }],
  variants: values.map((value) => ({ optionValues: [value], price: inr(100n) })),
});

describe('creating', () => {
  test('a product gives it ids, a handle, its vendor and an etag, and everybody may read it', async () => {
    const product = await shop.create({ title: 'Crème Shirt', ...sizes('S', 'M'), vendorId: 'usr_x', etag: 'mine' });
    expect(product).toMatchObject({
      id: expect.stringMatching(/^prd_/),
      handle: 'creme-shirt',
      vendorId: 'usr_v',
      etag: '1',
      options: [{ name: 'Size', values: ['S', 'M'] }],
      variants: [{ id: expect.stringMatching(/^var_/), optionValues: ['S'], available: 0 }, { optionValues: ['M'] }],
    });
    const { products } = shop.guest;
    const byId = await products.getProduct({ key: { case: 'productId', value: product.id } });
    expect(byId.product).toEqual(product);
    const byHandle = await products.getProduct({ key: { case: 'handle', value: 'creme-shirt' } });
    expect(byHandle.product).toEqual(product);
  });

  test('is a draft unless it says otherwise, and its HTML is made harmless', async () => {
    const product = await shop.create({
      status: ProductStatus.UNSPECIFIED,
      descriptionHtml: '<p>Soft<script>alert(1)</script><a href="javascript:x">no</a></p>',
    });
    expect(product.status).toBe(ProductStatus.DRAFT);
    expect(product.descriptionHtml).not.toMatch(/script/);
  });

  test('the same title many times at once gives as many handles', async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => shop.create({ title: 'Twin' })));
    expect(new Set(made.map(({ handle }) => handle)).size).toBe(10);
    expect((await shop.create({ title: 'कुर्ता' })).handle).toMatch(/^product/);
  });

  test('a handle that is taken is refused', async () => {
    await shop.create({ handle: 'taken' });
    expect(await refusal(shop.create({ handle: 'taken' }))).toEqual({
      code: 'AlreadyExists',
      reason: 'HANDLE_TAKEN',
      fields: ['product.handle'],
    });
  });

  test('takes a vendor or an admin', async () => {
    const request = { requestId: requestId(), product: shirt };
    expect(await refusal(shop.guest.products.createProduct(request))).toMatchObject({ code: 'Unauthenticated' });
    expect(await refusal(shop.customer.products.createProduct(request))).toMatchObject({ code: 'PermissionDenied' });
    expect((await shop.admin.products.createProduct(request)).product?.vendorId).toBe('usr_a');
  });

  test.each<[reason: string, field: string, product: MessageInitShape<typeof ProductSchema>]>([
    ['TITLE_MISSING', 'product.title', { title: ' ' }],
    ['VARIANT_MISSING', 'product.variants', { variants: [] }],
    ['CONTROL_CHARACTER', 'product.title', { title: 'a\0b' }],
    ['COMBINATION_TWICE', 'product.variants[1].option_values', sizes('M', 'm')],
    ['OPTION_VALUES_MISMATCH', 'product.variants[0].option_values', { options: [{ name: 'Size' }] }],
    ['PRICE_OUT_OF_RANGE', 'product.variants[0].price', { variants: [{ price: inr(-5n) }] }],
    ['CATEGORY_NOT_FOUND', 'product.category_id', { categoryId: 'cat_none' }],
  ])('is refused with %s at %s', async (reason, field, product) => {
    expect(await refusal(shop.create(product))).toMatchObject({ code: 'InvalidArgument', reason, fields: [field] });
  });

  test.each<[field: string, product: MessageInitShape<typeof ProductSchema>]>([
    ['product.variants[0].price.minor_units', { variants: [{ price: inr(2n ** 63n - 1n) }] }],
    ['product.variants[0].price', { variants: [{}] }],
    ['product.handle', { handle: 'Not a handle' }],
    ['product.options', { options: ['a', 'b', 'c', 'd'].map((name) => ({ name })) }],
    ['product.images[0].url', { images: [{ url: 'ftp://example.com/x' }] }],
  ])('is refused by the contract at %s', async (field, product) => {
    const refused = await refusal(shop.create(product));
    expect(refused.code).toBe('InvalidArgument');
    expect(refused.fields).toContain(field);
  });

  test('a repeated request gets the first answer, the same id with other content is refused', async () => {
    const request = { requestId: requestId(), product: { ...shirt, title: 'Once' } };
    const first = await shop.vendor.products.createProduct(request);
    expect(await shop.vendor.products.createProduct(request)).toEqual(first);
    const other = shop.vendor.products.createProduct({ ...request, product: { ...shirt, title: 'Twice' } });
    expect(await refusal(other)).toMatchObject({ code: 'AlreadyExists', reason: 'REQUEST_ID_REUSED' });
    const another = await shop.otherVendor.products.createProduct(request);
    expect(another.product?.id).not.toBe(first.product?.id);
  });
});

describe('reading', () => {
  test('another’s draft is not there, one’s own is', async () => {
    const { id, handle } = await shop.create({ status: ProductStatus.DRAFT });
    for (const { products } of [shop.guest, shop.customer, shop.otherVendor]) {
      for (const key of [{ case: 'productId', value: id } as const, { case: 'handle', value: handle } as const]) {
        expect(await refusal(products.getProduct({ key }))).toMatchObject({
          code: 'NotFound',
          reason: 'PRODUCT_NOT_FOUND',
        });
      }
      expect((await products.batchGetProducts({ productIds: [id] })).products).toEqual([]);
    }
    for (const { products } of [shop.vendor, shop.admin]) {
      expect((await products.getProduct({ key: { case: 'productId', value: id } })).product?.id).toBe(id);
      expect((await products.batchGetProducts({ productIds: [id] })).products).toHaveLength(1);
    }
  });

  test('what is not there is said so, whatever the key holds', async () => {
    for (const value of ['prd_none', "' or 1=1 --", 'x'.repeat(64)]) {
      const get = shop.guest.products.getProduct({ key: { case: 'productId', value } });
      expect(await refusal(get)).toMatchObject({ code: 'NotFound' });
    }
    expect(await refusal(shop.guest.products.getProduct({}))).toMatchObject({ code: 'InvalidArgument' });
    const nul = shop.guest.products.getProduct({ key: { case: 'handle', value: 'a\0b' } });
    expect((await refusal(nul)).code).toMatch(/NotFound|InvalidArgument/);
  });

  test('several come in the order asked for, each once', async () => {
    const [a, b] = [await shop.create(), await shop.create()];
    const { products } = await shop.guest.products.batchGetProducts({ productIds: [b.id, 'prd_none', a.id, b.id] });
    expect(products.map(({ id }) => id)).toEqual([b.id, a.id]);
  });

  test('a list shows the latest first and goes on where it stopped', async () => {
    const made = [];
    for (let index = 0; index < 5; index++) {
      made.unshift(
        (await shop.otherVendor.products.createProduct({ requestId: requestId(), product: shirt })).product?.id,
      );
    }
    const seen: string[] = [];
    for (let pageToken = ''; ;) {
      const page = await shop.guest.products.listProducts({ vendorId: 'usr_w', pageSize: 2, pageToken });
      seen.push(...page.products.map(({ id }) => id));
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    expect(seen.slice(0, 5)).toEqual(made);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('a page token of another list, or a forged one, is refused', async () => {
    await shop.create();
    await shop.create();
    const list = { vendorId: 'usr_v', pageSize: 1 };
    const { nextPageToken } = await shop.guest.products.listProducts(list);
    const forged = nextPageToken.slice(0, -4) + (nextPageToken.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    for (const request of [
      { ...list, pageToken: forged },
      { ...list, pageToken: 'prd_1' },
      { ...list, vendorId: 'usr_w', pageToken: nextPageToken },
    ]) {
      expect(await refusal(shop.guest.products.listProducts(request))).toMatchObject({
        code: 'InvalidArgument',
        reason: 'PAGE_TOKEN_INVALID',
      });
    }
  });

  test('drafts are listed for their vendor and for admins', async () => {
    const { id } = await shop.create({ status: ProductStatus.DRAFT });
    const drafts = { vendorId: 'usr_v', status: ProductStatus.DRAFT };
    for (const { products } of [shop.vendor, shop.admin]) {
      expect((await products.listProducts(drafts)).products.map((product) => product.id)).toContain(id);
    }
    expect(
      (await shop.vendor.products.listProducts({ vendorId: 'usr_v' })).products.map((product) => product.id),
    ).not.toContain(id);
    expect(await refusal(shop.guest.products.listProducts(drafts))).toMatchObject({ code: 'Unauthenticated' });
    for (const refused of [
      shop.otherVendor.products.listProducts(drafts),
      shop.vendor.products.listProducts({ ...drafts, vendorId: '' }),
    ]) {
      expect(await refusal(refused)).toMatchObject({ code: 'PermissionDenied', reason: 'NOT_YOUR_PRODUCTS' });
    }
  });
});

describe('changing', () => {
  test('touches what the mask names, and the etag goes on', async () => {
    const before = await shop.create({ title: 'Old', brand: 'Nila', ...sizes('S', 'M') });
    const { product: after } = await shop.vendor.products.updateProduct(
      update(before.id, ['title', 'tags'], { title: 'New', tags: ['men'], brand: 'not read', etag: before.etag }),
    );
    expect(after).toMatchObject({ title: 'New', tags: ['men'], brand: 'Nila', etag: '2', handle: before.handle });
    expect(after?.variants).toEqual(before.variants);
  });

  test('of variants keeps the ids of those with the same options', async () => {
    const before = await shop.create(sizes('S', 'M'));
    const { product: after } = await shop.vendor.products.updateProduct(
      update(before.id, ['variants'], sizes('M', 'L')),
    );
    expect(after?.variants.map(({ id }) => id === before.variants[1]?.id)).toEqual([true, false]);
    expect(after?.options[0]?.values).toEqual(['M', 'L']);
    const foreign = (await shop.create()).variants[0]?.id ?? '';
    const variants = [{ id: foreign, optionValues: ['M'], price: inr(1n) }];
    expect(
      await refusal(shop.vendor.products.updateProduct(update(before.id, ['variants'], { variants }))),
    ).toMatchObject({
      reason: 'VARIANT_UNKNOWN',
      fields: ['product.variants[0].id'],
    });
  });

  test('another’s product is refused, another’s draft is not there, an admin may', async () => {
    const { id } = await shop.create();
    const draft = await shop.create({ status: ProductStatus.DRAFT });
    const { products } = shop.otherVendor;
    const rename = { title: 'Mine now' };
    expect(await refusal(products.updateProduct(update(id, ['title'], rename)))).toMatchObject({
      code: 'PermissionDenied',
      reason: 'NOT_YOUR_PRODUCT',
    });
    expect(await refusal(products.deleteProduct({ requestId: requestId(), productId: id }))).toMatchObject({
      code: 'PermissionDenied',
      reason: 'NOT_YOUR_PRODUCT',
    });
    expect(await refusal(products.updateProduct(update(draft.id, ['title'], rename)))).toMatchObject({
      code: 'NotFound',
    });
    expect(await refusal(products.deleteProduct({ requestId: requestId(), productId: draft.id }))).toMatchObject({
      code: 'NotFound',
    });
    expect((await shop.admin.products.updateProduct(update(id, ['title'], rename))).product).toMatchObject({
      title: 'Mine now',
      vendorId: 'usr_v',
    });
    expect(await refusal(shop.customer.products.updateProduct(update(id, ['title'], rename)))).toMatchObject({
      code: 'PermissionDenied',
    });
  });

  test('with a stale etag is refused; of many at once one goes through', async () => {
    const { id, etag } = await shop.create();
    const results = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((title) => shop.vendor.products.updateProduct(update(id, ['title'], { title, etag }))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const stale = shop.vendor.products.updateProduct(update(id, ['title'], { title: 'x', etag }));
    expect(await refusal(stale)).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' });
    const remove = shop.vendor.products.deleteProduct({ requestId: requestId(), productId: id, etag });
    expect(await refusal(remove)).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' });
  });

  test.each([
    ['MASK_PATH_UNKNOWN', ['colour']],
    ['MASK_PATH_UNKNOWN', ['vendor_id']],
    ['MASK_PATH_UNKNOWN', ['constructor']],
    ['MASK_EMPTY', []],
  ])('is refused with %s for the mask %j', async (reason, paths) => {
    const { id } = await shop.create();
    expect(await refusal(shop.vendor.products.updateProduct(update(id, paths)))).toMatchObject({
      code: 'InvalidArgument',
      reason,
      fields: ['update_mask'],
    });
  });

  test('a status moves as the shop allows', async () => {
    const { id } = await shop.create();
    const move = (status: ProductStatus) => shop.vendor.products.updateProduct(update(id, ['status'], { status }));
    await move(ProductStatus.ARCHIVED);
    expect(await refusal(move(ProductStatus.DRAFT))).toMatchObject({
      code: 'FailedPrecondition',
      reason: 'STATUS_MOVE_REFUSED',
    });
    expect((await move(ProductStatus.PUBLISHED)).product?.status).toBe(ProductStatus.PUBLISHED);
  });

  test('a product that is not there is said so', async () => {
    expect(await refusal(shop.vendor.products.updateProduct(update('prd_none', ['title'], shirt)))).toMatchObject({
      code: 'NotFound',
    });
    expect(await refusal(shop.vendor.products.updateProduct(update('', ['title'], shirt)))).toMatchObject({
      reason: 'ID_MISSING',
    });
  });
});

test('a product that is removed is gone, and the request may come again', async () => {
  const { id, etag } = await shop.create();
  const request = { requestId: requestId(), productId: id, etag };
  await shop.vendor.products.deleteProduct(request);
  await shop.vendor.products.deleteProduct(request);
  expect(await refusal(shop.guest.products.getProduct({ key: { case: 'productId', value: id } }))).toMatchObject({
    code: 'NotFound',
  });
  expect(await refusal(shop.vendor.products.deleteProduct({ ...request, requestId: requestId() }))).toMatchObject({
    code: 'NotFound',
  });
});

test('the largest product that the contract takes is stored and found', async () => {
  const long = (name: string, index: number) =>
    `${name} ${index} `.padEnd(255, `ü${String.fromCodePoint(0x4e00 + index)} `).trim();
  const product = await shop.create({
    title: long('Giant', 1),
    descriptionHtml: 'ñ '.repeat(21_000).trim(),
    tags: Array.from({ length: 250 }, (_, index) => long('tag', index)),
    options: ['a', 'b', 'c'].map((name, index) => ({ name: long(name, index) })),
    variants: Array.from({ length: 250 }, (_, index) => ({
      sku: long('sku', index),
      optionValues: ['x', 'y', 'z'].map((name) => long(name, index)),
      price: inr(9_000_000_000_000n),
    })),
    images: Array.from({ length: 250 }, (_, index) => ({
      url: `https://example.com/${'x'.repeat(2_000)}${index}`,
      alt: long('alt', index),
    })),
  });
  const { products, totalSize } = await shop.guest.products.searchProducts({ query: 'giant', pageSize: 1 });
  expect([totalSize, products[0]]).toEqual([1, product]);
});

test('what is read can be written back unchanged', async () => {
  const before = await shop.create({
    ...sizes('S', 'M'),
    tags: ['men'],
    images: [{ url: 'https://example.com/a.jpg', alt: 'front' }],
  });
  const paths = [
    'handle',
    'title',
    'description_html',
    'brand',
    'product_type',
    'category_id',
    'tags',
    'status',
    'options',
    'variants',
    'images',
    'seo',
  ];
  const { product: after } = await shop.vendor.products.updateProduct({
    requestId: requestId(),
    product: before,
    updateMask: { paths },
  });
  expect(after).toEqual(create(ProductSchema, { ...before, etag: '2', updateTime: after?.updateTime }));
});
