import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ImportProductsRequestSchema, ImportProductsResponse } from '#gen/only2u/product/v1/product_pb.ts';
import { StartError } from '#platform/start-error.ts';
import { type CatalogClient, runCommand, withCatalog } from './catalog-client.ts';
import { createProgress, type Progress } from './progress.ts';

const help = `Usage: npm run import -- FILE [--currency INR] [--dry-run] [--address HOST:PORT]

Imports a product file in Shopify's CSV format for the house account. The shop must be running (npm start).
  --currency  what the file's prices are in, ISO 4217; INR unless told
  --dry-run   only check and report; write nothing
  --address   where the product service is; this machine unless told

Exit code: 0 when all is well, 1 when products were left out for faults, 2 when nothing could be done.
`;

const timeoutMs = 600_000; // what the contract gives an import
const chunkBytes = 1 << 16;

export type ImportArguments = {
  readonly file: string;
  readonly currency: string;
  readonly dryRun: boolean;
  readonly address: string | undefined;
};

/** What the arguments ask for; undefined for help. Throws a StartError when they make no sense. */
export function readArguments(args: readonly string[]): ImportArguments | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw new StartError(`Name one file.\n\n${help}`);
  const currency = values.currency ?? 'INR';
  if (!/^[A-Z]{3}$/.test(currency)) throw new StartError(`"${currency}" is no currency; write it like INR.`);
  if (values.address !== undefined && !/^.+:\d+$/.test(values.address)) {
    throw new StartError(`"${values.address}" is no address; write it like 127.0.0.1:50052.`);
  }
  return { file, currency, dryRun: values['dry-run'] === true, address: values.address };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        currency: { type: 'string' },
        'dry-run': { type: 'boolean' },
        address: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/** Sends the file to the shop, telling how far it is. */
export async function sendFile(
  { file, currency, dryRun }: ImportArguments,
  { products, headers }: CatalogClient,
  progress: Progress,
): Promise<ImportProductsResponse> {
  async function* pieces(): AsyncGenerator<MessageInitShape<typeof ImportProductsRequestSchema>> {
    yield { piece: { case: 'options', value: { requestId: randomUUID(), currency, dryRun } } };
    const stream = createReadStream(file, { highWaterMark: chunkBytes });
    for await (const chunk of stream) {
      if (!(chunk instanceof Uint8Array)) throw new Error('the file is read as bytes');
      progress.read(chunk);
      yield { piece: { case: 'chunk', value: Uint8Array.from(chunk) } };
    }
    progress.sent();
  }
  return products.importProducts(pieces(), { headers, timeoutMs });
}

/** What the import did, and each fault as "file:line: column: message (REASON)". */
export function report(
  { file, dryRun }: Pick<ImportArguments, 'file' | 'dryRun'>,
  answer: ImportProductsResponse,
): string {
  const lines = answer.faults.map(({ line, column, handle, message, reason }) => {
    const where = [`${file}:${line}`, column, handle === '' ? '' : `“${handle}”`].filter((part) => part !== '');
    return `${where.join(': ')}: ${message} (${reason})`;
  });
  const unsaid = answer.faultCount - answer.faults.length;
  if (unsaid > 0) lines.push(`… and ${unsaid} faults more`);
  if (answer.ignoredColumns.length > 0) lines.push(`Not read: ${answer.ignoredColumns.join(', ')}.`);
  const { rowCount, createdCount, updatedCount, unchangedCount, rejectedCount } = answer;
  const counts = `${createdCount} created, ${updatedCount} updated, ${unchangedCount} unchanged, ${rejectedCount} left out`;
  lines.push(`${rowCount} rows: ${dryRun ? 'would be ' : ''}${counts}.`);
  return `${lines.join('\n')}\n`;
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw new StartError(`There is no file ${file}.`);
  if (!found.isFile()) throw new StartError(`${file} is not a file.`);
  await access(file, constants.R_OK).catch(() => {
    throw new StartError(`${file} can’t be read: its permissions forbid it.`);
  });
  return found.size;
}

async function main(args: readonly string[]): Promise<number> {
  const wanted = readArguments(args);
  if (wanted === undefined) {
    process.stdout.write(help);
    return 0;
  }
  const progress = createProgress({
    totalBytes: await sizeOf(wanted.file),
    isTerminal: process.stderr.isTTY,
    write: (text) => void process.stderr.write(text),
    nowMs: () => performance.now(),
  });
  const answer = await withCatalog(wanted, (shop) => sendFile(wanted, shop, progress)).finally(() => progress.end());
  progress.done(answer.rowCount);
  process.stdout.write(report(wanted, answer));
  return answer.faultCount > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = await runCommand(() => main(process.argv.slice(2)));
