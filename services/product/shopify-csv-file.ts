import { cellOf } from './shopify-csv-cells.ts';
import type { ImportFault } from './import-fault.ts';
import { readHeader } from './shopify-csv-header.ts';
import type { CsvHeader } from './shopify-csv-header.ts';
import { createRowReader } from './shopify-csv-rows.ts';
import type { CsvRow } from './shopify-csv-rows.ts';

/** A file that can be read from its start, as often as needed. */
export type CsvFile = () => AsyncIterable<Uint8Array>;

/** The rows of one handle that stand together. */
export type RowGroup = {
  /** As the file writes it; "" when it isn't known. */
  readonly handle: string;
  readonly rows: readonly [CsvRow, ...CsvRow[]];
  /** It has more rows than were kept. */
  readonly cut: boolean;
  /** Lines just before it that can't be read: its own first rows may be among them. */
  readonly lostLines: { readonly from: number; readonly to: number } | undefined;
};

/** What one reading of the whole file finds, before anything is written. */
export type Survey = {
  readonly header: CsvHeader | undefined;
  /** What keeps the whole file from being imported. */
  readonly faults: readonly ImportFault[];
  /** Without the header and blank rows. */
  readonly rowCount: number;
  /** Handles whose rows stand in several places. */
  readonly scattered: ReadonlySet<string>;
  /** Columns that hold something and that no product has a place for. */
  readonly ignoredColumns: readonly string[];
};

export const maxRows = 500_000;
export const maxProducts = 100_000; // their handles are remembered: some 10 MB
const maxGroupRows = 1_000; // 250 variants and 250 pictures, with room for duplicates to be named
const maxGroupBytes = 4 << 20;

/** Reads the file once through: whether it can be imported at all, and what can't be seen from a product alone. */
export async function surveyFile(file: CsvFile): Promise<Survey> {
  const seen = new Set<string>();
  const scattered = new Set<string>();
  const filled = new Set<number>();
  const reader = createGroupReader();
  let rowCount = 0;
  for await (const groups of groupsOf(file, reader)) {
    if (reader.faults().length > 0) break;
    for (const { handle, rows } of groups) {
      if (handle !== '' && seen.has(handle)) scattered.add(handle);
      seen.add(handle);
      for (const row of rows) {
        for (const cell of reader.header()?.unread ?? []) {
          if (!filled.has(cell) && (row.cells[cell] ?? '').trim() !== '') filled.add(cell);
        }
      }
    }
    rowCount = reader.rowCount();
    const tooMany = rowCount > maxRows ? 'rows' : seen.size > maxProducts ? 'products' : undefined;
    if (tooMany !== undefined) {
      const most = tooMany === 'rows' ? maxRows : maxProducts;
      const message = `the file has more than ${most} ${tooMany}; split it`;
      const fault = { line: 1, column: '', handle: '', reason: `TOO_MANY_${tooMany.toUpperCase()}`, message };
      return { header: undefined, faults: [fault], rowCount, scattered, ignoredColumns: [] };
    }
  }
  const header = reader.header();
  const names = [...filled].sort((a, b) => a - b).map((cell) => header?.names[cell] || `column ${cell + 1}`);
  return { header, faults: reader.faults(), rowCount, scattered, ignoredColumns: names };
}

/** The products' rows, a chunk's worth at a time. Ends at once when the header can't be read. */
export async function* groupsOf(file: CsvFile, reader = createGroupReader()): AsyncGenerator<RowGroup[]> {
  const rows = createRowReader();
  for await (const chunk of file()) {
    const groups = reader.push(rows.push(chunk));
    if (groups.length > 0) yield groups;
    if (reader.faults().length > 0) return;
  }
  const groups = [...reader.push(rows.end()), ...reader.end()];
  if (groups.length > 0) yield groups;
}

/** Puts the rows of one handle together. The first row is the header. */
export type GroupReader = {
  push(rows: readonly CsvRow[]): RowGroup[];
  end(): RowGroup[];
  header(): CsvHeader | undefined;
  /** Why the header can't be read; empty when it can. */
  faults(): readonly ImportFault[];
  rowCount(): number;
};

function createGroupReader(): GroupReader {
  let header: CsvHeader | undefined;
  let faults: readonly ImportFault[] = [];
  let rowCount = 0;
  let handle = '';
  let rows: [CsvRow, ...CsvRow[]] | undefined;
  let bytes = 0;
  let cut = false;
  let lostBefore: RowGroup['lostLines'];
  let lost: RowGroup['lostLines'];

  function take(row: CsvRow, groups: RowGroup[]): void {
    if (header === undefined) {
      takeHeader(row);
      return;
    }
    rowCount++;
    const named = cellOf(row, header, 'handle').trim();
    // A row that doesn't say whose it is may be its neighbour's, unless it begins a product itself.
    const nobodys = named === '' && (row.flaw !== undefined || cellOf(row, header, 'title').trim() === '');
    if (rows === undefined || (named !== handle && !nobodys)) {
      finish(groups);
      handle = named;
      rows = [row];
      bytes = row.bytes;
      cut = false;
      lostBefore = lost;
      lost = undefined;
    } else if (rows.length < maxGroupRows && bytes + row.bytes <= maxGroupBytes) {
      rows.push(row);
      bytes += row.bytes;
    } else {
      cut = true;
    }
    if (row.flaw !== undefined && (nobodys || row.lastLine > row.line)) lost = { from: row.line, to: row.lastLine };
  }

  function takeHeader(row: CsvRow): void {
    if (row.flaw !== undefined) {
      const message = `the header can't be read: ${row.flaw.message}`;
      faults = [{ line: row.line, column: '', handle: '', reason: row.flaw.reason, message }];
      return;
    }
    const read = readHeader(row.cells, row.line);
    if ('cells' in read) header = read;
    else faults = read;
  }

  function finish(groups: RowGroup[]): void {
    if (rows !== undefined) groups.push({ handle, rows, cut, lostLines: lostBefore });
    rows = undefined;
  }

  return {
    push(next) {
      const groups: RowGroup[] = [];
      for (const row of next) {
        if (faults.length > 0) break;
        take(row, groups);
      }
      return groups;
    },
    end() {
      if (header === undefined && faults.length === 0) {
        faults = [{ line: 1, column: '', handle: '', reason: 'FILE_EMPTY', message: 'the file is empty' }];
      }
      const groups: RowGroup[] = [];
      finish(groups);
      return groups;
    },
    header: () => header,
    faults: () => faults,
    rowCount: () => rowCount,
  };
}
