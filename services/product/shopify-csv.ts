import { contentViolations, tidyContent } from './content.ts';
import type { Image, ProductContent, Variant } from './content.ts';
import { cellOf, createCells, flawOf } from './shopify-csv-cells.ts';
import type { Cells } from './shopify-csv-cells.ts';
import type { ImportFault } from './import-fault.ts';
import { optionColumns } from './shopify-csv-header.ts';
import type { ColumnKey, CsvHeader } from './shopify-csv-header.ts';
import type { CsvRow } from './shopify-csv-rows.ts';
import * as values from './shopify-csv-values.ts';
import { placeViolations } from './shopify-csv-violations.ts';

/** A product as a file describes it. */
export type CsvProduct = {
  /** In order and without violations when `faults` is empty. Its variants have no ids, and it stands in no category. */
  readonly content: ProductContent;
  /** How many pieces there are of each variant; undefined where the file doesn't say. */
  readonly quantities: readonly (number | undefined)[];
  /** The row of each variant. */
  readonly variantRows: readonly CsvRow[];
  readonly faults: readonly ImportFault[];
};

export type ReadProductOptions = {
  readonly header: CsvHeader;
  /** ISO 4217, of all the file's prices. */
  readonly currency: string;
  readonly cleanHtml: (html: string) => string;
};

/** What was made of a row, with the row, to say where a fault lies. */
export type FromRow<T> = { readonly row: CsvRow; readonly value: T };

/** Said once a product, in its first row. */
const productKeys: readonly ColumnKey[] = [
  ...(['title', 'body', 'vendor', 'type', 'tags', 'published', 'status', 'giftCard', 'seoTitle'] as const),
  'seoDescription',
];
/** A row with one of these is a variant. */
const variantKeys: readonly ColumnKey[] = [
  ...optionColumns.map(({ value }) => value),
  ...(['sku', 'grams', 'tracker', 'quantity', 'policy', 'price', 'compareAtPrice', 'barcode', 'variantImage'] as const),
];
const lastPosition = Number.MAX_SAFE_INTEGER;

/**
 * Makes a product of the rows of one handle: the first row says what is said once, each row with a price or an option
 * value is a variant, each with a picture adds one. Finds all the faults, not just the first.
 */
export function readProduct(
  rows: readonly [CsvRow, ...CsvRow[]],
  { header, currency, cleanHtml }: ReadProductOptions,
): CsvProduct {
  const handle = cellOf(rows[0], header, 'handle').trim();
  const cells = createCells(header, handle);
  const { text, read, fault } = cells;
  const flawed = rows.flatMap((row) => {
    const flaw = flawOf(row, header);
    return flaw === undefined ? [] : [{ ...flaw, line: row.line, handle }];
  });
  const sound = rows.filter((row) => flawOf(row, header) === undefined);
  const [head] = sound;
  // Without its first row nothing can be said of the others.
  if (head === undefined || head !== rows[0])
    return { content: nothing, quantities: [], variantRows: [], faults: flawed };

  for (const row of sound) {
    if (text(row, 'handle') !== '') continue;
    fault(row, 'handle', 'HANDLE_MISSING', 'the row has no handle; give all rows of a product the same one');
  }
  for (const row of sound) checkSaidOnce(cells, head, row);
  const optionNames = readOptionNames(cells, head);
  const variants: FromRow<Variant>[] = [];
  const quantities: (number | undefined)[] = [];
  const images: FromRow<Image & { readonly position: number }>[] = [];
  for (const row of sound) {
    const hasImage = text(row, 'imageSrc') !== '';
    const isVariant = row === head || variantKeys.some((key) => text(row, key) !== '');
    if (isVariant) {
      const variant = readVariant(cells, row, optionNames, currency);
      variants.push({ row, value: variant });
      quantities.push(readQuantity(cells, row, variant));
    }
    if (hasImage) {
      const url = text(row, 'imageSrc');
      const position = read(row, 'imagePosition', lastPosition, values.readPosition);
      const known = images.some((image) => image.value.url === url); // a variant's row may repeat its product's
      if (!known) images.push({ row, value: { url, alt: text(row, 'imageAlt'), position } });
    } else if (text(row, 'imageAlt') !== '') {
      fault(row, 'imageAlt', 'IMAGE_MISSING', 'there is a text for a picture, but no picture');
    }
    if (!isVariant && !hasImage) {
      fault(row, undefined, 'ROW_EMPTY', 'the row holds neither a variant nor a picture; remove it');
    }
  }
  images.sort((a, b) => a.value.position - b.value.position);
  if (read(head, 'giftCard', false, values.readBoolean)) {
    fault(head, 'giftCard', 'GIFT_CARD', 'gift cards can’t be sold; leave the product out');
  }
  const published = read(head, 'published', true, values.readBoolean);
  const content = tidyContent(
    {
      handle,
      title: text(head, 'title'),
      descriptionHtml: text(head, 'body'),
      brand: text(head, 'vendor'),
      productType: text(head, 'type'),
      categoryId: '',
      tags: values.readTags(text(head, 'tags')),
      status: read(head, 'status', published ? 'published' : 'draft', (status) => values.readStatus(status, published)),
      options: optionNames.map((name) => ({ name, values: [] })),
      variants: variants.map((variant) => variant.value),
      images: images.map(({ value: { url, alt } }) => ({ url, alt })),
      seo: { title: text(head, 'seoTitle'), description: text(head, 'seoDescription') },
    },
    cleanHtml,
  );
  placeViolations(contentViolations(content), { cells, head, variants, images, hasOptions: optionNames.length > 0 });
  const faults = [...flawed, ...cells.faults].sort((a, b) => a.line - b.line);
  return { content, quantities, variantRows: variants.map((variant) => variant.row), faults };
}

