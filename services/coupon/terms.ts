import { Fault, type FieldViolation } from '#platform/fault.ts';
import { maxMinorUnits, type Money } from '#platform/money.ts';

/** What a coupon takes off. Basis points are hundredths of a percent: 1000 is 10%. */
export type Discount =
  | { readonly kind: 'percentage'; readonly basisPoints: number; readonly maxDiscount: Money | undefined }
  | { readonly kind: 'fixed'; readonly amount: Money }
  | { readonly kind: 'free-shipping'; readonly maxDiscount: Money | undefined }
  | {
      readonly kind: 'buy-x-get-y';
      readonly buyQuantity: number;
      readonly getQuantity: number;
      readonly basisPoints: number;
      /** 0: all. */
      readonly maxSets: number;
    };

/** What its maker says of a coupon. Every amount is in `currency`. */
export type CouponTerms = {
  /** In capitals. */
  readonly code: string;
  readonly title: string;
  readonly discount: Discount;
  readonly currency: string;
  readonly minimumSubtotal: Money | undefined;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  readonly productIds: readonly string[];
  readonly categoryIds: readonly string[];
  readonly firstOrderOnly: boolean;
  /** 0: any number. */
  readonly maxUses: number;
  /** 0: any number. */
  readonly maxUsesPerUser: number;
  readonly budget: Money | undefined;
  readonly stackable: boolean;
  readonly paused: boolean;
};

/** Terms as they come: the discount may be missing, and nothing is checked yet. */
export type CouponDraft = Omit<CouponTerms, 'discount'> & { readonly discount: Discount | undefined };

/** A code as its coupon writes it, or undefined for a text that can't be one. */
export function toCode(text: string): string | undefined {
  const trimmed = text.trim();
  return /^[A-Za-z0-9][A-Za-z0-9-]{2,39}$/.test(trimmed) ? trimmed.toUpperCase() : undefined;
}

/** Puts terms in order; throws one Fault that names every field that is wrong, in the contract's terms. */
export function acceptTerms(draft: CouponDraft): CouponTerms {
  const tidy = {
    ...draft,
    code: toCode(draft.code) ?? '',
    title: draft.title.normalize('NFC').replace(/\s+/g, ' ').trim(),
    minimumSubtotal: draft.minimumSubtotal?.minorUnits === 0n ? undefined : draft.minimumSubtotal,
    productIds: [...new Set(draft.productIds)],
    categoryIds: [...new Set(draft.categoryIds)],
  };
  const { discount } = tidy;
  const fields = termViolations(tidy).map((violation) => ({ ...violation, field: `coupon.${violation.field}` }));
  const [first] = fields;
  if (first === undefined && discount !== undefined) return { ...termsOf(tidy), discount };
  throw new Fault('invalid-argument', first?.reason ?? 'REQUIRED', `${first?.field}: ${first?.description}`, {
    metadata: { field: first?.field ?? '' },
    fields,
  });
}

function termViolations(draft: CouponDraft): FieldViolation[] {
  const found: FieldViolation[] = [];
  const bad = (field: string, reason: string, description: string): void =>
    void found.push({ field, reason, description });
  const amount = (field: string, value: Money | undefined, least = 1n): void => {
    if (value === undefined) return;
    if (value.currency !== draft.currency) {
      bad(`${field}.currency`, 'CURRENCY_MISMATCH', `is ${draft.currency || 'that of the coupon'}, as the coupon's`);
    }
    if (value.minorUnits < least || value.minorUnits > maxMinorUnits) {
      bad(field, 'AMOUNT_OUT_OF_RANGE', `is from ${least} to ${maxMinorUnits} minor units; leave it out for none`);
    }
  };

  if (draft.code === '') bad('code', 'CODE_INVALID', 'is 3 to 40 letters, digits and hyphens, no hyphen first');
  if (!/^[A-Z]{3}$/.test(draft.currency)) bad('currency', 'CURRENCY_INVALID', 'is an ISO 4217 code, such as INR');
  if (hasControl(draft.title)) bad('title', 'CONTROL_CHARACTER', 'holds a control character; remove it');
  if (draft.discount === undefined) {
    bad('discount', 'REQUIRED', 'is one of percentage, fixed, free_shipping and buy_x_get_y');
  } else {
    discountAmounts(draft.discount, amount);
  }
  amount('minimum_subtotal', draft.minimumSubtotal, 0n);
  amount('budget', draft.budget);
  const { startTime: start, endTime: end } = draft;
  for (const [field, time] of [
    ['start_time', start],
    ['end_time', end],
  ] as const) {
    if (time !== undefined && !(time >= earliest && time < latest)) {
      bad(field, 'TIME_OUT_OF_RANGE', 'is a time of the years 2000 to 9999');
    }
  }
  if (start !== undefined && end !== undefined && end <= start) {
    bad('end_time', 'END_BEFORE_START', 'is after start_time');
  }
  for (const [field, ids] of [
    ['product_ids', draft.productIds],
    ['category_ids', draft.categoryIds],
  ] as const) {
    const index = ids.findIndex(hasControl);
    if (index !== -1) bad(`${field}[${index}]`, 'CONTROL_CHARACTER', 'is no id');
  }
  return found;
}

const earliest = new Date('2000-01-01T00:00:00Z');
const latest = new Date('9999-12-31T00:00:00Z');

function discountAmounts(discount: Discount, amount: (field: string, value: Money | undefined) => void): void {
  switch (discount.kind) {
    case 'percentage':
      return amount('percentage.max_discount', discount.maxDiscount);
    case 'fixed':
      return amount('fixed.amount', discount.amount);
    case 'free-shipping':
      return amount('free_shipping.max_discount', discount.maxDiscount);
    case 'buy-x-get-y':
      return;
  }
}

// Of a stored coupon only the terms: what the shop counts is not the maker's to send.
function termsOf(draft: CouponDraft): Omit<CouponTerms, 'discount'> {
  return {
    code: draft.code,
    title: draft.title,
    currency: draft.currency,
    minimumSubtotal: draft.minimumSubtotal,
    startTime: draft.startTime,
    endTime: draft.endTime,
    productIds: draft.productIds,
    categoryIds: draft.categoryIds,
    firstOrderOnly: draft.firstOrderOnly,
    maxUses: draft.maxUses,
    maxUsesPerUser: draft.maxUsesPerUser,
    budget: draft.budget,
    stackable: draft.stackable,
    paused: draft.paused,
  };
}

function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}
