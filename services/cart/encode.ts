import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  CartItemChangeKind,
  CartSchema,
  type Cart as CartMessage,
  type CartCouponSchema,
  type CartItemSchema,
} from '#gen/only2u/cart/v1/cart_pb.ts';
import type { Money } from '#platform/money.ts';
import { codesOf, currencyOf, etagOf, type Cart } from './cart.ts';
import { lineDiscount, type CartView, type ItemChangeKind, type Line, type Quote } from './view.ts';

export function encodeCart(view: CartView): CartMessage {
  const { cart, lines, quote, subtotal, discount, total, readyForCheckout } = view;
  return create(CartSchema, {
    id: cart.id,
    userId: cart.userId,
    items: lines.map((line) => encodeLine(line, quote)),
    coupons: codesOf(cart).map((code) => encodeCode(code, cart, quote)),
    quantity: cart.items.reduce((sum, { quantity }) => sum + quantity, 0),
    ...(subtotal && { subtotal }),
    ...(discount && { discount }),
    ...(total && { total }),
    readyForCheckout,
    expireTime: timestampFromDate(cart.expireTime),
    etag: etagOf(cart),
  });
}

/** The cart of a user who has none. */
export function emptyCart(userId: string): CartMessage {
  return create(CartSchema, { userId });
}

function encodeLine(line: Line, quote: Quote): MessageInitShape<typeof CartItemSchema> {
  const { item, offer, subtotal, available, changes, buyable } = line;
  const { seen } = item;
  return {
    variantId: item.variantId,
    quantity: item.quantity,
    productId: seen.productId,
    title: offer?.title ?? seen.title,
    variantTitle: offer?.variantTitle ?? seen.variantTitle,
    handle: offer?.handle ?? '',
    imageUrl: offer?.imageUrl ?? '',
    vendorId: offer?.vendorId ?? '',
    seenUnitPrice: seen.unitPrice,
    ...(offer && { unitPrice: offer.price }),
    ...(subtotal && { subtotal }),
    ...(buyable && { discount: inCurrencyOf(seen.unitPrice, lineDiscount(quote, item.variantId)) }),
    changes: changes.map(({ kind, message }) => ({ kind: kinds[kind], message })),
    available,
  };
}

function encodeCode(code: string, cart: Cart, quote: Quote): MessageInitShape<typeof CartCouponSchema> {
  const problem = quote.problems.find((other) => other.code.toUpperCase() === code);
  const discount = quote.discounts.find((other) => other.code.toUpperCase() === code);
  const currency = currencyOf(cart);
  const amount = [...(discount?.amounts.values() ?? [])].reduce((sum, part) => sum + part, 0n);
  return {
    code: discount?.code ?? code,
    ...(currency !== undefined && { discount: { minorUnits: amount, currency } }),
    freeShipping: discount?.freeShipping ?? false,
    problemReason: problem?.reason ?? '',
    problemMessage: problem?.message ?? '',
  };
}

function inCurrencyOf({ currency }: Money, minorUnits: bigint): Money {
  return { minorUnits, currency };
}

const kinds = {
  'price-rose': CartItemChangeKind.PRICE_ROSE,
  'price-fell': CartItemChangeKind.PRICE_FELL,
  'not-enough-stock': CartItemChangeKind.NOT_ENOUGH_STOCK,
  'out-of-stock': CartItemChangeKind.OUT_OF_STOCK,
  'not-on-sale': CartItemChangeKind.NOT_ON_SALE,
} as const satisfies Record<ItemChangeKind, CartItemChangeKind>;
