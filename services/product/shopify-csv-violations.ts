import type { FieldViolation } from '#platform/fault.ts';
import { maxImages, maxVariants } from './content.ts';
import type { Cells } from './shopify-csv-cells.ts';
import { columnName, optionColumns } from './shopify-csv-header.ts';
import type { ColumnKey } from './shopify-csv-header.ts';
import type { CsvRow } from './shopify-csv-rows.ts';

type From = { readonly row: CsvRow };
type Places = {
  readonly cells: Cells;
  readonly head: CsvRow;
  readonly variants: readonly From[];
  readonly images: readonly From[];
  readonly hasOptions: boolean;
};

const productColumns: Readonly<Record<string, ColumnKey>> = {
  ...{ title: 'title', handle: 'handle', description_html: 'body', brand: 'vendor', product_type: 'type' },
  ...{ 'seo.title': 'seoTitle', 'seo.description': 'seoDescription' },
};
const variantColumns: Readonly<Record<string, ColumnKey>> = {
  ...{ price: 'price', compare_at_price: 'compareAtPrice', weight_grams: 'grams', sku: 'sku', barcode: 'barcode' },
  ...{ image_url: 'variantImage' },
};

/** Says in the file's terms, line and column, what is wrong with a product in the contract's. */
export function placeViolations(violations: readonly FieldViolation[], places: Places): void {
  const { cells, head, variants, images, hasOptions } = places;
  for (const { field, reason = 'PRODUCT_INVALID', description } of violations) {
    const [, list = '', index = '', part = ''] = /^(\w+)\[(\d+)\]\.?(.*)$/.exec(field) ?? [];
    const item = Number(index);
    const say = (row: CsvRow, key: ColumnKey | undefined): void =>
      cells.fault(row, key, reason, `${key === undefined ? 'the product' : columnName(key)} ${description}`);
    if (list === 'variants' && reason === 'COMBINATION_TWICE') {
      const twin = variants[Number(/variants\[(\d+)\]/.exec(description)?.[1] ?? 0)]?.row ?? head;
      const message = hasOptions
        ? `the variant of line ${twin.line} has the same option values`
        : 'a product without options has one variant; name an option, or give the row a handle of its own';
      cells.fault(variants[item]?.row ?? head, hasOptions ? 'option1Value' : undefined, reason, message);
    } else if (list === 'variants') {
      const option = optionColumns[Number(/^option_values\[(\d)\]/.exec(part)?.[1] ?? 0)];
      const column = part.startsWith('option_values') ? option?.value : variantColumns[part.replace('.currency', '')];
      say(variants[item]?.row ?? head, column);
    } else if (list === 'images') {
      say(images[item]?.row ?? head, part === 'alt' ? 'imageAlt' : 'imageSrc');
    } else if (list === 'options') {
      say(head, optionColumns[item]?.name);
    } else if (list === 'tags' || field === 'tags') {
      say(head, 'tags');
    } else if (field === 'variants' && reason === 'TOO_MANY') {
      const message = `a product has at most ${maxVariants} variants`;
      cells.fault(variants[maxVariants]?.row ?? head, undefined, 'TOO_MANY_VARIANTS', message);
    } else if (field === 'images' && reason === 'TOO_MANY') {
      const message = `a product has at most ${maxImages} pictures`;
      cells.fault(images[maxImages]?.row ?? head, 'imageSrc', 'TOO_MANY_IMAGES', message);
    } else {
      say(head, productColumns[field]);
    }
  }
}
