import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { StartError } from '#platform/start-error.ts';
import { type CatalogClient, runCommand, withCatalog } from './catalog-client.ts';

const help = `Usage: npm run export -- FILE [--vendor usr_…] [--currency INR] [--address HOST:PORT]

Exports products in Shopify's CSV format, as npm run import takes it. The shop must be running (npm start).
  --vendor    only this vendor's products; everybody's unless told
  --currency  only products priced in it; needed when there are several
  --address   where the product service is; this machine unless told
`;

const timeoutMs = 600_000; // what the contract gives an export

export type ExportArguments = {
  readonly file: string;
  readonly vendorId: string;
  readonly currency: string;
  readonly address: string | undefined;
};

/** What the arguments ask for; undefined for help. Throws a StartError when they make no sense. */
export function readArguments(args: readonly string[]): ExportArguments | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw new StartError(`Name one file.\n\n${help}`);
  return { file, vendorId: values.vendor ?? '', currency: values.currency ?? '', address: values.address };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        vendor: { type: 'string' },
        currency: { type: 'string' },
        address: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

/** Writes the file when it is whole: one that was there before stays until then. */
export async function receiveFile(
  { file, vendorId, currency }: ExportArguments,
  { products, headers }: CatalogClient,
): Promise<number> {
  const part = `${file}.part`;
  let bytes = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for await (const { chunk } of products.exportProducts({ vendorId, currency }, { headers, timeoutMs })) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  try {
    await pipeline(Readable.from(chunks()), createWriteStream(part));
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw fileTrouble(error, file) ?? error;
  }
  return bytes;
}

function fileTrouble(error: unknown, file: string): StartError | undefined {
  if (typeof error !== 'object' || error === null || !('syscall' in error) || !('code' in error)) return undefined;
  return new StartError(`${file} can’t be written (${String(error.code)}).`, { cause: error });
}

async function main(args: readonly string[]): Promise<number> {
  const wanted = readArguments(args);
  if (wanted === undefined) {
    process.stdout.write(help);
    return 0;
  }
  const bytes = await withCatalog(wanted, (shop) => receiveFile(wanted, shop));
  process.stdout.write(`${wanted.file}: ${bytes} bytes.\n`);
  return 0;
}

if (import.meta.main) process.exitCode = await runCommand(() => main(process.argv.slice(2)));
