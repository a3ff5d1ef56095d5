import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampDate, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import type {
  Coupon as CouponMessage,
  CouponDiscountSchema,
  CouponSchema,
  Purchase as PurchaseMessage,
} from '#gen/only2u/coupon/v1/coupon_pb.ts';
import type { Money as MoneyMessage } from '#gen/only2u/type/v1/money_pb.ts';
import { invalidField } from '#platform/fault.ts';
import { add, times, zero, type Money } from '#platform/money.ts';
import { etagOf, type Coupon, type CouponChanges } from './coupon.ts';
import type { CouponDiscount } from './discount.ts';
import type { Purchase } from './purchase.ts';
import type { CouponDraft, Discount } from './terms.ts';

export function decodeDraft(message: CouponMessage): CouponDraft {
  return {
    code: message.code,
    title: message.title,
    discount: decodeDiscount(message),
    currency: message.currency,
    minimumSubtotal: decodeMoney(message.minimumSubtotal),
    startTime: decodeTime(message.startTime),
    endTime: decodeTime(message.endTime),
    productIds: message.productIds,
    categoryIds: message.categoryIds,
    firstOrderOnly: message.firstOrderOnly,
    maxUses: message.maxUses,
    maxUsesPerUser: message.maxUsesPerUser,
    budget: decodeMoney(message.budget),
    stackable: message.stackable,
    paused: message.paused,
  };
}

function decodeDiscount({ discount }: CouponMessage): Discount | undefined {
  switch (discount.case) {
    case 'percentage': {
      const { basisPoints, maxDiscount } = discount.value;
      return { kind: 'percentage', basisPoints, maxDiscount: decodeMoney(maxDiscount) };
    }
    case 'fixed':
      return { kind: 'fixed', amount: decodeMoney(discount.value.amount) ?? { minorUnits: 0n, currency: '' } };
    case 'freeShipping':
      return { kind: 'free-shipping', maxDiscount: decodeMoney(discount.value.maxDiscount) };
    case 'buyXGetY': {
      const { buyQuantity, getQuantity, basisPoints, maxSets } = discount.value;
      return { kind: 'buy-x-get-y', buyQuantity, getQuantity, basisPoints, maxSets };
    }
    default:
      return undefined;
  }
}

const changeable: Readonly<Record<string, keyof CouponChanges>> = {
  title: 'title',
  minimum_subtotal: 'minimumSubtotal',
  start_time: 'startTime',
  end_time: 'endTime',
  product_ids: 'productIds',
  category_ids: 'categoryIds',
  first_order_only: 'firstOrderOnly',
  max_uses: 'maxUses',
  max_uses_per_user: 'maxUsesPerUser',
  budget: 'budget',
  stackable: 'stackable',
  paused: 'paused',
};

/** The part of a coupon that an update_mask names. */
export function decodeChanges(message: CouponMessage, paths: readonly string[]): CouponChanges {
  const names = Object.keys(changeable).join(', ');
  if (paths.length === 0) throw invalidField('update_mask', 'MASK_EMPTY', `names no field to change; use ${names}`);
  const draft = decodeDraft(message);
  const keys = paths.map((path) => {
    const key = Object.hasOwn(changeable, path) ? changeable[path] : undefined;
    if (key === undefined) {
      throw invalidField('update_mask', 'MASK_PATH_UNKNOWN', `"${path}" can't be changed; use ${names}`);
    }
    return key;
  });
  return Object.fromEntries(keys.map((key) => [key, draft[key]]));
}

export function encodeCoupon(coupon: Coupon): MessageInitShape<typeof CouponSchema> {
  const { startTime, endTime, createTime, updateTime, currency } = coupon;
  return {
    id: coupon.id,
    code: coupon.code,
    title: coupon.title,
    vendorId: coupon.vendorId,
    discount: encodeDiscount(coupon.discount),
    currency,
    ...(coupon.minimumSubtotal && { minimumSubtotal: coupon.minimumSubtotal }),
    ...(startTime && { startTime: timestampFromDate(startTime) }),
    ...(endTime && { endTime: timestampFromDate(endTime) }),
    productIds: [...coupon.productIds],
    categoryIds: [...coupon.categoryIds],
    firstOrderOnly: coupon.firstOrderOnly,
    maxUses: coupon.maxUses,
    maxUsesPerUser: coupon.maxUsesPerUser,
    ...(coupon.budget && { budget: coupon.budget }),
    stackable: coupon.stackable,
    paused: coupon.paused,
    uses: coupon.uses,
    spent: { minorUnits: coupon.spent, currency },
    createTime: timestampFromDate(createTime),
    updateTime: timestampFromDate(updateTime),
    etag: etagOf(coupon),
  };
}

