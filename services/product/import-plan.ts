import { isDeepStrictEqual } from 'node:util';
import { Fault } from '#platform/fault.ts';
import type { Movement } from './inventory.ts';
import { contentOf, createProduct, updateProduct } from './product.ts';
import type { ProductContent } from './content.ts';
import type { Product } from './product.ts';

/** What there is of a variant, and what an import last said there is. */
export type ImportedStock = {
  readonly variantId: string;
  readonly onHand: number;
  readonly reserved: number;
  /** undefined when no import has named a quantity yet. */
  readonly imported: number | undefined;
};

/** A product that has the handle of one in the file. */
export type KnownProduct = { readonly product: Product; readonly stocks: readonly ImportedStock[] };

/** A product of the file: in order and without violations. */
export type ImportItem = {
  readonly content: ProductContent;
  /** In the variants' order; undefined where the file doesn't say. */
  readonly quantities: readonly (number | undefined)[];
};

/** What the import of a product comes to. */
export type Planned =
  | { readonly outcome: 'created' | 'updated' | 'unchanged'; readonly writes: Writes }
  | { readonly outcome: 'rejected'; readonly refusal: Refusal };

export type Writes = {
  /** undefined when it is as the file has it. */
  readonly product: Product | undefined;
  readonly movements: readonly Movement[];
  /** The quantities to remember as imported. */
  readonly imported: readonly { readonly variantId: string; readonly quantity: number }[];
};

export type Refusal = {
  readonly column: 'handle' | 'status' | 'quantity';
  /** Of the variant, from 0; 0 for the product. */
  readonly variant: number;
  readonly reason: string;
  readonly message: string;
};

export type PlanOptions = {
  /** Whose products the import makes and changes. */
  readonly vendorId: string;
  /** An admin's file may hold other vendors' products, as an admin's export does, as long as it changes none. */
  readonly mayHoldOthers: boolean;
  readonly requestId: string;
  readonly actor: string;
  readonly now: Date;
  readonly newId: (prefix: string) => string;
  /** The category of a product that is new, "cat_…"; none unless told. */
  readonly categoryOf?: (content: ProductContent) => string;
};

/**
 * Decides what the import of one product changes: nothing when it is already so. A quantity counts when the variant is new or
 * the file names another one than the last import did: importing a file again does not bring back what was sold since.
 */
export function planImport(item: ImportItem, known: KnownProduct | undefined, options: PlanOptions): Planned {
  const newVariantId = (): string => options.newId('var');
  const write = { now: options.now, newVariantId, cleanHtml: (html: string) => html }; // it is clean already
  if (known === undefined) {
    const content = { ...item.content, categoryId: options.categoryOf?.(item.content) ?? '' };
    const product = createProduct(content, { ...write, id: options.newId('prd'), vendorId: options.vendorId });
    return withStock(item, product, undefined, 'created', options);
  }
  const content = { ...item.content, categoryId: known.product.categoryId }; // the format has no column for it
  const same = isDeepStrictEqual(withoutIds(content), withoutIds(contentOf(known.product)));
  if (known.product.vendorId !== options.vendorId) {
    if (same && options.mayHoldOthers) return unchanged;
    const message = `another vendor's product has the handle “${content.handle}”; choose another`;
    return rejected({ column: 'handle', variant: 0, reason: 'HANDLE_TAKEN', message });
  }
  if (same) return withStock(item, known.product, known, 'unchanged', options);
  try {
    return withStock(item, updateProduct(known.product, content, write), known, 'updated', options);
  } catch (error) {
    if (!(error instanceof Fault && error.reason === 'STATUS_MOVE_REFUSED')) throw error;
    return rejected({ column: 'status', variant: 0, reason: error.reason, message: error.message });
  }
}

const unchanged: Planned = { outcome: 'unchanged', writes: { product: undefined, movements: [], imported: [] } };

function rejected(refusal: Refusal): Planned {
  return { outcome: 'rejected', refusal };
}

function withStock(
  item: ImportItem,
  product: Product,
  known: KnownProduct | undefined,
  outcome: 'created' | 'updated' | 'unchanged',
  { requestId, actor, now }: PlanOptions,
): Planned {
  const stocks = new Map(known?.stocks.map((stock) => [stock.variantId, stock]));
  const movements: Movement[] = [];
  const imported: { variantId: string; quantity: number }[] = [];
  for (const [index, { id: variantId, backorderAllowed }] of product.variants.entries()) {
    const quantity = item.quantities[index];
    const stock = stocks.get(variantId) ?? { onHand: 0, reserved: 0, imported: undefined };
    if (quantity === undefined || quantity === stock.imported) continue;
    if (quantity < stock.reserved && !backorderAllowed) {
      const message = `${quantity} is less than the ${stock.reserved} pieces that are reserved for orders`;
      return rejected({ column: 'quantity', variant: index, reason: 'QUANTITY_BELOW_RESERVED', message });
    }
    imported.push({ variantId, quantity });
    const delta = quantity - stock.onHand;
    if (delta === 0) continue;
    movements.push({ variantId, delta, kind: 'imported', reference: requestId, reason: '', actor, time: now });
  }
  return {
    outcome: outcome === 'unchanged' && movements.length > 0 ? 'updated' : outcome,
    writes: { product: outcome === 'unchanged' ? undefined : product, movements, imported },
  };
}

function withoutIds(content: ProductContent): ProductContent {
  return { ...content, variants: content.variants.map((variant) => ({ ...variant, id: '' })) };
}
