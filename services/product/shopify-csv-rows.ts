import { Buffer, isUtf8 } from 'node:buffer';

/** What is wrong with a row as such, before its cells mean anything. */
export type RowFlaw = {
  readonly reason: string;
  /** The cell it is in, from 0; undefined for the whole row. */
  readonly cell: number | undefined;
  readonly message: string;
};

/** A row of a CSV file. */
export type CsvRow = {
  /** The lines of the file, from 1, on which it begins and ends. */
  readonly line: number;
  readonly lastLine: number;
  /** With a flaw: the cells before it. */
  readonly cells: readonly string[];
  readonly bytes: number;
  readonly flaw: RowFlaw | undefined;
};

/** Reads a file piece by piece. A row comes as soon as its last byte did. */
export type RowReader = { push(chunk: Uint8Array): CsvRow[]; end(): CsvRow[] };

/** A description may have 64 KiB; a row holds one, and cells that are shorter by far. */
export const maxRowBytes = 1 << 20;
/** Shopify's own exports have under 100. */
export const maxCells = 1_000;

const comma = 0x2c;
const quote = 0x22;
const lf = 0x0a;
const cr = 0x0d;
const pieceBytes = 1 << 16; // smaller chunks are put together first: a row sent byte by byte must not cost its square

/**
 * Splits CSV (RFC 4180, UTF-8) into rows: CR, LF or CRLF between them, a byte order mark allowed, blank rows left out. A row
 * that can't be read comes as a flaw and reading goes on with the next line. It holds one row at most, however long.
 *
 * Our own because csv-parse 7.0.3 counts a CRLF inside quotes as two lines, stops for good at a stray quote, and turns bytes
 * that are not UTF-8 into U+FFFD; for files without faults a test holds the two against each other.
 */
