import { newId } from '#platform/ids.ts';
import { cleanHtml } from './clean-html.ts';
import { createPostgresExport } from './export-store.postgres.ts';
import { exportProducts } from './export.ts';
import { createPostgresImport } from './import-store.postgres.ts';
import { importProducts, type ImportOptions, type ImportResult } from './import.ts';
import { findProduct } from './product-rows.postgres.ts';
import type { Product } from './product.ts';
import type { Database } from '#platform/database.postgres.ts';

/** What tests of imports and exports do with a database that is opened later. For tests alone. */
export function importing(open: () => Database) {
  return { empty, importText, exported, product, onHand };

  async function empty(): Promise<void> {
    const tables = await open().query<{ name: string }>(
      `select quote_ident(tablename) as name from pg_tables where schemaname = 'product' and tablename <> 'migrations'`,
    );
    await open().query(`truncate ${tables.map((table) => table.name).join(', ')}`);
  }

  async function importText(text: string | Buffer, overrides: Partial<ImportOptions> = {}): Promise<ImportResult> {
    async function* file() {
      for (let at = 0; at < text.length; at += 1 << 16) yield Buffer.from(text.slice(at, at + (1 << 16)));
    }
    return importProducts(file, {
      store: createPostgresImport(open()),
      vendorId: 'usr_a',
      mayHoldOthers: false,
      requestId: 'request-1',
      actor: 'usr_a',
      currency: 'INR',
      dryRun: false,
      cleanHtml,
      now: new Date('2026-05-01T10:00:00Z'),
      newId,
      signal: new AbortController().signal,
      ...overrides,
    });
  }

  async function exported(vendorId = 'usr_a', currency = 'INR'): Promise<string> {
    const store = createPostgresExport(open());
    const chunks: Uint8Array[] = [];
    for await (const chunk of exportProducts({ store, vendorId, currency, signal: new AbortController().signal })) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }

  async function product(handle: string): Promise<Product> {
    const found = await findProduct(open(), { handle });
    if (found === undefined) throw new Error(`no product ${handle}`);
    return found.product;
  }

  async function onHand(handle: string): Promise<number[]> {
    const rows = await open().query<{ on_hand: number }>(
      `select s.on_hand from stock s join variant v on v.id = s.variant_id join product p on p.id = v.product_id
     where p.handle = $1 order by v.position`,
      [handle],
    );
    return rows.map((row) => row.on_hand);
  }
}

/** Created, updated, unchanged, left out. */
export const counts = ({ createdCount, updatedCount, unchangedCount, rejectedCount }: ImportResult) => [
  createdCount,
  updatedCount,
  unchangedCount,
  rejectedCount,
];
