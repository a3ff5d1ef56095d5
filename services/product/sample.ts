import { createReadStream } from 'node:fs';
import { sampleCategories, type SampleCategory } from './catalog/categories.ts';
import { createCategory, type Category } from './category.ts';
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
  const tree = sampleCategories.flatMap((category) => plant(category, undefined, options));
  const placed = new Map(
    (await samples.placeCategories(tree.map(({ category }) => category))).map((c) => [c.path, c.id]),
  );
  const byType = new Map(tree.flatMap(({ category, types }) => types.map((type) => [type, placed.get(category.path)])));
  const result = await importProducts(() => createReadStream(catalog), {
    ...options,
    categoryOf: ({ productType }) => byType.get(productType) ?? '',
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

type Planted = { readonly category: Category; readonly types: readonly string[] };

function plant(
  sample: SampleCategory,
  parent: Category | undefined,
  options: Pick<SampleOptions, 'newId' | 'now'>,
): Planted[] {
  const { title, types = [], children = [] } = sample;
  const content = { title, slug: '', parentId: parent?.id ?? '' };
  const category = createCategory(content, { id: options.newId('cat'), parent, now: options.now });
  return [{ category, types }, ...children.flatMap((child) => plant(child, category, options))];
}
