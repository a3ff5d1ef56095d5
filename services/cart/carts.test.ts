import { create } from '@bufbuild/protobuf';
import { expect, test } from '@jest/globals';
import { AddCartItemRequestSchema } from '#gen/only2u/cart/v1/cart_pb.ts';
import { newId } from '#platform/ids.ts';
import { openTestDatabase } from '#platform/testing/database.ts';
import { addOffer } from './choice.ts';
import { createCarts } from './carts.ts';
import { createPostgresStore } from './store.postgres.ts';

const now = new Date('2026-03-01T10:00:00Z');

/** Carts on PostgreSQL that count what they ask of it, transactions' BEGIN and COMMIT included, and of product. */
async function openCounted() {
  const database = await openTestDatabase('cart', new URL('./migrations/', import.meta.url));
  const counts = { statements: 0, lookups: 0 };
  const counted: typeof database = {
    ...database,
    query(text, values) {
      counts.statements++;
      return database.query(text, values);
    },
    transaction() {
      throw new Error('an addition needs no transaction');
    },
  };
  const named = { productId: 'prd_1', vendorId: 'usr_v', title: 'Shirt', variantTitle: '', handle: 's', imageUrl: '' };
  const sold = { price: { minorUnits: 100n, currency: 'INR' }, categoryIds: [], onSale: true, maxQuantity: 1_000 };
  const open = () =>
    createCarts({
      store: createPostgresStore(counted),
      async findOffers(variantIds) {
        counts.lookups++;
        return variantIds.map((variantId) => ({ variantId, ...named, ...sold }));
      },
      findQuote: () => Promise.reject(new Error('there are no codes')),
      now: () => now,
      newId,
    });
  const processes = [open(), open(), open()] as const; // each with turns of its own
  async function add(variantId: string, requestId: string, cartId = '', carts = processes[0]) {
    Object.assign(counts, { statements: 0, lookups: 0 });
    const request = create(AddCartItemRequestSchema, { requestId, cartId, variantId, quantity: 1 });
    const { view } = await carts.change({
      cartId,
      userId: '',
      request: { actor: cartId === '' ? 'guest' : cartId, method: 'AddCartItem', requestId, request, now },
      async apply(cart, findOffers) {
        const offers = await findOffers([...cart.items.map((item) => item.variantId), variantId]);
        return { cart: addOffer(cart, { variantId, quantity: 1 }, offers.get(variantId)) };
      },
    });
    return { cart: view.cart, counts: { ...counts } };
  }
  return { add, processes, close: () => database.close() };
}

test('a first addition takes one look at the shop and one statement, a later one two, a repetition one more', async () => {
  const { add, close } = await openCounted();
  const first = await add('var_a', 'request-1');
  const later = await add('var_b', 'request-2', first.cart.id);
  const again = await add('var_b', 'request-2', first.cart.id);
  await close();
  expect(first.counts).toEqual({ statements: 1, lookups: 1 });
  expect(later.counts).toEqual({ statements: 2, lookups: 1 });
  expect(again.cart).toEqual(later.cart);
  expect(again.counts.statements).toBeLessThanOrEqual(4);
});

test('of additions to one cart by several processes none is lost', async () => {
  const { add, processes, close } = await openCounted();
  const { cart } = await add('var_a', 'request-1');
  const additions = Array.from({ length: 300 }, (_, i) => add('var_a', `addition-${i}`, cart.id, processes[i % 3]));
  await Promise.all(additions);
  const last = await add('var_a', 'request-2', cart.id);
  await close();
  expect(last.cart.items).toMatchObject([{ variantId: 'var_a', quantity: 302 }]);
});
