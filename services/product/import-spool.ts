import type { CsvFile } from './shopify-csv-file.ts';

/** Keeps a file that comes in pieces, so that it can be read twice. */
export type Spool = {
  write(chunk: Uint8Array): Promise<void>;
  /** What was written, from its start, each time. */
  readonly read: CsvFile;
  /** SHA-256 of what was written. */
  digest(): Buffer;
  close(): Promise<void>;
};
