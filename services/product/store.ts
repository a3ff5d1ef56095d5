import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import type { Category } from './category.ts';
import type { ProductStatus } from './content.ts';
import type { Product } from './product.ts';

/** A product with what can be bought of each variant now, in the variants' order: stock less reservations, never below 0. */
export type FoundProduct = { readonly product: Product; readonly available: readonly number[] };

export type ProductKey = { readonly id: string } | { readonly handle: string };

export type ListFilter = {
  /** "" for every vendor's. */
  readonly vendorId: string;
  /** This category and those below it; "" for all. */
  readonly categoryId: string;
  readonly status: ProductStatus;
  /** Products made before this one, by id; "" for the latest. */
  readonly before: string;
  readonly limit: number;
};

export type CategoryFilter = {
  /** Only the children of this one; "" for all. */
  readonly parentId: string;
  /** Categories after this path; "" for the first. */
  readonly after: string;
  readonly limit: number;
};

/** Where products and categories are kept. Whatever is read in one call is of one moment. */
export type CatalogStore = {
  findProduct(key: ProductKey): Promise<FoundProduct | undefined>;
  /** In the order of the ids; those that aren't there are left out. */
  findProducts(ids: readonly string[]): Promise<FoundProduct[]>;
  /** The latest first. */
  listProducts(filter: ListFilter): Promise<FoundProduct[]>;
  findCategory(id: string): Promise<Category | undefined>;
  /** By path, so that parents come before their children. */
  listCategories(filter: CategoryFilter): Promise<Category[]>;
  /**
   * Runs `work` in one transaction, once for the request id: whoever repeats the request gets the first answer. All that
   * `work` did is undone when it throws; it may run more than once, so it only asks `tx`.
   */
  change<R extends DescMessage>(
    repeat: OnceOptions<R>,
    work: (tx: CatalogTx) => Promise<MessageShape<R>>,
  ): Promise<MessageShape<R>>;
};

/** The catalog inside of a transaction. */
export type CatalogTx = {
  /** The product, held so that nobody else changes it before the transaction ends. */
  lockProduct(id: string): Promise<FoundProduct | undefined>;
  /** A handle that nobody has: the base, or the base with a number. Whoever asks for the same base waits. */
  freeHandle(base: string): Promise<string>;
  /** Makes products of version 1 and changes the others; tells of it and keeps the search in step. */
  writeProducts(products: readonly Product[]): Promise<void>;
  deleteProduct(product: Product, now: Date): Promise<void>;
  /** What can be bought of each variant now, in the product's order. */
  availableOf(product: Product): Promise<readonly number[]>;
  /** The tree, held so that nobody else changes it before the transaction ends. */
  lockCategories(): Promise<void>;
  findCategory(id: string): Promise<Category | undefined>;
  /** How many levels lie below: 0 for a category without children. */
  heightOf(category: Category): Promise<number>;
  insertCategory(category: Category): Promise<void>;
  /** Changes a category, and the paths of those below it when it moved. */
  updateCategory(category: Category, before: Category): Promise<void>;
  /** Removes a category without children; its products stay, without one. */
  deleteCategory(category: Category, now: Date): Promise<void>;
};
