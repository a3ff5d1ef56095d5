import type { ImportFault } from './import-fault.ts';

/** What a column means, with the names that Shopify gave it: first the older header, then the newer one. */
const columnNames = {
  handle: ['Handle', 'URL handle'],
  title: ['Title'],
  body: ['Body (HTML)', 'Description'],
  vendor: ['Vendor'],
  type: ['Type'],
  tags: ['Tags'],
  published: ['Published', 'Published on online store'],
  option1Name: ['Option1 Name'],
  option1Value: ['Option1 Value'],
  option2Name: ['Option2 Name'],
  option2Value: ['Option2 Value'],
  option3Name: ['Option3 Name'],
  option3Value: ['Option3 Value'],
  sku: ['Variant SKU', 'SKU'],
  grams: ['Variant Grams', 'Weight value (grams)'],
  tracker: ['Variant Inventory Tracker', 'Inventory tracker'],
  quantity: ['Variant Inventory Qty', 'Inventory quantity'],
  policy: ['Variant Inventory Policy', 'Continue selling when out of stock'],
  price: ['Variant Price', 'Price'],
  compareAtPrice: ['Variant Compare At Price', 'Compare-at price'],
  requiresShipping: ['Variant Requires Shipping', 'Requires shipping'],
  taxable: ['Variant Taxable', 'Charge tax'],
  barcode: ['Variant Barcode', 'Barcode'],
  imageSrc: ['Image Src', 'Product image URL'],
  imagePosition: ['Image Position'],
  imageAlt: ['Image Alt Text'],
  giftCard: ['Gift Card'],
  seoTitle: ['SEO Title'],
  seoDescription: ['SEO Description'],
  variantImage: ['Variant Image', 'Variant image URL'],
  status: ['Status'],
} as const satisfies Record<string, readonly string[]>;

export type ColumnKey = keyof typeof columnNames;

/** The header of a file: where each column stands, and what it is called there. */
export type CsvHeader = {
  readonly width: number;
  /** Cell by meaning, from 0; undefined when the file has no such column. */
  readonly cells: Readonly<Partial<Record<ColumnKey, number>>>;
  /** As the file writes them. */
  readonly names: readonly string[];
  /** The cells that hold what a product has no place for. */
  readonly unread: readonly number[];
};

/** The three options: where a file names them, and where it gives their values. */
export const optionColumns = [
  { name: 'option1Name', value: 'option1Value' },
  { name: 'option2Name', value: 'option2Value' },
  { name: 'option3Name', value: 'option3Value' },
] as const satisfies readonly { name: ColumnKey; value: ColumnKey }[];

const required: readonly ColumnKey[] = ['handle', 'title', 'price'];

// What Shopify's files say of every product, and nobody loses when it isn't read.
const sameForAll = new Set([
  'variant fulfillment service',
  'fulfillment service',
  'variant weight unit',
  'weight unit for display',
]);

const keys = Object.keys(columnNames) as ColumnKey[]; // Object.keys forgets them
const keyByName = new Map(keys.flatMap((key) => columnNames[key].map((name) => [name.toLowerCase(), key] as const)));

/** Shopify's older name of a column, which an export writes. */
export function columnName(key: ColumnKey): string {
  return columnNames[key][0];
}

/** Reads the header, whatever the order of its columns. Without the columns that a product needs, or with one of them twice, faults. */
export function readHeader(cells: readonly string[], line: number): CsvHeader | readonly ImportFault[] {
  const found: Partial<Record<ColumnKey, number>> = {};
  const faults: ImportFault[] = [];
  const unread: number[] = [];
  const names = cells.map((name) => name.trim());
  names.forEach((name, cell) => {
    const key = keyByName.get(name.toLowerCase());
    if (key === undefined) {
      if (!sameForAll.has(name.toLowerCase())) unread.push(cell);
    } else if (found[key] !== undefined) {
      const first = names[found[key]] ?? '';
      const message = `the header names the column “${first}” twice${first === name ? '' : ` (as “${name}”)`}; remove one`;
      faults.push({ line, column: name, handle: '', reason: 'DUPLICATE_COLUMN', message });
    } else {
      found[key] = cell;
    }
  });
  for (const key of required) {
    if (found[key] !== undefined) continue;
    const name = columnName(key);
    const message = `the header has no column “${name}”${separatorHint(names)}`;
    faults.push({ line, column: name, handle: '', reason: 'MISSING_COLUMN', message });
  }
  return faults.length > 0 ? faults : { width: cells.length, cells: found, names, unread };
}

function separatorHint(names: readonly string[]): string {
  const only = names.length === 1 ? (names[0] ?? '') : '';
  const separator = only.includes(';') ? 'semicolons' : only.includes('\t') ? 'tabs' : undefined;
  return separator === undefined ? '' : `; its columns are separated by ${separator}: save the file with commas`;
}
