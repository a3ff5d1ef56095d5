import type { FieldViolation } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';

export type ProductStatus = 'draft' | 'published' | 'archived';

/** One thing that a customer chooses. `values` come from the variants, in their order. */
export type ProductOption = { readonly name: string; readonly values: readonly string[] };

/** What can be bought: one combination of option values. Its stock is counted elsewhere, by its id. */
export type Variant = {
  /** "var_…"; "" in content that hasn't been stored yet. */
  readonly id: string;
  readonly sku: string;
  /** One for each option, in the options' order. */
  readonly optionValues: readonly string[];
  readonly price: Money;
  readonly compareAtPrice: Money | undefined;
  readonly barcode: string;
  readonly weightGrams: number;
  readonly requiresShipping: boolean;
  readonly taxable: boolean;
  readonly stockTracked: boolean;
  readonly backorderAllowed: boolean;
  /** "" for the product's own picture. */
  readonly imageUrl: string;
};

export type Image = { readonly url: string; readonly alt: string };
export type Seo = { readonly title: string; readonly description: string };

/** What a vendor writes: a product without what the shop gives it. */
export type ProductContent = {
  /** "" to have it made from the title. */
  readonly handle: string;
  readonly title: string;
  readonly descriptionHtml: string;
  readonly brand: string;
  readonly productType: string;
  /** "cat_…", or "" for none. */
  readonly categoryId: string;
  readonly tags: readonly string[];
  readonly status: ProductStatus;
  readonly options: readonly ProductOption[];
  readonly variants: readonly Variant[];
  readonly images: readonly Image[];
  readonly seo: Seo;
};

export const maxVariants = 250;
export const maxOptions = 3;
export const maxTags = 250;
export const maxImages = 250;
export const maxPrice = 9_000_000_000_000n; // minor units: exact as a JSON number too
const maxGrams = 1_000_000_000;
const maxHtmlBytes = 65_536;
const maxLine = 255;
const maxUrl = 2048;

/**
 * Puts what a vendor wrote in order: spaces trimmed, text in NFC, a tag once, each option's values from its variants in
 * their order. Decides nothing; `contentViolations` does.
 */
export function tidyContent(content: ProductContent, cleanHtml: (html: string) => string): ProductContent {
  const variants = content.variants.map((variant) => ({
    ...variant,
    sku: line(variant.sku),
    barcode: line(variant.barcode),
    optionValues: variant.optionValues.map(line),
    imageUrl: variant.imageUrl.trim(),
    compareAtPrice: variant.compareAtPrice?.minorUnits === 0n ? undefined : variant.compareAtPrice,
  }));
  return {
    handle: content.handle,
    title: line(content.title),
    descriptionHtml: cleanHtml(content.descriptionHtml).normalize('NFC').trim(),
    brand: line(content.brand),
    productType: line(content.productType),
    categoryId: content.categoryId,
    tags: distinct(content.tags.map(line)),
    status: content.status,
    options: content.options.map((option, index) => ({
      name: line(option.name),
      values: distinct(variants.map((variant) => variant.optionValues[index] ?? '').filter((value) => value !== '')),
    })),
    variants,
    images: content.images.map((image) => ({ url: image.url.trim(), alt: line(image.alt) })),
    seo: { title: line(content.seo.title), description: line(content.seo.description) },
  };
}

/**
 * All that is wrong with what a vendor wrote; empty when it can be stored. Fields are named as in the contract, from the
 * product: "variants[2].price".
 */
