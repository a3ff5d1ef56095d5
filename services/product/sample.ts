import { createReadStream } from 'node:fs';
import { cleanHtml } from './clean-html.ts';
import { importProducts } from './import.ts';
import type { ImportOptions } from './import.ts';
import type { SampleStore } from './sample-store.ts';

export type SampleOptions = Pick<ImportOptions, 'store' | 'vendorId' | 'now' | 'newId'> & {
  readonly samples: SampleStore;
};

const catalog = new URL('./catalog/catalog.csv', import.meta.url);

/**
 * Loads the shop's own catalog into an empty shop, once: when products are deleted later, they stay deleted. Answers how many
 * products it made; undefined when there was nothing to do.
 */
export async function loadSampleCatalog({ samples, ...options }: SampleOptions): Promise<number | undefined> {
  if (!(await samples.begin('catalog', options.now))) return undefined;
  const result = await importProducts(() => createReadStream(catalog), {
    ...options,
    mayHoldOthers: true,
    requestId: 'sample catalog',
    actor: options.vendorId,
    currency: 'INR',
    dryRun: false,
    cleanHtml,
    signal: new AbortController().signal,
  });
  const [fault] = result.faults;
  if (fault !== undefined) throw new Error(`the sample catalog has a fault in line ${fault.line}: ${fault.message}`);
  await samples.end('catalog', options.now);
  return result.createdCount;
}
