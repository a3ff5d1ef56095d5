import type { ProductContent, Variant } from './content.ts';
import type { Product } from './product.ts';

/** What a test does not care about, filled in. For tests alone. */
export function sampleVariant(changes: Partial<Variant> = {}): Variant {
  return {
    id: '',
    sku: '',
    optionValues: [],
    price: { minorUnits: 49_900n, currency: 'INR' },
    compareAtPrice: undefined,
    barcode: '',
    weightGrams: 0,
    requiresShipping: true,
    taxable: true,
    stockTracked: false,
    backorderAllowed: false,
    imageUrl: '',
    ...changes,
  };
}

export function sampleContent(changes: Partial<ProductContent> = {}): ProductContent {
  return {
    handle: '',
    title: 'Plain Shirt',
    descriptionHtml: '',
    brand: '',
    productType: '',
    categoryId: '',
    tags: [],
    status: 'published',
    options: [],
    variants: [sampleVariant()],
    images: [],
    seo: { title: '', description: '' },
    ...changes,
  };
}

/** The number-th product of usr_v, as it would be stored: ids and handle are made of the number where they aren't given. */
export function sampleProduct(number: number, changes: Partial<Product> = {}): Product {
  const name = String(number).padStart(8, '0');
  const time = new Date('2026-05-01T10:00:00Z');
  const content = sampleContent(changes);
  return {
    ...content,
    handle: content.handle === '' ? `thing-${name}` : content.handle,
    variants: content.variants.map((variant, index) => ({ ...variant, id: variant.id || `var_${name}${index}` })),
    id: changes.id ?? `prd_${name}`,
    vendorId: changes.vendorId ?? 'usr_v',
    version: changes.version ?? 1,
    createTime: changes.createTime ?? time,
    updateTime: changes.updateTime ?? time,
  };
}
