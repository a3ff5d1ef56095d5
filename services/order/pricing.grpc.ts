import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import type { CouponService, PurchaseSchema } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import type { ProductService, SellableVariant } from '#gen/only2u/product/v1/product_pb.ts';
import type { Address, UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { Fault } from '#platform/fault.ts';
import { money } from '#platform/money.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { errorInfo } from '#platform/rpc/status.ts';
import { cartEmpty, type Item, itemsOf, type OfferedVariant } from './pricing-items.ts';
import { byVendor, type Discounts, parcelOf, quoteParts } from './pricing-parts.ts';
import { lineSubtotal, type PostalAddress, type Quote, type QuotedCoupon } from './quote.ts';
import type { PricedShipping, ShippingRules } from './shipping.ts';
import { assertSeller, type SellerPlace, supplyTo, type TaxRules } from './tax.ts';

/** What coupons are asked for, and are redeemed for later. */
export type Purchase = MessageInitShape<typeof PurchaseSchema>;

/** A way of sending, with what it costs for the whole cart before discounts. */
export type ShippingOption = { readonly id: string; readonly title: string; readonly price: bigint };

export type QuoteAsked = {
  readonly userId: string;
  /** Empty: the user's own. */
  readonly cartId: string;
  readonly addressId: string;
  /** Empty: "standard". */
  readonly shippingOption: string;
  /** Whether it would be the user's first order: some coupons are for those alone. */
  readonly firstOrder: boolean;
};

export type Priced = {
  readonly quote: Quote;
  readonly options: readonly ShippingOption[];
  readonly purchase: Purchase;
};

export type Pricing = {
  /**
   * What the signed-in user's cart costs now, asked of those who know: at most four calls, two of them at once. Refused:
   * CART_EMPTY, CART_NOT_FOUND, ITEM_NOT_ON_SALE, INSUFFICIENT_STOCK, CURRENCY_MISMATCH, ADDRESS_NOT_FOUND,
   * ADDRESS_REGION_UNKNOWN, SHIPPING_NOT_AVAILABLE, AMOUNT_TOO_LARGE, and a coupon's own reason.
   */
  quote(asked: QuoteAsked): Promise<Priced>;
};

export type PricingOptions = {
  readonly cart: Pick<ClientFor<'order', typeof CartService>, 'getCartContents'>;
  readonly product: Pick<ClientFor<'order', typeof ProductService>, 'batchGetVariants'>;
  readonly coupon: Pick<ClientFor<'order', typeof CouponService>, 'quoteCoupon'>;
  readonly user: Pick<ClientFor<'order', typeof UserService>, 'getAddress'>;
  readonly taxRules: TaxRules;
  readonly shippingRules: ShippingRules;
  /** Where the shop sells from. */
  readonly seller: SellerPlace;
  now(): Date;
};

/** Prices carts with what the peers say at the moment. */
export function createPricing(options: PricingOptions): Pricing {
  const { cart, product, coupon, user, taxRules, shippingRules, seller, now } = options;
  assertSeller(seller);

  async function addressOf(addressId: string): Promise<PostalAddress> {
    const { address } = await user.getAddress({ addressId }).catch(
      refusing('ADDRESS_NOT_FOUND', 'You have no address with this id. Choose one of yours, or add it first.', {
        address_id: addressId,
      }),
    );
    return postal(address);
  }

  async function contentsOf(cartId: string) {
    return cart.getCartContents({ cartId }).catch(
      refusing('CART_NOT_FOUND', 'There is no such cart, or it is not yours. Leave cart_id out for your own.', {
        cart_id: cartId,
      }),
    );
  }

  async function couponsFor(purchase: Purchase, items: readonly Item[]) {
    if ((purchase.codes ?? []).length === 0) return { discounts: noDiscounts, coupons: [] };
    const { discounts, problems } = await coupon.quoteCoupon({ purchase });
    const [problem] = problems;
    if (problem !== undefined) {
      const { code, reason, message } = problem;
      throw new Fault('failed-precondition', reason, message, { metadata: { code } });
    }
    const byVariant = new Map<string, bigint>();
    for (const { code, lineAmounts } of discounts) {
      if (lineAmounts.length !== items.length)
        throw new Error(`Coupon ${code} answers for ${lineAmounts.length} lines`);
      items.forEach(({ variantId }, index) => {
        byVariant.set(variantId, (byVariant.get(variantId) ?? 0n) + (lineAmounts[index]?.minorUnits ?? 0n));
      });
    }
    const shipping = sum(discounts.map(({ shippingAmount }) => shippingAmount?.minorUnits ?? 0n));
    const coupons = discounts.map(({ code, amount }): QuotedCoupon => ({ code, amount: amount?.minorUnits ?? 0n }));
    return { discounts: { byVariant, shipping }, coupons };
  }

  return {
    async quote({ userId, cartId, addressId, shippingOption, firstOrder }) {
      const [address, held] = await Promise.all([addressOf(addressId), contentsOf(cartId)]);
      if (held.contents.length === 0) throw cartEmpty();
      const { variants } = await product.batchGetVariants({
        variantIds: held.contents.map(({ variantId }) => variantId),
      });
      const { items, currency } = itemsOf(held.contents, variants.map(offered));
      const vendors = byVendor(items);
      const ways = shippingRules.optionsFor(
        address,
        vendors.map((vendor) => parcelOf(vendor, currency)),
      );
      const chosen = chooseShipping(ways, shippingOption === '' ? 'standard' : shippingOption);
      const supply = supplyTo(address, seller);
      const shipping = sum(chosen.prices);
      money(sum(items.map(lineSubtotal)) + shipping, currency); // refuses what the contract can't say
      const purchase: Purchase = {
        lines: items.map((item) => purchaseLine(item, currency)),
        shipping: { minorUnits: shipping, currency },
        userId,
        firstOrder,
        codes: held.couponCodes,
      };
      const { discounts, coupons } = await couponsFor(purchase, items);
      const parts = quoteParts({ vendors, currency, shipping: chosen, discounts, supply, taxRules, date: now() });
      return {
        quote: {
          cartId: held.cartId,
          cartEtag: held.etag,
          currency,
          parts,
          coupons,
          address,
          addressId,
          shippingOption: chosen.id,
        },
        options: ways.map(({ id, title, prices }) => ({ id, title, price: sum(prices) })),
        purchase,
      };
    },
  };
}

const noDiscounts: Discounts = { byVariant: new Map(), shipping: 0n };

function chooseShipping(ways: readonly PricedShipping[], wanted: string): PricedShipping {
  const chosen = ways.find(({ id }) => id === wanted);
  if (chosen !== undefined) return chosen;
  const ids = ways.map(({ id }) => id).join(', ');
  const message =
    ways.length === 0
      ? "What is in the cart can't be sent to this address. Choose another."
      : `It can't be sent by "${wanted}". Choose one of: ${ids}.`;
  throw new Fault('failed-precondition', 'SHIPPING_NOT_AVAILABLE', message, {
    metadata: { shipping_option: wanted, shipping_options: ids },
  });
}

/** Says a peer's refusal of this reason as our own, in words of ours. Anything else is left to the platform, which tells nobody whose it was. */
/** What a customer names, and nobody has, is not there: neither what its owner has not found, nor what it could not even read. */
function refusing(reason: string, message: string, metadata: Readonly<Record<string, string>>) {
  return (error: unknown): never => {
    const { code } = ConnectError.from(error);
    if (errorInfo(error)?.reason !== reason && code !== Code.InvalidArgument) throw error;
    throw new Fault('not-found', reason, message, { metadata, cause: error });
  };
}

function postal(address: Address | undefined): PostalAddress {
  if (address === undefined) throw new Error('GetAddress answered without an address');
  const { recipient, lines, city, region, postalCode, countryCode, phone } = address;
  return { recipient, lines, city, region, postalCode, countryCode, phone };
}

function offered(variant: SellableVariant): OfferedVariant {
  const { variantId, productId, vendorId, productTitle, variantTitle, sku, imageUrl, price } = variant;
  return {
    variantId,
    productId,
    vendorId,
    title: productTitle,
    variantTitle,
    sku,
    imageUrl,
    categoryIds: variant.categoryIds,
    productType: variant.productType,
    unitPrice: price?.minorUnits ?? 0n,
    currency: price?.currency ?? '',
    onSale: variant.onSale && price !== undefined,
    maxQuantity: variant.maxQuantity,
    posted: variant.requiresShipping,
    taxable: variant.taxable,
    weightGrams: variant.weightGrams,
  };
}

function purchaseLine({ variantId, productId, vendorId, categoryIds, quantity, unitPrice }: Item, currency: string) {
  const price = { minorUnits: unitPrice, currency };
  return { variantId, productId, vendorId, categoryIds: [...categoryIds], quantity, unitPrice: price };
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}
