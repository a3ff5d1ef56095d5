import { toDecimal } from '#platform/money.ts';
import type { Variant } from './content.ts';
import type { Product } from './product.ts';
import { columnName, optionColumns } from './shopify-csv-header.ts';
import type { ColumnKey } from './shopify-csv-header.ts';

// In the order of Shopify's own exports. The two that are no ColumnKey say the same of every product.
const columns: readonly (ColumnKey | 'fulfilment' | 'weightUnit')[] = [
  ...(['handle', 'title', 'body', 'vendor', 'type', 'tags', 'published'] as const),
  ...optionColumns.flatMap(({ name, value }) => [name, value]),
  ...(['sku', 'grams', 'tracker', 'quantity', 'policy', 'fulfilment', 'price', 'compareAtPrice'] as const),
  ...(['requiresShipping', 'taxable', 'barcode', 'imageSrc', 'imagePosition', 'imageAlt', 'giftCard'] as const),
  ...(['seoTitle', 'seoDescription', 'variantImage', 'weightUnit', 'status'] as const),
];

type Cells = Partial<Record<(typeof columns)[number], string>>;

/** The first line of an export. */
export function writeHeader(): string {
  return writeRow(
    columns.map((key) => {
      if (key === 'fulfilment') return 'Variant Fulfillment Service';
      return key === 'weightUnit' ? 'Variant Weight Unit' : columnName(key);
    }),
  );
}

/**
 * A product's rows, as `readProduct` reads them: what is said once and the first variant and picture in the first row, then a
 * row for each other variant or picture. `onHand` is in the variants' order.
 *
 * A cell that a spreadsheet would take for a formula ("=…", "+…") is written as it is: a quote or tab before it would come
 * back with the next import as part of the title. Who opens an export of others' products in a spreadsheet imports it as text.
 */
export function writeProduct(product: Product, onHand: readonly (number | undefined)[]): string {
  const { variants, images } = product;
  let text = '';
  for (let index = 0; index < Math.max(variants.length, images.length, 1); index++) {
    const variant = variants[index];
    const image = images[index];
    const cells: Cells = {
      handle: product.handle,
      ...(index === 0 && firstRow(product)),
      ...(variant !== undefined && variantCells(product, variant, onHand[index])),
      ...(image !== undefined && { imageSrc: image.url, imagePosition: String(index + 1), imageAlt: image.alt }),
    };
    text += writeRow(columns.map((key) => cells[key] ?? ''));
  }
  return text;
}

function firstRow({ title, descriptionHtml, brand, productType, tags, status, options, seo }: Product): Cells {
  const names = options.length === 0 ? ['Title'] : options.map((option) => option.name);
  return {
    title,
    body: descriptionHtml,
    vendor: brand,
    type: productType,
    tags: tags.join(', '),
    published: String(status !== 'draft'),
    ...Object.fromEntries(optionColumns.map(({ name }, index) => [name, names[index] ?? ''])),
    giftCard: 'false',
    seoTitle: seo.title,
    seoDescription: seo.description,
    status: status === 'published' ? 'active' : status,
  };
}

function variantCells(product: Product, variant: Variant, onHand: number | undefined): Cells {
  const values = product.options.length === 0 ? ['Default Title'] : variant.optionValues;
  return {
    ...Object.fromEntries(optionColumns.map(({ value }, index) => [value, values[index] ?? ''])),
    sku: variant.sku,
    grams: String(variant.weightGrams),
    tracker: variant.stockTracked ? 'shopify' : '', // the format's word for "counted here"
    quantity: onHand === undefined ? '' : String(onHand),
    policy: variant.backorderAllowed ? 'continue' : 'deny',
    fulfilment: 'manual',
    price: toDecimal(variant.price),
    compareAtPrice: variant.compareAtPrice === undefined ? '' : toDecimal(variant.compareAtPrice),
    requiresShipping: String(variant.requiresShipping),
    taxable: String(variant.taxable),
    barcode: variant.barcode,
    variantImage: variant.imageUrl,
    weightUnit: 'g',
  };
}

function writeRow(cells: readonly string[]): string {
  return `${cells.map(writeCell).join(',')}\n`;
}

function writeCell(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
