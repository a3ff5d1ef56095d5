import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Category as CategoryMessage } from '#gen/only2u/product/v1/category_pb.ts';
import type { ProductChanged, ProductDeleted } from '#gen/only2u/product/v1/events_pb.ts';
import { ProductStatus as StatusNumber, type Product as ProductMessage } from '#gen/only2u/product/v1/product_pb.ts';
import { invalidField } from '#platform/fault.ts';
import type { Money } from '#platform/money.ts';
import type { Category, CategoryContent } from './category.ts';
import type { ProductContent, ProductStatus } from './content.ts';
import { etagOf, type Product } from './product.ts';
import type { FoundProduct } from './store.ts';

// Messages are written as literals: `create` costs as much again as the encoding does, and the compiler checks these too.

const statusNumbers = {
  draft: StatusNumber.DRAFT,
  published: StatusNumber.PUBLISHED,
  archived: StatusNumber.ARCHIVED,
} as const satisfies Record<ProductStatus, StatusNumber>;

export function productMessage({ product, available }: FoundProduct): ProductMessage {
  return {
    $typeName: 'only2u.product.v1.Product',
    id: product.id,
    handle: product.handle,
    vendorId: product.vendorId,
    title: product.title,
    descriptionHtml: product.descriptionHtml,
    brand: product.brand,
    productType: product.productType,
    categoryId: product.categoryId,
    tags: [...product.tags],
    status: statusNumbers[product.status],
    options: product.options.map((option) => ({
      $typeName: 'only2u.product.v1.ProductOption',
      name: option.name,
      values: [...option.values],
    })),
    variants: product.variants.map((variant, index) => ({
      $typeName: 'only2u.product.v1.Variant',
      id: variant.id,
      sku: variant.sku,
      optionValues: [...variant.optionValues],
      price: moneyMessage(variant.price),
      compareAtPrice: variant.compareAtPrice && moneyMessage(variant.compareAtPrice),
      barcode: variant.barcode,
      weightGrams: variant.weightGrams,
      requiresShipping: variant.requiresShipping,
      taxable: variant.taxable,
      stockTracked: variant.stockTracked,
      backorderAllowed: variant.backorderAllowed,
      available: available[index] ?? 0,
      imageUrl: variant.imageUrl,
    })),
    images: product.images.map((image) => ({ $typeName: 'only2u.product.v1.Image', url: image.url, alt: image.alt })),
    seo: { $typeName: 'only2u.product.v1.Seo', title: product.seo.title, description: product.seo.description },
    createTime: timestampFromDate(product.createTime),
    updateTime: timestampFromDate(product.updateTime),
    etag: etagOf(product),
  };
}

/** What a client wrote of a product: what the shop gives it is not read. */
export function productContent(message: ProductMessage): ProductContent {
  return {
    handle: message.handle,
    title: message.title,
    descriptionHtml: message.descriptionHtml,
    brand: message.brand,
    productType: message.productType,
    categoryId: message.categoryId,
    tags: message.tags,
    status: statusFrom(message.status) ?? 'draft',
    options: message.options.map((option) => ({ name: option.name, values: option.values })),
    variants: message.variants.map((variant) => ({
      id: variant.id,
      sku: variant.sku,
      optionValues: variant.optionValues,
      price: variant.price ?? { minorUnits: 0n, currency: '' },
      compareAtPrice: variant.compareAtPrice,
      barcode: variant.barcode,
      weightGrams: variant.weightGrams,
      requiresShipping: variant.requiresShipping,
      taxable: variant.taxable,
      stockTracked: variant.stockTracked,
      backorderAllowed: variant.backorderAllowed,
      imageUrl: variant.imageUrl,
    })),
    images: message.images.map((image) => ({ url: image.url, alt: image.alt })),
    seo: { title: message.seo?.title ?? '', description: message.seo?.description ?? '' },
  };
}

/** undefined for a status that isn't said. */
export function statusFrom(status: StatusNumber): ProductStatus | undefined {
  switch (status) {
    case StatusNumber.DRAFT:
      return 'draft';
    case StatusNumber.PUBLISHED:
      return 'published';
    case StatusNumber.ARCHIVED:
      return 'archived';
    default:
      return undefined;
  }
}

const productFields: Readonly<Record<string, keyof ProductContent>> = {
  handle: 'handle',
  title: 'title',
  description_html: 'descriptionHtml',
  brand: 'brand',
  product_type: 'productType',
  category_id: 'categoryId',
  tags: 'tags',
  status: 'status',
  options: 'options',
  variants: 'variants',
  images: 'images',
  seo: 'seo',
};

/** The part of a product that an update_mask names. */
export function maskedProduct(message: ProductMessage, paths: readonly string[]): Partial<ProductContent> {
  return masked(productContent(message), productFields, paths);
}

const categoryFields: Readonly<Record<string, keyof CategoryContent>> = {
  title: 'title',
  slug: 'slug',
  parent_id: 'parentId',
};

export function maskedCategory(message: CategoryMessage, paths: readonly string[]): Partial<CategoryContent> {
  return masked<CategoryContent>(
    { title: message.title, slug: message.slug, parentId: message.parentId },
    categoryFields,
    paths,
  );
}

function masked<T extends object>(
  content: T,
  fields: Readonly<Record<string, keyof T>>,
  paths: readonly string[],
): Partial<T> {
  if (paths.length === 0) throw invalidField('update_mask', 'MASK_EMPTY', 'names no field to change');
  const changes: Partial<T> = {};
  for (const path of paths) {
    const key = Object.hasOwn(fields, path) ? fields[path] : undefined;
    if (key === undefined) {
      throw invalidField(
        'update_mask',
        'MASK_PATH_UNKNOWN',
        `"${path}" is not one of ${Object.keys(fields).join(', ')}`,
      );
    }
    changes[key] = content[key];
  }
  return changes;
}

export function categoryMessage(category: Category): CategoryMessage {
  return {
    $typeName: 'only2u.product.v1.Category',
    id: category.id,
    parentId: category.parentId,
    slug: category.slug,
    title: category.title,
    path: category.path,
    createTime: timestampFromDate(category.createTime),
    updateTime: timestampFromDate(category.updateTime),
    etag: etagOf(category),
  };
}

/** As much of a product as others are told. */
export type ChangedProduct = Pick<
  Product,
  'id' | 'vendorId' | 'handle' | 'title' | 'status' | 'version' | 'updateTime'
>;

export function productChanged(product: ChangedProduct): ProductChanged {
  return {
    $typeName: 'only2u.product.v1.ProductChanged',
    productId: product.id,
    vendorId: product.vendorId,
    handle: product.handle,
    title: product.title,
    status: statusNumbers[product.status],
    version: product.version,
    changeTime: timestampFromDate(product.updateTime),
  };
}

export function productDeleted(product: Product, now: Date): ProductDeleted {
  return {
    $typeName: 'only2u.product.v1.ProductDeleted',
    productId: product.id,
    vendorId: product.vendorId,
    handle: product.handle,
    deleteTime: timestampFromDate(now),
  };
}

export function moneyMessage(money: Money): NonNullable<ProductMessage['variants'][number]['price']> {
  return { $typeName: 'only2u.type.v1.Money', minorUnits: money.minorUnits, currency: money.currency };
}
