import type { Sql } from '#platform/database.postgres.ts';
import type { Variant } from './content.ts';
import type { Product } from './product.ts';
import { statusOf } from './product-rows.postgres.ts';
import type { SellableVariant, VariantCard } from './variant.ts';
import type { VariantStore } from './variant-store.ts';

// What the column `card` holds, as JSON. Amounts are JSON numbers: the contract's largest is exact in one.
type StoredCard = {
  readonly title: string;
  readonly brand: string;
  readonly type: string;
  readonly values: readonly string[];
  readonly image: string;
  readonly currency: string;
  readonly price: number;
  readonly before?: number;
  readonly ships: boolean;
  readonly taxed: boolean;
  readonly grams: number;
};

type VariantRow = {
  readonly id: string;
  readonly product_id: string;
  readonly vendor_id: string;
  readonly handle: string;
  readonly status: number;
  readonly category_id: string | null;
  readonly sku: string;
  readonly card: string;
  readonly on_hand: number;
  readonly reserved: number;
  readonly stock_tracked: boolean;
  readonly backorder_allowed: boolean;
};

export function createPostgresVariants(sql: Sql): VariantStore {
  return {
    // Three index probes a variant. The product's content, which may lie in a table of its own for its length, isn't touched.
    async findVariants(ids) {
      const rows = await sql.query<VariantRow>(
        `select v.id, v.product_id, p.vendor_id, p.handle, p.status, p.category_id, v.sku, v.card, s.on_hand, s.reserved,
           v.stock_tracked, v.backorder_allowed
         from unnest($1::text[]) with ordinality as asked (id, place)
         join variant v on v.id = asked.id join product p on p.id = v.product_id join stock s on s.variant_id = v.id
         order by asked.place`,
        [ids],
      );
      return rows.map(variantOf);
    },
  };
}

/** What is kept beside a variant of what its product says, so that it is sold without reading the product. */
export function cardOf(product: Product, variant: Variant): string {
  const card: StoredCard = {
    title: product.title,
    brand: product.brand,
    type: product.productType,
    values: variant.optionValues,
    image: variant.imageUrl === '' ? (product.images[0]?.url ?? '') : variant.imageUrl,
    currency: variant.price.currency,
    price: Number(variant.price.minorUnits),
    ...(variant.compareAtPrice && { before: Number(variant.compareAtPrice.minorUnits) }),
    ships: variant.requiresShipping,
    taxed: variant.taxable,
    grams: variant.weightGrams,
  };
  return JSON.stringify(card);
}

function variantOf(row: VariantRow): SellableVariant {
  return {
    productId: row.product_id,
    vendorId: row.vendor_id,
    handle: row.handle,
    status: statusOf(row.status),
    categoryId: row.category_id ?? '',
    sku: row.sku,
    card: toCard(JSON.parse(row.card) as StoredCard),
    stock: {
      variantId: row.id,
      onHand: row.on_hand,
      reserved: row.reserved,
      tracked: row.stock_tracked,
      backorderAllowed: row.backorder_allowed,
    },
  };
}

function toCard(card: StoredCard): VariantCard {
  const money = (amount: number) => ({ minorUnits: BigInt(amount), currency: card.currency });
  return {
    productTitle: card.title,
    brand: card.brand,
    productType: card.type,
    optionValues: card.values,
    imageUrl: card.image,
    price: money(card.price),
    compareAtPrice: card.before === undefined ? undefined : money(card.before),
    requiresShipping: card.ships,
    taxable: card.taxed,
    weightGrams: card.grams,
  };
}