function encodeDiscount(discount: Discount): NonNullable<MessageInitShape<typeof CouponSchema>['discount']> {
  switch (discount.kind) {
    case 'percentage': {
      const { basisPoints, maxDiscount } = discount;
      return { case: 'percentage', value: { basisPoints, ...(maxDiscount && { maxDiscount }) } };
    }
    case 'fixed':
      return { case: 'fixed', value: { amount: discount.amount } };
    case 'free-shipping': {
      const { maxDiscount } = discount;
      return { case: 'freeShipping', value: maxDiscount ? { maxDiscount } : {} };
    }
    case 'buy-x-get-y': {
      const { buyQuantity, getQuantity, basisPoints, maxSets } = discount;
      return { case: 'buyXGetY', value: { buyQuantity, getQuantity, basisPoints, maxSets } };
    }
  }
}

/** A purchase in one currency, each variant once, whose amounts add up to what one amount can say. */
export function decodePurchase(message: PurchaseMessage): Purchase {
  const currency = message.lines[0]?.unitPrice?.currency ?? '';
  const variants = new Set<string>();
  const amount = (field: string, value: MoneyMessage): bigint => {
    if (value.currency !== currency)
      throw invalidField(`${field}.currency`, 'CURRENCY_MISMATCH', `is ${currency}, as the first line's`);
    if (value.minorUnits < 0n) throw invalidField(field, 'AMOUNT_NEGATIVE', 'is 0 or more');
    return value.minorUnits;
  };
  const lines = message.lines.map(({ variantId, productId, vendorId, categoryIds, quantity, unitPrice }, index) => {
    const at = `purchase.lines[${index}]`;
    if (variants.has(variantId))
      throw invalidField(`${at}.variant_id`, 'VARIANT_TWICE', 'is named before; add the pieces up');
    variants.add(variantId);
    if (unitPrice === undefined) throw invalidField(`${at}.unit_price`, 'REQUIRED', 'is required');
    return { productId, vendorId, categoryIds, quantity, unitPrice: amount(`${at}.unit_price`, unitPrice) };
  });
  const shipping = message.shipping && amount('purchase.shipping', message.shipping);
  // Throws AMOUNT_TOO_LARGE.
  add(
    { minorUnits: shipping ?? 0n, currency },
    ...lines.map(({ unitPrice, quantity }) => times({ minorUnits: unitPrice, currency }, quantity)),
  );
  const { userId, firstOrder, codes } = message;
  return { currency, lines, shipping, userId, firstOrder, codes };
}

/** What the customer was told, in the purchase's currency. */
export function decodeExpected(message: MoneyMessage | undefined, currency: string): Money {
  const expected = decodeMoney(message) ?? zero(currency);
  if (expected.currency === currency) return expected;
  throw invalidField('expected_discount.currency', 'CURRENCY_MISMATCH', `is ${currency}, as the purchase's`);
}

export function encodeCouponDiscount(discount: CouponDiscount): MessageInitShape<typeof CouponDiscountSchema> {
  const { code, couponId, currency, amount, lineAmounts, shippingAmount, freeShipping } = discount;
  return {
    code,
    couponId,
    amount: { minorUnits: amount, currency },
    lineAmounts: lineAmounts.map((minorUnits) => ({ minorUnits, currency })),
    shippingAmount: { minorUnits: shippingAmount, currency },
    freeShipping,
  };
}

function decodeMoney(message: MoneyMessage | undefined): Money | undefined {
  return message && { minorUnits: message.minorUnits, currency: message.currency };
}

function decodeTime(time: Timestamp | undefined): Date | undefined {
  return time && timestampDate(time);
}