function checkSaidOnce({ text, fault }: Cells, head: CsvRow, row: CsvRow): void {
  if (row === head) return;
  for (const key of [...productKeys, ...optionColumns.map(({ name }) => name)]) {
    const said = text(row, key);
    if (said === '' || said === text(head, key)) continue;
    const message = `${values.quoted(said)} differs from the product's first row, on line ${head.line}; leave it empty here, or give the row a handle of its own`;
    fault(row, key, 'DIFFERS_FROM_FIRST_ROW', message);
  }
}

// "Title" with "Default Title" is how the format writes a product without options.
function readOptionNames({ text, fault }: Cells, head: CsvRow): string[] {
  const names = optionColumns.map(({ name }) => text(head, name));
  const [first = '', ...others] = names;
  const [value = ''] = optionColumns.map((option) => text(head, option.value));
  const none = others.every((name) => name === '') && (first === '' || first === 'Title');
  if (none && (value === 'Default Title' || value === '')) return [];
  const count = names.findLastIndex((name) => name !== '') + 1;
  for (const { name } of optionColumns.slice(0, count)) {
    if (text(head, name) === '') fault(head, name, 'OPTION_NAME_MISSING', 'the option has no name');
  }
  return names.slice(0, count);
}

function readVariant(cells: Cells, row: CsvRow, optionNames: readonly string[], currency: string): Variant {
  const { text, read, fault } = cells;
  const price = (value: string) => values.readPrice(value, currency);
  optionColumns.forEach(({ value }, index) => {
    const name = optionNames[index];
    const said = text(row, value);
    if (name === undefined && said !== '' && !(index === 0 && said === 'Default Title')) {
      fault(row, value, 'OPTION_NAME_MISSING', `${values.quoted(said)} is a value of an option that has no name`);
    }
    if (name !== undefined && said === '') {
      fault(row, value, 'OPTION_VALUE_MISSING', `the variant has no value for ${values.quoted(name)}`);
    }
  });
  if (text(row, 'price') === '') fault(row, 'price', 'PRICE_MISSING', 'the variant has no price');
  const before = read(row, 'compareAtPrice', 0n, price);
  return {
    id: '',
    sku: text(row, 'sku'),
    optionValues: optionColumns.slice(0, optionNames.length).map(({ value }) => text(row, value)),
    price: { minorUnits: read(row, 'price', 0n, price), currency },
    compareAtPrice: before === 0n ? undefined : { minorUnits: before, currency }, // 0 is how spreadsheets write "none"
    barcode: text(row, 'barcode'),
    weightGrams: read(row, 'grams', 0, values.readGrams),
    requiresShipping: read(row, 'requiresShipping', true, values.readBoolean),
    taxable: read(row, 'taxable', true, values.readBoolean),
    stockTracked: text(row, 'tracker') !== '',
    backorderAllowed: read(row, 'policy', false, values.readPolicy),
    imageUrl: text(row, 'variantImage'),
  };
}

function readQuantity({ read, fault }: Cells, row: CsvRow, { backorderAllowed }: Variant): number | undefined {
  const quantity = read<number | undefined>(row, 'quantity', undefined, values.readQuantity);
  if (quantity !== undefined && quantity < 0 && !backorderAllowed) {
    fault(row, 'quantity', 'QUANTITY_NEGATIVE', `${quantity} is below zero, but the policy is “deny”`);
  }
  return quantity;
}

const nothing: ProductContent = {
  handle: '',
  title: '',
  descriptionHtml: '',
  brand: '',
  productType: '',
  categoryId: '',
  tags: [],
  status: 'draft',
  options: [],
  variants: [],
  images: [],
  seo: { title: '', description: '' },
};