export function createRowReader(): RowReader {
  let queue: Uint8Array[] = [];
  let queued = 0;
  let rest: Buffer = Buffer.alloc(0);
  let at = 0; // in `rest`: what is before it has been looked at
  let begun = false;

  let state: 'start' | 'plain' | 'quoted' | 'closing' | 'broken' = 'start';
  let line = 1;
  let afterCr = false;
  let rowLine = 1;
  let quoteLine = 1;
  let rowStart = 0;
  let cellStart = 0;
  let doubled = false;
  let dropped = 0; // bytes of a row that is too long, already let go
  let cells: string[] = [];
  let flaw: RowFlaw | undefined;

  function push(chunk: Uint8Array): CsvRow[] {
    queue.push(chunk);
    queued += chunk.length;
    return queued < pieceBytes ? [] : read(false);
  }

  function end(): CsvRow[] {
    const rows = read(true);
    if (state === 'quoted') {
      flaw = undefined; // what made the row too long
      broken(
        'UNCLOSED_QUOTE',
        `the quote opened on line ${quoteLine} is never closed; close it, or double a quote that is part of the text`,
      );
    } else if (state === 'plain' || state === 'closing') {
      endCell(state === 'closing' ? at - 1 : at);
    } else if (state === 'start' && cells.length > 0) {
      endCell(at);
    }
    if (state !== 'start' || cells.length > 0 || flaw !== undefined) endRow(rows, at);
    return rows;
  }

  function read(last: boolean): CsvRow[] {
    rest = Buffer.concat([rest, ...queue]);
    queue = [];
    queued = 0;
    const rows: CsvRow[] = [];
    if (!begun) {
      if (rest.length < 3 && !last) return rows;
      begun = true;
      if (rest[0] === 0xef && rest[1] === 0xbb && rest[2] === 0xbf) at = rowStart = cellStart = 3;
    }
    scan(rows);
    if (at - rowStart > maxRowBytes) tooLong();
    rest = rest.subarray(rowStart);
    at -= rowStart;
    cellStart -= rowStart;
    rowStart = 0;
    return rows;
  }

  function scan(rows: CsvRow[]): void {
    const { length } = rest;
    while (at < length) {
      if (state === 'quoted') {
        const close = rest.indexOf(quote, at);
        const stop = close === -1 ? length : close;
        countLines(at, stop);
        at = stop + 1;
        if (close === -1) {
          at = length;
        } else {
          state = 'closing';
          afterCr = false;
        }
        continue;
      }
      const byte = rest[at];
      if (afterCr && byte === lf) {
        // the second half of a CRLF that has ended its row already
        afterCr = false;
        at++;
        rowStart = cellStart = at;
        continue;
      }
      afterCr = false;
      if (byte === comma) {
        if (state !== 'broken') endCell(state === 'closing' ? at - 1 : at);
      } else if (byte === lf || byte === cr) {
        if (state !== 'broken') endCell(state === 'closing' ? at - 1 : at);
        endRow(rows, at);
        line++;
        afterCr = byte === cr;
        rowLine = line;
        rowStart = cellStart = at + 1;
      } else if (byte === quote) {
        openOrDouble();
      } else if (state === 'start') {
        state = 'plain';
      } else if (state === 'closing') {
        const from = quoteLine === line ? '' : ` (it opens on line ${quoteLine})`;
        broken(
          'STRAY_QUOTE',
          `text follows a closing quote on line ${line}${from}; double a quote that is part of the text`,
        );
      }
      at++;
    }
  }

  function openOrDouble(): void {
    if (state === 'start') {
      state = 'quoted';
      quoteLine = line;
      cellStart = at + 1;
    } else if (state === 'closing') {
      state = 'quoted';
      doubled = true;
    } else if (state === 'plain') {
      broken(
        'STRAY_QUOTE',
        'a quote stands in the middle of a cell; put the whole cell in quotes and double the one inside',
      );
    }
  }

  // Inside quotes a row goes on over lines. A CR counts, and an LF unless it belongs to the CR before it.
  function countLines(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const byte = rest[i];
      if (byte === cr || (byte === lf && !afterCr)) line++;
      afterCr = byte === cr;
    }
  }

  function endCell(stop: number): void {
    if (dropped === 0) {
      if (cells.length < maxCells) {
        const text = stop > cellStart ? rest.toString('utf8', cellStart, stop) : '';
        cells.push(doubled ? text.replaceAll('""', '"') : text);
      } else {
        flaw ??= { reason: 'TOO_MANY_CELLS', cell: undefined, message: `the row has more than ${maxCells} cells` };
      }
    }
    state = 'start';
    doubled = false;
    cellStart = at + 1;
  }

  function broken(reason: string, message: string): void {
    flaw ??= { reason, cell: cells.length, message };
    state = 'broken';
    doubled = false;
  }

  function tooLong(): void {
    const open = state === 'quoted' ? `; is the quote opened on line ${quoteLine} closed?` : '';
    flaw ??= {
      reason: 'ROW_TOO_LONG',
      cell: cells.length,
      message: `the row has more than ${maxRowBytes} bytes${open}`,
    };
    dropped += at - rowStart;
    rowStart = cellStart = at;
  }

  function endRow(rows: CsvRow[], stop: number): void {
    const bytes = dropped + stop - rowStart;
    if (bytes > maxRowBytes && flaw === undefined) {
      flaw = { reason: 'ROW_TOO_LONG', cell: undefined, message: `the row has more than ${maxRowBytes} bytes` };
    }
    const raw = rest.subarray(rowStart, stop);
    if (!isUtf8(raw)) {
      const cell = cells.findIndex((text) => text.includes('\uFFFD'));
      flaw ??= {
        reason: 'NOT_UTF8',
        cell: cell === -1 ? undefined : cell,
        message: 'the row is not UTF-8; save the file as “CSV UTF-8”',
      };
    } else if (raw.includes(0)) {
      const cell = cells.findIndex((text) => text.includes('\0'));
      flaw ??= {
        reason: 'NUL_BYTE',
        cell: cell === -1 ? undefined : cell,
        message: 'the row holds a NUL byte; remove it',
      };
    }
    if (flaw !== undefined || cells.some((text) => text.trim() !== '')) {
      rows.push({ line: rowLine, lastLine: line, cells, bytes, flaw });
    }
    state = 'start';
    cells = [];
    flaw = undefined;
    doubled = false;
    dropped = 0;
  }

  return { push, end };
}
