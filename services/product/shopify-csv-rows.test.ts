import { expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { heldBytes } from '#platform/testing/memory.ts';
import { createRowReader, maxCells, maxRowBytes } from './shopify-csv-rows.ts';
import type { CsvRow } from './shopify-csv-rows.ts';

function readAll(file: string | Uint8Array, chunkBytes = 1 << 16): CsvRow[] {
  const bytes = Buffer.from(file);
  const reader = createRowReader();
  const rows: CsvRow[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) rows.push(...reader.push(bytes.subarray(at, at + chunkBytes)));
  return [...rows, ...reader.end()];
}

const brief = (rows: readonly CsvRow[]) =>
  rows.map(({ line, cells, flaw }) => [line, flaw === undefined ? cells : flaw.reason]);

test('rows end with LF, CRLF or CR, or with the file', () => {
  const rows = [
    [1, ['a', 'b']],
    [2, ['c', 'd']],
  ];
  for (const file of ['a,b\nc,d\n', 'a,b\r\nc,d\r\n', 'a,b\rc,d\r', 'a,b\nc,d', 'a,b\r\nc,d']) {
    expect(brief(readAll(file))).toEqual(rows);
  }
});

test('a byte order mark is no part of the first cell', () => {
  expect(brief(readAll('\uFEFFa,b\n'))).toEqual([[1, ['a', 'b']]]);
  expect(brief(readAll('\uFEFFa', 1))).toEqual([[1, ['a']]]);
  expect(brief(readAll('a'))).toEqual([[1, ['a']]]);
});

test('quoted cells hold commas, line ends and doubled quotes; lines are counted inside them', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const file = ['h', `"one, ""two""${end}${end}three",x`, 'y'].join(end);
    expect(brief(readAll(file))).toEqual([
      [1, ['h']],
      [2, [`one, "two"${end}${end}three`, 'x']],
      [5, ['y']],
    ]);
  }
});

test('a quoted cell may end in a carriage return', () => {
  expect(brief(readAll('"a\r"\nb\n'))).toEqual([
    [1, ['a\r']],
    [3, ['b']],
  ]);
});

test('empty cells at both ends are cells', () => {
  expect(brief(readAll(',a,\n"",b,""'))).toEqual([
    [1, ['', 'a', '']],
    [2, ['', 'b', '']],
  ]);
});

test('blank rows are left out, and counted as lines', () => {
  expect(brief(readAll('a\n\n,,\n  \nb\n'))).toEqual([
    [1, ['a']],
    [5, ['b']],
  ]);
});

test('a letter split over two chunks stays whole', () => {
  expect(brief(readAll('a,रेशमी,🧵\n', 1))).toEqual([[1, ['a', 'रेशमी', '🧵']]]);
});

test('a quote in the middle of a cell spoils its row alone', () => {
  expect(brief(readAll('a,5" pipe,c\nd,e,f\n'))).toEqual([
    [1, 'STRAY_QUOTE'],
    [2, ['d', 'e', 'f']],
  ]);
  const [row] = readAll('a,5" pipe,c\n');
  expect(row?.cells).toEqual(['a']);
  expect(row?.flaw?.cell).toBe(1);
});

test('text after a closing quote spoils its row, and says where the quote opened', () => {
  const [first, second] = readAll('a,"b\nc"d\ne,f\n');
  expect(first?.flaw).toMatchObject({ reason: 'STRAY_QUOTE', cell: 1 });
  expect(first?.flaw?.message).toContain('line 1');
  expect([first?.line, first?.lastLine]).toEqual([1, 2]);
  expect(second?.cells).toEqual(['e', 'f']);
});

test('a quote that is never closed names the line it opened on', () => {
  const rows = readAll('a,b\nc,"d\ne,f\n');
  expect(brief(rows)).toEqual([
    [1, ['a', 'b']],
    [2, 'UNCLOSED_QUOTE'],
  ]);
  expect(rows[1]?.flaw?.message).toContain('line 2');
});

