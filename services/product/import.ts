import { planImport } from './import-plan.ts';
import type { ImportItem, KnownProduct, PlanOptions, Planned, Refusal, Writes } from './import-plan.ts';
import type { ImportStore } from './import-store.ts';
import { cellOf } from './shopify-csv-cells.ts';
import type { ImportFault } from './import-fault.ts';
import { groupsOf, surveyFile } from './shopify-csv-file.ts';
import type { CsvFile, RowGroup, Survey } from './shopify-csv-file.ts';
import { columnName } from './shopify-csv-header.ts';
import type { CsvHeader } from './shopify-csv-header.ts';
import { readProduct } from './shopify-csv.ts';

export type ImportOptions = PlanOptions & {
  readonly store: Pick<ImportStore, 'find' | 'apply'>;
  /** ISO 4217, of the file's prices. */
  readonly currency: string;
  /** Only check; write nothing. */
  readonly dryRun: boolean;
  readonly cleanHtml: (html: string) => string;
  /** Aborted when nobody waits for the import any more. What has been written stays; the same file again goes on. */
  readonly signal: AbortSignal;
};

export type ImportResult = {
  readonly rowCount: number;
  readonly createdCount: number;
  readonly updatedCount: number;
  readonly unchangedCount: number;
  readonly rejectedCount: number;
  /** By line, the first 1,000. */
  readonly faults: readonly ImportFault[];
  readonly faultCount: number;
  /** Columns that hold something and that no product has a place for. */
  readonly ignoredColumns: readonly string[];
};

const mostFaults = 1_000;
const batchProducts = 100; // locked together, for some 30 ms
const batchRows = 500;
const turnBytes = 1 << 15; // of rows, after which others have their turn: 2 ms, 15 ms where all of it is HTML

type Item = ImportItem & { readonly group: RowGroup; readonly variantRows: readonly { readonly line: number }[] };

/**
 * Imports a product file. It is read through once before anything is written, so a file that is cut off or has no header
 * changes nothing, and a product with a bad row anywhere is left out whole. Then products are written whole, some at a time.
 */
export async function importProducts(file: CsvFile, options: ImportOptions): Promise<ImportResult> {
  const survey = await surveyFile(paced(file));
  const tally = createTally(survey);
  const { header } = survey;
  if (header === undefined) return tally.result();
  let batch: Item[] = [];
  let rows = 0;
  let bytes = 0;
  let writing = Promise.resolve();
  // While the database writes a batch, the next one is read: a third faster than by turns.
  async function write(): Promise<void> {
    await writing;
    writing = writeBatch(batch, context);
    writing.catch(() => undefined); // whoever awaits it is told
    batch = [];
    rows = 0;
  }
  const context = { header, tally, options };
  try {
    for await (const groups of groupsOf(file)) {
      for (const group of groups) {
        options.signal.throwIfAborted();
        const item = readItem(group, { ...context, survey });
        if (item !== undefined) {
          batch.push(item);
          rows += group.rows.length;
        }
        if (batch.length >= batchProducts || rows >= batchRows) await write();
        bytes += group.rows.reduce((sum, row) => sum + row.bytes, 0);
        if (bytes < turnBytes) continue;
        await turn();
        bytes = 0;
      }
    }
    if (batch.length > 0) await write();
  } finally {
    await writing;
  }
  return tally.result();
}

type Context = { readonly header: CsvHeader; readonly tally: Tally; readonly options: ImportOptions };

/** The product of a group; undefined, with its faults noted, when it is left out. */
function readItem(group: RowGroup, context: Context & { readonly survey: Survey }): Item | undefined {
  const { header, survey, tally, options } = context;
  const [first] = group.rows;
  const fault = (reason: string, message: string): ImportFault => {
    return { line: first.line, column: '', handle: group.handle, reason, message };
  };
  const { content, quantities, variantRows, faults } = readProduct(group.rows, { ...options, header });
  const all = [...faults];
  if (survey.scattered.has(group.handle)) {
    all.push(fault('ROWS_APART', `rows of “${group.handle}” stand in several places; put them together`));
  }
  if (group.cut) all.push(fault('PRODUCT_TOO_LARGE', 'the product has too many rows; split it'));
  if (group.lostLines !== undefined && all.length === 0) {
    const { from, to } = group.lostLines;
    const lines = from === to ? `line ${from}` : `the lines ${from} to ${to}`;
    all.push(fault('ROWS_LOST', `rows of the product may be lost in ${lines}, which can't be read; mend that first`));
  }
  if (all.length === 0) return { group, content, quantities, variantRows };
  tally.reject(group, all);
  return undefined;
}

async function writeBatch(batch: readonly Item[], { header, tally, options }: Context): Promise<void> {
  options.signal.throwIfAborted();
  const { store, dryRun } = options;
  const handles = batch.map((item) => item.content.handle);
  let planned: readonly Planned[] = [];
  const plan = (known: readonly KnownProduct[]): readonly Writes[] => {
    const byHandle = new Map(known.map((each) => [each.product.handle, each]));
    planned = batch.map((item) => planImport(item, byHandle.get(item.content.handle), options));
    return planned.flatMap((each) => (each.outcome === 'rejected' ? [] : [each.writes]));
  };
  if (dryRun) plan(await store.find(handles));
  else await store.apply(handles, plan);
  planned.forEach((each, index) => {
    const item = batch[index];
    if (item === undefined) return;
    if (each.outcome === 'rejected') tally.reject(item.group, [faultOf(each.refusal, item, header)]);
    else tally.count(each.outcome);
  });
}

function faultOf({ column, variant, reason, message }: Refusal, item: Item, header: CsvHeader): ImportFault {
  const [first] = item.group.rows;
  const cell = header.cells[column];
  const name = cell === undefined ? columnName(column) : (header.names[cell] ?? '');
  const { line } = item.variantRows[variant] ?? first;
  return { line, column: name, handle: cellOf(first, header, 'handle').trim(), reason, message };
}

type Tally = {
  count(outcome: 'created' | 'updated' | 'unchanged'): void;
  reject(group: RowGroup, faults: readonly ImportFault[]): void;
  result(): ImportResult;
};

function createTally({ rowCount, faults: ofFile, ignoredColumns }: Survey): Tally {
  const counts = { created: 0, updated: 0, unchanged: 0, rejected: 0 };
  const rejected = new Set<string>();
  const faults = [...ofFile];
  let faultCount = ofFile.length;
  return {
    count(outcome) {
      counts[outcome]++;
    },
    reject({ handle }, more) {
      // A product whose rows stand apart is one product; rows without a handle are each one.
      if (handle === '' || !rejected.has(handle)) counts.rejected++;
      rejected.add(handle);
      faultCount += more.length;
      faults.push(...more.slice(0, Math.max(mostFaults - faults.length, 0)));
    },
    result: () => ({
      rowCount,
      createdCount: counts.created,
      updatedCount: counts.updated,
      unchangedCount: counts.unchanged,
      rejectedCount: counts.rejected,
      faults: faults.sort((a, b) => a.line - b.line),
      faultCount,
      ignoredColumns,
    }),
  };
}

// Reading alone never waits when the file is in memory.
function paced(file: CsvFile): CsvFile {
  return async function* () {
    for await (const chunk of file()) {
      yield chunk;
      await turn();
    }
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
