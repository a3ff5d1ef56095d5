import type { ImportFault } from './import-fault.ts';
import { columnName } from './shopify-csv-header.ts';
import type { ColumnKey, CsvHeader } from './shopify-csv-header.ts';
import type { CsvRow } from './shopify-csv-rows.ts';
import type { CellValue } from './shopify-csv-values.ts';

/** The cells of a product's rows, and what was found wrong in them. */
export type Cells = {
  readonly faults: readonly ImportFault[];
  /** Without the spaces around it; "" when the file has no such column. */
  text(row: CsvRow, key: ColumnKey): string;
  /** What the cell says; what it can't be read as is a fault. */
  read<T>(row: CsvRow, key: ColumnKey, whenEmpty: T, reader: (text: string) => CellValue<T>): T;
  /** Notes a fault, the first of each cell: what follows from a fault is none. */
  fault(row: CsvRow, key: ColumnKey | undefined, reason: string, message: string): void;
};

export function createCells(header: CsvHeader, handle: string): Cells {
  const faults: ImportFault[] = [];
  const places = new Set<string>();
  const text = (row: CsvRow, key: ColumnKey): string => cellOf(row, header, key).trim();
  function fault(row: CsvRow, key: ColumnKey | undefined, reason: string, message: string): void {
    const column = key === undefined ? '' : nameIn(header, key);
    const place = `${row.line} ${column}`;
    if (places.has(place)) return;
    places.add(place);
    faults.push({ line: row.line, column, handle, reason, message });
  }
  return {
    faults,
    text,
    fault,
    read(row, key, whenEmpty, reader) {
      const value = text(row, key);
      if (value === '') return whenEmpty;
      const found = reader(value);
      if ('value' in found) return found.value;
      fault(row, key, found.reason, found.message);
      return whenEmpty;
    },
  };
}

/** What a row says in a column; "" when it has no such cell. */
export function cellOf(row: CsvRow, header: CsvHeader, key: ColumnKey): string {
  const cell = header.cells[key];
  return cell === undefined ? '' : (row.cells[cell] ?? '');
}

/** What makes a row unreadable as a whole, in the header's terms. */
export function flawOf(row: CsvRow, header: CsvHeader): Omit<ImportFault, 'line' | 'handle'> | undefined {
  if (row.flaw !== undefined) {
    const { cell, reason, message } = row.flaw;
    return { column: cell === undefined ? '' : (header.names[cell] ?? ''), reason, message };
  }
  const { length } = row.cells;
  if (length < header.width) {
    const message = `the row has ${length} cells, the header ${header.width}`;
    return { column: '', reason: 'TOO_FEW_CELLS', message };
  }
  if (row.cells.slice(header.width).some((cell) => cell.trim() !== '')) {
    const message = `the row has ${length} cells, the header ${header.width}; put text that holds a comma in quotes`;
    return { column: '', reason: 'TOO_MANY_CELLS', message };
  }
  return undefined;
}

function nameIn(header: CsvHeader, key: ColumnKey): string {
  const cell = header.cells[key];
  return cell === undefined ? columnName(key) : (header.names[cell] ?? columnName(key));
}
