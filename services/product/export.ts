import type { ExportStore } from './export-store.ts';
import { writeHeader, writeProduct } from './shopify-csv-write.ts';

export type ExportOptions = {
  readonly store: Pick<ExportStore, 'page'>;
  /** "" for everybody's products. */
  readonly vendorId: string;
  /** A file has one currency: products of others are left out. */
  readonly currency: string;
  /** Aborted when nobody reads any more. */
  readonly signal: AbortSignal;
};

const pageSize = 100;
const chunkBytes = 1 << 16;

/** Writes the products as a CSV file that `importProducts` takes, in chunks of at most 64 KiB, the oldest product first. */
export async function* exportProducts({
  store,
  vendorId,
  currency,
  signal,
}: ExportOptions): AsyncGenerator<Uint8Array> {
  let text = writeHeader();
  let after = '';
  for (;;) {
    signal.throwIfAborted();
    const page = await store.page({ vendorId, currency, after, limit: pageSize });
    for (const { product, onHand } of page) {
      text += writeProduct(product, onHand);
      after = product.id;
      if (text.length < chunkBytes) continue;
      yield* chunksOf(text);
      text = '';
    }
    if (page.length < pageSize) break;
  }
  yield* chunksOf(text);
}

function* chunksOf(text: string): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}
