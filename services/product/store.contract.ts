import { create } from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createCategory, updateCategory, type Category } from './category.ts';
import { sampleProduct, sampleVariant } from './product.samples.ts';
import type { Product } from './product.ts';
import type { CatalogStore, CatalogTx, ListFilter } from './store.ts';

export type StoreUnderTest = {
  readonly store: CatalogStore;
  /** What others were told, oldest first: topic and product id. */
  told(): Promise<readonly (readonly [topic: string, productId: string])[]>;
  close(): Promise<void>;
};

const time = new Date('2026-05-01T10:00:00.123Z');
const later = new Date('2026-05-02T10:00:00Z');
const openMs = 30_000;

/** What every CatalogStore keeps, whatever it stands on. */
export function describeCatalogStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let opened: StoreUnderTest;
    let store: CatalogStore;
    let requests = 0;
    let products = 0;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    }, openMs);
    afterAll(() => opened.close());

    /** Runs `work` as one request; a text given as its id makes it repeatable. */
    function change(
      work: (tx: CatalogTx) => Promise<string | number | boolean | void>,
      requestId = `request ${requests++}`,
      text = '',
    ): Promise<string> {
      const request = create(StringValueSchema, { value: text });
      const repeat = { actor: 'usr_v', method: 'test', requestId, request, schema: StringValueSchema, now: time };
      return store
        .change(repeat, async (tx) => create(StringValueSchema, { value: String((await work(tx)) ?? '') }))
        .then(({ value }) => value);
    }

    const fresh = (changes: Partial<Product> = {}): Product => sampleProduct(++products, changes);
    async function stored(changes: Partial<Product> = {}): Promise<Product> {
      const product = fresh(changes);
      await change((tx) => tx.writeProducts([product]));
      return product;
    }
    async function category(id: string, slug: string, parent?: Category): Promise<Category> {
      const made = createCategory({ title: slug, slug, parentId: parent?.id ?? '' }, { id, parent, now: time });
      await change((tx) => tx.insertCategory(made));
      return made;
    }
    const list = async (filter: Partial<ListFilter>): Promise<string[]> => {
      const all = { vendorId: '', categoryId: '', status: 'published', before: '', limit: 100 } as const;
      return (await store.listProducts({ ...all, ...filter })).map(({ product }) => product.id);
    };

    describe('products', () => {
      test('come back as they were stored, by id and by handle', async () => {
        const product = await stored({
          title: 'Ocean “Blue” \\ Shirt',
          descriptionHtml: '<p>Line</p>\n<p>“two”</p>',
          tags: ['men', "women's"],
          options: [{ name: 'Size', values: ['S', 'M'] }],
          variants: ['S', 'M'].map((size, index) =>
            sampleVariant({
              optionValues: [size],
              price: { minorUnits: 9_000_000_000_000n - BigInt(index), currency: 'JPY' },
              compareAtPrice: index === 0 ? { minorUnits: 9_000_000_000_000n, currency: 'JPY' } : undefined,
              weightGrams: 1_000_000_000,
              sku: `${size}-1`,
            }),
          ),
          images: [{ url: 'https://example.com/a.jpg', alt: 'front' }],
          seo: { title: 'Shirt', description: 'Blue' },
          createTime: time,
          updateTime: later,
        });
        const found = await store.findProduct({ id: product.id });
        expect(found).toEqual({ product, available: [0, 0] });
        expect(await store.findProduct({ handle: product.handle })).toEqual(found);
        expect(await store.findProduct({ id: 'prd_none' })).toBeUndefined();
        expect(await store.findProduct({ handle: 'none' })).toBeUndefined();
      });

      test('come in the order of the ids asked for, without those that are not there', async () => {
        const [a, b] = [await stored(), await stored()];
        const found = await store.findProducts([b.id, 'prd_none', a.id]);
        expect(found.map(({ product }) => product.id)).toEqual([b.id, a.id]);
        expect(await store.findProducts(['prd_none'])).toEqual([]);
      });

      test('are changed whole, and the variants that are left out are gone', async () => {
        const sizes = (...values: readonly string[]) => ({
          options: [{ name: 'Size', values }],
          variants: values.map((value) => sampleVariant({ id: `var_${products}${value}`, optionValues: [value] })),
        });
        const before = await stored(sizes('S', 'M'));
        const after = {
          ...before,
          ...sizes('M', 'L'),
          title: 'New',
          handle: `${before.handle}-new`,
          version: 2,
          updateTime: later,
        };
        await change((tx) => tx.writeProducts([after]));
        expect(await store.findProduct({ id: before.id })).toEqual({ product: after, available: [0, 0] });
        expect(await store.findProduct({ handle: before.handle })).toBeUndefined();
      });

      test('changed from a version that is no longer there are refused', async () => {
        const product = await stored();
        const stale = { ...product, version: 3 };
        await expect(change((tx) => tx.writeProducts([stale]))).rejects.toMatchObject({ kind: 'aborted' });
        await expect(change((tx) => tx.writeProducts([product]))).rejects.toMatchObject({ kind: 'aborted' });
      });

      test('with a handle that another has are refused, and nothing of the request is kept', async () => {
        const first = await stored();
        const second = fresh();
        const third = fresh({ handle: first.handle });
        const both = change((tx) => tx.writeProducts([second, third]));
        await expect(both).rejects.toMatchObject({ kind: 'already-exists', reason: 'HANDLE_TAKEN' });
        expect(await store.findProduct({ id: second.id })).toBeUndefined();
      });

      test('in a category that is not there are refused', async () => {
        const lost = change((tx) => tx.writeProducts([fresh({ categoryId: 'cat_none' })]));
        await expect(lost).rejects.toMatchObject({ kind: 'invalid-argument', reason: 'CATEGORY_NOT_FOUND' });
      });

      test('that are removed are gone', async () => {
        const product = await stored();
        await change((tx) => tx.deleteProduct(product, later));
        expect(await store.findProduct({ id: product.id })).toBeUndefined();
        expect(await change(async (tx) => (await tx.lockProduct(product.id)) === undefined)).toBe('true');
      });

      test('hundreds are written at once', async () => {
        const many = Array.from({ length: 300 }, () => fresh());
        await change((tx) => tx.writeProducts(many));
        const [first] = many;
        expect((await store.findProducts(many.slice(0, 100).map(({ id }) => id))).length).toBe(100);
        expect((await store.findProduct({ id: first?.id ?? '' }))?.product).toEqual(first);
      });
    });

    describe('lists', () => {
      test('show the latest first, a page at a time, of one status', async () => {
        const vendorId = 'usr_lists';
        const made = [await stored({ vendorId }), await stored({ vendorId }), await stored({ vendorId })].map(
          ({ id }) => id,
        );
        const draft = await stored({ vendorId, status: 'draft' });
        expect(await list({ vendorId })).toEqual([...made].reverse());
        expect(await list({ vendorId, status: 'draft' })).toEqual([draft.id]);
        expect(await list({ vendorId, status: 'archived' })).toEqual([]);
        expect(await list({ vendorId, limit: 2 })).toEqual([made[2], made[1]]);
        expect(await list({ vendorId, limit: 2, before: made[1] ?? '' })).toEqual([made[0]]);
        expect((await list({ limit: 3 })).slice(0, 3)).toEqual([...made].reverse());
      });

      test('of a category hold what stands below it', async () => {
        const top = await category('cat_list', 'list');
        const below = await category('cat_list_low', 'low', top);
        const beside = await category('cat_list_beside', 'list-beside');
        const one = await stored({ categoryId: top.id });
        const two = await stored({ categoryId: below.id, vendorId: 'usr_other' });
        await stored({ categoryId: beside.id });
        expect(await list({ categoryId: top.id })).toEqual([two.id, one.id]);
        expect(await list({ categoryId: below.id })).toEqual([two.id]);
        expect(await list({ categoryId: top.id, vendorId: 'usr_v' })).toEqual([one.id]);
        expect(await list({ categoryId: top.id, limit: 1, before: two.id })).toEqual([one.id]);
        expect(await list({ categoryId: 'cat_none' })).toEqual([]);
      });
    });

    describe('requests', () => {
      test('that come again get the first answer, and their work is not done twice', async () => {
        const product = fresh();
        let times = 0;
        const work = async (tx: CatalogTx): Promise<number> => {
          await tx.writeProducts([product]);
          return ++times;
        };
        expect(await change(work, 'the same request', 'a')).toBe('1');
        expect(await change(work, 'the same request', 'a')).toBe('1');
        const reused = change(work, 'the same request', 'b');
        await expect(reused).rejects.toMatchObject({ kind: 'already-exists', reason: 'REQUEST_ID_REUSED' });
      });

      test('that fail leave nothing behind and may come again', async () => {
        const product = fresh();
        const failing = change(async (tx) => {
          await tx.writeProducts([product]);
          throw new Error('no');
        }, 'a failing request');
        await expect(failing).rejects.toThrow('no');
        expect(await store.findProduct({ id: product.id })).toBeUndefined();
        await change((tx) => tx.writeProducts([product]), 'a failing request');
        expect(await store.findProduct({ id: product.id })).toBeDefined();
      });

      test('for the same handle at once all get one of their own', async () => {
        const handles = await Promise.all(
          Array.from({ length: 12 }, () =>
            change(async (tx) => {
              const handle = await tx.freeHandle('race');
              await tx.writeProducts([fresh({ handle })]);
              return handle;
            }),
          ),
        );
        const expected = ['race', ...Array.from({ length: 11 }, (_, index) => `race-${index + 2}`)];
        expect([...handles].sort()).toEqual([...expected].sort());
      });

      test('that change the same product at once come one after the other', async () => {
        const product = await stored();
        await Promise.all(
          Array.from({ length: 8 }, () =>
            change(async (tx) => {
              const found = await tx.lockProduct(product.id);
              if (found === undefined) throw new Error('it is gone');
              await tx.writeProducts([{ ...found.product, version: found.product.version + 1 }]);
            }),
          ),
        );
        expect((await store.findProduct({ id: product.id }))?.product.version).toBe(9);
      });

      test('tell others of what they changed, and only when they are kept', async () => {
        const product = await stored();
        await change((tx) => tx.writeProducts([{ ...product, version: 2 }]));
        await change((tx) => tx.deleteProduct({ ...product, version: 2 }, later));
        await change(async (tx) => {
          await tx.writeProducts([fresh()]);
          throw new Error('no');
        }).catch(() => undefined);
        const told = (await opened.told()).filter(([, id]) => id === product.id).map(([topic]) => topic);
        expect(told).toEqual([
          'only2u.product.v1.ProductChanged',
          'only2u.product.v1.ProductChanged',
          'only2u.product.v1.ProductDeleted',
        ]);
        expect((await opened.told()).some(([, id]) => id === sampleProduct(products).id)).toBe(false);
      });
    });

    describe('categories', () => {
      test('come back as they were stored, parents before their children', async () => {
        const top = await category('cat_a', 'a');
        const child = await category('cat_a_b', 'b', top);
        const sibling = await category('cat_ab', 'a-b');
        expect(await store.findCategory(child.id)).toEqual(child);
        expect(await store.findCategory('cat_none')).toBeUndefined();
        const all = await store.listCategories({ parentId: '', after: '', limit: 3 });
        expect(all).toEqual([top, sibling, child]);
        expect(await store.listCategories({ parentId: top.id, after: '', limit: 10 })).toEqual([child]);
        const next = await store.listCategories({ parentId: '', after: sibling.path, limit: 1 });
        expect(next).toEqual([child]);
      });

      test('with a sibling of the same slug are refused', async () => {
        const top = await category('cat_twin', 'twin');
        await category('cat_twin_1', 'same', top);
        await expect(category('cat_twin_2', 'same', top)).rejects.toMatchObject({
          kind: 'already-exists',
          reason: 'SLUG_TAKEN',
        });
      });

      test('take what lies below along when they move', async () => {
        const from = await category('cat_from', 'from');
        const moving = await category('cat_moving', 'moving', from);
        await category('cat_low', 'low', moving);
        const to = await category('cat_to', 'to');
        await change(async (tx) => {
          await tx.lockCategories();
          expect(await tx.heightOf(from)).toBe(2);
          const moved = updateCategory(
            moving,
            { parentId: to.id },
            { parent: to, height: await tx.heightOf(moving), now: later },
          );
          await tx.updateCategory(moved, moving);
        });
        expect((await store.findCategory('cat_low'))?.path).toBe('to/moving/low');
        expect((await store.findCategory('cat_moving'))?.version).toBe(2);
        expect(await store.listCategories({ parentId: from.id, after: '', limit: 10 })).toEqual([]);
      });

      test('with children can’t be removed; without, their products stay', async () => {
        const top = await category('cat_gone', 'gone');
        const child = await category('cat_gone_low', 'low', top);
        const product = await stored({ categoryId: child.id });
        const parent = change((tx) => tx.deleteCategory(top, later));
        await expect(parent).rejects.toMatchObject({ kind: 'failed-precondition', reason: 'CATEGORY_HAS_CHILDREN' });
        await change((tx) => tx.deleteCategory(child, later));
        expect(await store.findCategory(child.id)).toBeUndefined();
        const left = await store.findProduct({ id: product.id });
        expect(left?.product).toEqual({ ...product, categoryId: '', version: 2, updateTime: later });
        expect((await opened.told()).filter(([, id]) => id === product.id)).toHaveLength(2);
      });
    });
  });
}