export function contentViolations(content: ProductContent): FieldViolation[] {
  const found: FieldViolation[] = [];
  const bad = (field: string, reason: string, description: string): void =>
    void found.push({ field, reason, description });
  const text = (field: string, value: string, longest: number): void => {
    if ([...value].length > longest) bad(field, 'TOO_LONG', `has at most ${longest} characters`);
    if (hasControl(value)) bad(field, 'CONTROL_CHARACTER', 'holds a control character; remove it');
  };

  if (content.title === '') bad('title', 'TITLE_MISSING', 'is required');
  text('title', content.title, maxLine);
  if (content.handle.length > maxLine || !/^([a-z0-9]+(-[a-z0-9]+)*)?$/.test(content.handle)) {
    bad('handle', 'HANDLE_INVALID', 'is lower-case letters, digits and single hyphens, at most 255 of them');
  }
  if (Buffer.byteLength(content.descriptionHtml) > maxHtmlBytes) {
    bad('description_html', 'TOO_LONG', `has at most ${maxHtmlBytes} bytes`);
  }
  if (content.descriptionHtml.includes('\0'))
    bad('description_html', 'CONTROL_CHARACTER', 'holds a NUL character; remove it');
  text('brand', content.brand, maxLine);
  text('product_type', content.productType, maxLine);
  text('seo.title', content.seo.title, maxLine);
  text('seo.description', content.seo.description, 1024);

  if (content.tags.length > maxTags) bad('tags', 'TOO_MANY', `are at most ${maxTags}`);
  content.tags.slice(0, maxTags).forEach((tag, index) => {
    if (tag === '') bad(`tags[${index}]`, 'EMPTY', 'is empty; leave it out');
    if (tag.includes(',')) bad(`tags[${index}]`, 'TAG_WITH_COMMA', 'holds a comma, which is what separates tags');
    text(`tags[${index}]`, tag, maxLine);
  });
  if (content.images.length > maxImages) bad('images', 'TOO_MANY', `are at most ${maxImages}`);
  const pictures = new Set<string>();
  content.images.slice(0, maxImages).forEach((image, index) => {
    if (pictures.has(image.url)) bad(`images[${index}].url`, 'IMAGE_TWICE', 'is the address of a picture before it');
    pictures.add(image.url);
    if (!isHttps(image.url)) bad(`images[${index}].url`, 'URL_INVALID', 'is an address that begins with https://');
    text(`images[${index}].alt`, image.alt, 512);
  });

  if (content.options.length > maxOptions) bad('options', 'TOO_MANY', `are at most ${maxOptions}`);
  const optionNames = new Set<string>();
  content.options.forEach(({ name }, index) => {
    if (name === '') bad(`options[${index}].name`, 'EMPTY', 'is required');
    text(`options[${index}].name`, name, maxLine);
    if (optionNames.has(name.toLowerCase()))
      bad(`options[${index}].name`, 'OPTION_TWICE', `"${name}" is an option already`);
    optionNames.add(name.toLowerCase());
  });

  if (content.variants.length === 0) bad('variants', 'VARIANT_MISSING', 'needs at least one');
  if (content.variants.length > maxVariants) bad('variants', 'TOO_MANY', `are at most ${maxVariants}`);
  const currency = content.variants[0]?.price.currency ?? '';
  const combinations = new Map<string, number>();
  content.variants.slice(0, maxVariants).forEach((variant, index) => {
    found.push(...variantViolations(variant, `variants[${index}]`, content.options.length, currency));
    const combination = combinationOf(variant);
    const twin = combinations.get(combination);
    if (twin !== undefined) {
      const what =
        variant.optionValues.length === 0
          ? 'a product without options has one variant'
          : `has the options of variants[${twin}]`;
      bad(`variants[${index}].option_values`, 'COMBINATION_TWICE', what);
    }
    combinations.set(combination, index);
  });
  return found;
}

/** What tells a product's variants apart: their option values, whatever their case. */
export function combinationOf(variant: Variant): string {
  return JSON.stringify(variant.optionValues.map((value) => value.toLowerCase()));
}

function variantViolations(variant: Variant, at: string, options: number, currency: string): FieldViolation[] {
  const found: FieldViolation[] = [];
  const bad = (field: string, reason: string, description: string): void =>
    void found.push({ field: `${at}.${field}`, reason, description });
  const { price, compareAtPrice: before } = variant;
  if (variant.optionValues.length !== options) {
    bad('option_values', 'OPTION_VALUES_MISMATCH', `has one value for each of the product's ${options} options`);
  }
  variant.optionValues.forEach((value, index) => {
    if (value === '') bad(`option_values[${index}]`, 'EMPTY', 'is required');
    if ([...value].length > maxLine) bad(`option_values[${index}]`, 'TOO_LONG', `has at most ${maxLine} characters`);
    if (hasControl(value)) bad(`option_values[${index}]`, 'CONTROL_CHARACTER', 'holds a control character; remove it');
  });
  if (!/^[A-Z]{3}$/.test(price.currency)) bad('price.currency', 'CURRENCY_INVALID', 'is an ISO 4217 code, such as INR');
  if (price.minorUnits < 0n || price.minorUnits > maxPrice)
    bad('price', 'PRICE_OUT_OF_RANGE', `is from 0 to ${maxPrice} minor units`);
  if (price.currency !== currency) bad('price.currency', 'CURRENCY_MIXED', `is ${currency}, as in the first variant`);
  if (before !== undefined) {
    if (before.currency !== currency)
      bad('compare_at_price.currency', 'CURRENCY_MIXED', `is ${currency}, as in the first variant`);
    if (before.minorUnits > maxPrice)
      bad('compare_at_price', 'PRICE_OUT_OF_RANGE', `is at most ${maxPrice} minor units`);
    if (before.minorUnits < price.minorUnits)
      bad('compare_at_price', 'COMPARE_AT_BELOW_PRICE', 'is the price or above; leave it out for none');
  }
  if (!Number.isInteger(variant.weightGrams) || variant.weightGrams < 0 || variant.weightGrams > maxGrams) {
    bad('weight_grams', 'WEIGHT_OUT_OF_RANGE', `is from 0 to ${maxGrams}`);
  }
  for (const [field, value] of [
    ['sku', variant.sku],
    ['barcode', variant.barcode],
  ] as const) {
    if ([...value].length > maxLine) bad(field, 'TOO_LONG', `has at most ${maxLine} characters`);
    if (hasControl(value)) bad(field, 'CONTROL_CHARACTER', 'holds a control character; remove it');
  }
  if (variant.imageUrl !== '' && !isHttps(variant.imageUrl))
    bad('image_url', 'URL_INVALID', 'is an address that begins with https://');
  return found;
}

function line(text: string): string {
  return text.normalize('NFC').replace(/\s+/g, ' ').trim();
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}

function isHttps(url: string): boolean {
  return url.length <= maxUrl && url.startsWith('https://') && !hasControl(url) && URL.canParse(url);
}
