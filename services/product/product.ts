import { Fault, invalidField } from '#platform/fault.ts';
import { combinationOf, contentViolations, tidyContent } from './content.ts';
import type { ProductContent, ProductStatus, Variant } from './content.ts';

export type Product = ProductContent & {
  /** "prd_…" */
  readonly id: string;
  /** The user that sells it, "usr_…". */
  readonly vendorId: string;
  /** From 1, one more with each change: the etag. */
  readonly version: number;
  readonly createTime: Date;
  readonly updateTime: Date;
};

/** Who asks: as much of the user as the rules need. */
export type Actor = { readonly id: string; readonly isAdmin: boolean };

export type CreateOptions = {
  readonly id: string;
  readonly vendorId: string;
  readonly now: Date;
  /** Gives each variant its id. */
  readonly newVariantId: () => string;
  /** Leaves of HTML what may be shown. */
  readonly cleanHtml: (html: string) => string;
};

/** Makes a product of what a vendor wrote, or refuses it, naming every field that is wrong. */
export function createProduct(content: ProductContent, options: CreateOptions): Product {
  const tidy = acceptable(content, options.cleanHtml);
  return {
    ...tidy,
    variants: tidy.variants.map((variant) => ({ ...variant, id: options.newVariantId() })),
    id: options.id,
    vendorId: options.vendorId,
    version: 1,
    createTime: options.now,
    updateTime: options.now,
  };
}

export type UpdateOptions = Omit<CreateOptions, 'id' | 'vendorId'>;

/**
 * Changes what `changes` names and nothing else; a list is replaced whole. A variant keeps its id, and with it its stock, when
 * it comes with the id or, without one, with the option values that it had.
 */
export function updateProduct(product: Product, changes: Partial<ProductContent>, options: UpdateOptions): Product {
  const tidy = acceptable({ ...contentOf(product), ...changes }, options.cleanHtml);
  if (!statusMoves[product.status].includes(tidy.status)) {
    throw new Fault(
      'failed-precondition',
      'STATUS_MOVE_REFUSED',
      `A product that is ${product.status} can't become ${tidy.status}: it can become ${statusMoves[product.status].filter((to) => to !== product.status).join(' or ')}.`,
      { metadata: { from: product.status, to: tidy.status } },
    );
  }
  return {
    ...tidy,
    handle: tidy.handle === '' ? product.handle : tidy.handle,
    variants: keepVariantIds(product.variants, tidy.variants, options.newVariantId),
    id: product.id,
    vendorId: product.vendorId,
    version: product.version + 1,
    createTime: product.createTime,
    updateTime: options.now,
  };
}

/** What the vendor wrote of a product. */
export function contentOf(product: Product): ProductContent {
  const {
    id: _id,
    vendorId: _vendor,
    version: _version,
    createTime: _create,
    updateTime: _update,
    ...content
  } = product;
  return content;
}

// An archived product stands in old orders, so it can go on sale again but not be hidden.
const statusMoves: Readonly<Record<ProductStatus, readonly ProductStatus[]>> = {
  draft: ['draft', 'published', 'archived'],
  published: ['published', 'draft', 'archived'],
  archived: ['archived', 'published'],
};

/** Whether this user, or nobody, may see the product. */
export function maySee(product: Pick<Product, 'status' | 'vendorId'>, actor: Actor | undefined): boolean {
  return product.status !== 'draft' || (actor !== undefined && (actor.isAdmin || actor.id === product.vendorId));
}

/** Refuses everybody but the product's vendor and admins; another's draft is not even there. */
export function assertMayChange(product: Pick<Product, 'id' | 'status' | 'vendorId'>, actor: Actor): void {
  if (actor.isAdmin || actor.id === product.vendorId) return;
  if (!maySee(product, actor)) throw productNotFound(product.id);
  throw new Fault('permission-denied', 'NOT_YOUR_PRODUCT', "This product is another vendor's.", {
    metadata: { product_id: product.id },
  });
}

export function productNotFound(key: string): Fault {
  return new Fault('not-found', 'PRODUCT_NOT_FOUND', `There is no product "${key}".`, { metadata: { product: key } });
}

/** Refuses a change to something that has changed since it was seen. An empty etag means: whatever is there now. */
export function assertEtag(stored: { readonly version: number }, etag: string): void {
  if (etag === '' || etag === etagOf(stored)) return;
  throw new Fault('aborted', 'ETAG_MISMATCH', 'It has changed since it was read: read it again, then change it.', {
    metadata: { etag: etagOf(stored) },
  });
}

export function etagOf(stored: { readonly version: number }): string {
  return String(stored.version);
}

function acceptable(content: ProductContent, cleanHtml: (html: string) => string): ProductContent {
  const tidy = tidyContent(content, cleanHtml);
  const fields = contentViolations(tidy).map((violation) => ({ ...violation, field: `product.${violation.field}` }));
  const [first] = fields;
  if (first === undefined) return tidy;
  throw new Fault('invalid-argument', first.reason ?? 'PRODUCT_INVALID', `${first.field}: ${first.description}`, {
    metadata: { field: first.field },
    fields,
  });
}

function keepVariantIds(before: readonly Variant[], after: readonly Variant[], newVariantId: () => string): Variant[] {
  const known = new Set(before.map((variant) => variant.id));
  const named = new Set<string>();
  after.forEach(({ id }, index) => {
    if (id === '') return;
    const field = `product.variants[${index}].id`;
    if (!known.has(id))
      throw invalidField(field, 'VARIANT_UNKNOWN', `"${id}" is no variant of this product; leave it out for a new one`);
    if (named.has(id)) throw invalidField(field, 'VARIANT_TWICE', `"${id}" is named twice`);
    named.add(id);
  });
  const byCombination = new Map(
    before.filter(({ id }) => !named.has(id)).map((variant) => [combinationOf(variant), variant.id]),
  );
  return after.map((variant) => {
    const id = variant.id !== '' ? variant.id : (byCombination.get(combinationOf(variant)) ?? newVariantId());
    return { ...variant, id };
  });
}
