import { Code, ConnectError } from '@connectrpc/connect';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { ErrorInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { OrderService } from '#gen/only2u/order/v1/order_pb.ts';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { ProductService, ProductStatus } from '#gen/only2u/product/v1/product_pb.ts';
import { UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { newId } from '#platform/ids.ts';
import type { Account, TestShop } from './shop.ts';

export type Sold = {
  readonly productId: string;
  readonly variantIds: readonly string[];
  raisePrice(productId: string, minorUnits: bigint): Promise<void>;
};

/** A product in two sizes, with so many pieces of each; a voucher unless it is `posted`. */
export async function sell(
  shop: TestShop,
  vendor: Account,
  given: { readonly pieces: number; readonly minorUnits: bigint; readonly posted?: boolean },
): Promise<Sold> {
  const { pieces, minorUnits, posted: requiresShipping = false } = given;
  const products = shop.client(ProductService, vendor.token);
  const { product } = await products.createProduct({
    requestId: newId('req'),
    product: {
      title: `Shirt ${newId('x'.repeat(2))}`,
      status: ProductStatus.PUBLISHED,
      options: [{ name: 'Size' }],
      variants: ['S', 'M'].map((size) => ({
        optionValues: [size],
        price: { minorUnits, currency: 'INR' },
        stockTracked: true,
        requiresShipping,
      })),
    },
  });
  const variantIds = product?.variants.map(({ id }) => id) ?? [];
  for (const variantId of variantIds) {
    await shop
      .client(InventoryService, vendor.token)
      .adjustStock({ requestId: newId('req'), variantId, delta: pieces, reason: 'delivery' });
  }
  return {
    productId: product?.id ?? '',
    variantIds,
    async raisePrice(productId, to) {
      const { product: now } = await products.getProduct({ key: { case: 'productId', value: productId } });
      const variants = now?.variants.map((variant) => {
        const price = { minorUnits: to, currency: 'INR' };
        const { id, optionValues, stockTracked, requiresShipping: isPosted } = variant;
        return { id, optionValues, stockTracked, requiresShipping: isPosted, price };
      });
      await products.updateProduct({
        requestId: newId('req'),
        product: { id: productId, variants: variants ?? [] },
        updateMask: { paths: ['variants'] },
      });
    },
  };
}

export async function addressOf(shop: TestShop, { token }: Account): Promise<string> {
  const { address } = await shop.client(UserService, token).createAddress({
    requestId: newId('req'),
    address: {
      recipient: 'Asha Rao',
      lines: ['1 MG Road'],
      city: 'Bengaluru',
      region: 'Karnataka',
      postalCode: '560001',
      countryCode: 'IN',
    },
  });
  return address?.id ?? '';
}

export async function putInCart(shop: TestShop, { token }: Account, variantId = '', quantity = 1): Promise<void> {
  await shop.client(CartService, token).addCartItem({ requestId: newId('req'), variantId, quantity });
}

/** The token of a quote for what is in the cart, sent to a new address. */
export async function quoteCart(shop: TestShop, customer: Account): Promise<string> {
  const addressId = await addressOf(shop, customer);
  const { quote } = await shop.client(OrderService, customer.token).quoteOrder({ addressId });
  return quote?.quoteToken ?? '';
}

/** How a call was refused: it must be. */
export async function refusal(call: Promise<unknown>): Promise<{ readonly code: string; readonly reason: string }> {
  try {
    await call;
  } catch (error) {
    const failure = ConnectError.from(error);
    return {
      code: codeName(failure.code),
      reason: failure.findDetails(ErrorInfoSchema)[0]?.reason ?? '',
    };
  }
  throw new Error('it was not refused');
}

function codeName(code: Code): string {
  return Code[code].replace(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}
