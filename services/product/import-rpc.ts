import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  ImportProductsRequestSchema,
  ImportProductsResponseSchema,
  ProductService,
  type ImportOptions,
  type ImportProductsRequest,
} from '#gen/only2u/product/v1/product_pb.ts';
import { Fault, invalidField } from '#platform/fault.ts';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import { currentCall, requireUser, type User } from '#platform/rpc/call.ts';
import type { Env } from '#platform/service.ts';
import { cleanHtml } from './clean-html.ts';
import { exportProducts } from './export.ts';
import type { ExportStore } from './export-store.ts';
import type { Spool } from './import-spool.ts';
import type { ImportStore } from './import-store.ts';
import { importProducts } from './import.ts';

export type ImportRpcOptions = Pick<Env, 'now' | 'newId'> & {
  readonly imports: ImportStore;
  readonly exports: ExportStore;
  readonly openSpool: () => Spool;
};

/** The built-in account that owns what the shop itself and its admins import. */
export const houseAccountId = 'usr_house';

const knownCurrencies = new Set(Intl.supportedValuesOf('currency'));

/** ProductService's import and export. */
export function createImportRpc(
  options: ImportRpcOptions,
): Pick<ServiceImpl<typeof ProductService>, 'importProducts' | 'exportProducts'> {
  const { imports, exports, openSpool, now, newId } = options;
  return {
    async importProducts(pieces) {
      const user = requireUser();
      const spool = openSpool();
      try {
        const asked = await receive(pieces, spool);
        const repeat = repeatOf(asked, user, spool, now());
        const before = await imports.recall(repeat);
        if (before !== undefined) return before;
        const isAdmin = user.roles.includes('admin');
        const result = await importProducts(spool.read, {
          store: imports,
          vendorId: isAdmin ? houseAccountId : user.id,
          mayHoldOthers: isAdmin,
          actor: user.id,
          currency: asked.currency,
          dryRun: asked.dryRun,
          requestId: asked.requestId,
          cleanHtml,
          now: now(),
          newId,
          signal: callSignal(),
        });
        const answer = create(ImportProductsResponseSchema, {
          ...result,
          faults: [...result.faults],
          ignoredColumns: [...result.ignoredColumns],
        });
        return await imports.remember(repeat, answer);
      } finally {
        await spool.close();
      }
    },

    async *exportProducts(request) {
      const user = requireUser();
      const isAdmin = user.roles.includes('admin');
      const vendorId = request.vendorId === '' && !isAdmin ? user.id : request.vendorId;
      if (!isAdmin && vendorId !== user.id) {
        throw new Fault('permission-denied', 'NOT_YOUR_PRODUCT', 'A vendor exports its own products only.', {
          metadata: { vendor_id: vendorId },
        });
      }
      const currency = request.currency === '' ? await onlyCurrency(exports, vendorId) : request.currency;
      for await (const chunk of exportProducts({ store: exports, vendorId, currency, signal: callSignal() })) {
        yield { chunk };
      }
    },
  };
}

// Everything is received before anything is done: a file that is cut off on the way changes nothing.
async function receive(pieces: AsyncIterable<ImportProductsRequest>, spool: Spool): Promise<ImportOptions> {
  let options: ImportOptions | undefined;
  for await (const { piece } of pieces) {
    if (piece.case === 'options') {
      if (options !== undefined) throw invalidField('options', 'OPTIONS_TWICE', 'come once, in the first message');
      if (!knownCurrencies.has(piece.value.currency)) {
        throw invalidField('options.currency', 'CURRENCY_UNKNOWN', `"${piece.value.currency}" is no currency`);
      }
      options = piece.value;
    } else if (piece.case === 'chunk') {
      if (options === undefined) throw optionsMissing();
      await spool.write(piece.value);
    }
  }
  if (options === undefined) throw optionsMissing();
  return options;
}

function optionsMissing(): Fault {
  return invalidField('options', 'OPTIONS_MISSING', 'are required, in the first message');
}

// The same request is the same options and the same file, however it is cut into pieces.
function repeatOf(
  asked: ImportOptions,
  user: User,
  spool: Spool,
  now: Date,
): OnceOptions<typeof ImportProductsResponseSchema> {
  const { method } = ProductService;
  const text = JSON.stringify([asked.currency, asked.dryRun, spool.digest().toString('hex')]);
  return {
    actor: user.id,
    method: `${ProductService.typeName}/${method.importProducts.name}`,
    requestId: asked.requestId,
    request: create(ImportProductsRequestSchema, { piece: { case: 'chunk', value: Buffer.from(text) } }),
    schema: ImportProductsResponseSchema,
    now,
  };
}

async function onlyCurrency(exports: ExportStore, vendorId: string): Promise<string> {
  const [first = 'INR', ...others] = await exports.currencies(vendorId);
  if (others.length === 0) return first;
  const currencies = [first, ...others].join(', ');
  throw new Fault('failed-precondition', 'CURRENCY_AMBIGUOUS', `Say which currency to export: ${currencies}.`, {
    metadata: { currencies },
  });
}

function callSignal(): AbortSignal {
  return currentCall()?.signal ?? new AbortController().signal;
}
