import type { Database } from '#platform/database.postgres.ts';
import type { ExportStore } from './export-store.ts';
import { productColumns, toFound, type ProductRow } from './product-rows.postgres.ts';

export function createPostgresExport(database: Database): ExportStore {
  return {
    async currencies(vendorId) {
      const rows = await database.query<{ currency: string }>(
        `select distinct content ->> 'currency' as currency from product where $1 = '' or vendor_id = $1 order by 1`,
        [vendorId],
      );
      return rows.map((row) => row.currency);
    },

    async page({ vendorId, currency, after, limit }) {
      const rows = await database.query<ProductRow & { readonly on_hand: readonly (number | null)[] | null }>(
        `select ${productColumns}, (select array_agg(s.on_hand order by v.position)
           from variant v left join stock s on s.variant_id = v.id where v.product_id = p.id) as on_hand
         from product p where ($1 = '' or p.vendor_id = $1) and p.content ->> 'currency' = $2 and p.id > $3
         order by p.id limit $4`,
        [vendorId, currency, after, limit],
      );
      return rows.map((row) => ({
        product: toFound(row).product,
        onHand: (row.on_hand ?? []).map((pieces) => pieces ?? undefined),
      }));
    },
  };
}