test('a quote that is never closed costs no memory, however long the file', () => {
  const reader = createRowReader();
  reader.push(Buffer.from('a,"'));
  const chunk = Buffer.alloc(1 << 20, 'x,y\n');
  const before = heldBytes();
  for (let i = 0; i < 200; i++) expect(reader.push(chunk)).toEqual([]);
  expect(heldBytes() - before).toBeLessThan(50 << 20); // of 200 MiB; what else runs in a worker has left 14
  expect(reader.end().map((row) => row.flaw?.reason)).toEqual(['UNCLOSED_QUOTE']);
});

test('a row that is too long is named, and the next one read', () => {
  const long = 'x'.repeat(maxRowBytes);
  for (const chunkBytes of [1 << 16, 4 << 20]) {
    expect(brief(readAll(`a,${long}\nb\n`, chunkBytes))).toEqual([
      [1, 'ROW_TOO_LONG'],
      [2, ['b']],
    ]);
  }
});

test('a row sent byte by byte does not cost its square', () => {
  const reader = createRowReader();
  const byte = Buffer.from('x');
  for (let i = 0; i < maxRowBytes - 1; i++) reader.push(byte);
  expect(reader.end()[0]?.cells[0]).toHaveLength(maxRowBytes - 1);
});

test('a row with too many cells is named', () => {
  expect(brief(readAll(`${'x,'.repeat(maxCells)}x\n`))).toEqual([[1, 'TOO_MANY_CELLS']]);
});

test('bytes that are not UTF-8 and NUL bytes spoil their row, and name the cell', () => {
  const file = Buffer.concat([Buffer.from('a,b\nc,'), Buffer.from([0xe9]), Buffer.from('\nd,\0\ne,f\n')]);
  const rows = readAll(file);
  expect(brief(rows)).toEqual([
    [1, ['a', 'b']],
    [2, 'NOT_UTF8'],
    [3, 'NUL_BYTE'],
    [4, ['e', 'f']],
  ]);
  expect(rows.map((row) => row.flaw?.cell)).toEqual([undefined, 1, 1, undefined]);
});

test('of files without faults csv-parse reads the same', () => {
  const cell = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom('', 'a,b', '"', '""', 'two\nlines', 'x\r\ny', '\r', ' ', 'é', '🧵', '=1+1'),
  );
  const file = fc.record({
    rows: fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 8 }),
    end: fc.constantFrom('\n', '\r\n'),
    bom: fc.constantFrom('', '\uFEFF'),
    last: fc.boolean(),
    chunkBytes: fc.integer({ min: 1, max: 40 }),
  });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(file, ({ rows, end, bom, last, chunkBytes }) => {
      const clean = rows.map((row) => row.map((text) => text.replaceAll('\0', '')));
      const text = bom + clean.map((row) => row.map(quoted).join(',')).join(end) + (last ? end : '');
      const theirs: string[][] = parse(text, { bom: true, relax_column_count: true, record_delimiter: end });
      const ours = readAll(text, chunkBytes);
      expect(ours.map((row) => row.flaw)).toEqual(ours.map(() => undefined));
      expect(ours.map((row) => row.cells)).toEqual(theirs.filter((row) => row.some((value) => value.trim() !== '')));
    }),
  );
});

test('whatever the bytes, rows come in order and nothing throws', () => {
  const piece = fc.oneof(
    fc.constantFrom('"', ',', '\n', '\r', '\r\n', '""', 'a', '\0', 'é').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (pieces, chunkBytes) => {
      const file = Buffer.concat(pieces);
      const rows = readAll(file, chunkBytes);
      rows.forEach((row, index) => expect(row.line).toBeGreaterThan(rows[index - 1]?.lastLine ?? 0));
      expect(brief(rows)).toEqual(brief(readAll(file)));
    }),
  );
});
