import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import type { ClientFor } from '#platform/rpc/client-for.ts';
import { StartError } from '#platform/start-error.ts';
import { openOperator } from './operator.ts';

/** The product service, as the house account. */
export type CatalogClient = {
  readonly products: Pick<ClientFor<'operator', typeof ProductService>, 'importProducts' | 'exportProducts'>;
  readonly headers: { readonly authorization: string };
};

export type ConnectOptions = {
  /** host:port of the product service; PRODUCT_ADDRESS or this machine's unless told. */
  readonly address: string | undefined;
};

const timeoutMs = 10_000;

/** Calls the shop as its operator, with an access token of the house account, for as long as `work` takes. */
export async function withCatalog<T>(
  { address }: ConnectOptions,
  work: (shop: CatalogClient) => Promise<T>,
): Promise<T> {
  const operator = await openOperator({ ...process.env, ...(address !== undefined && { PRODUCT_ADDRESS: address }) });
  try {
    const issued = await operator.dial(OperatorService).issueToken({ requestId: randomUUID() }, { timeoutMs });
    const headers = { authorization: `Bearer ${issued.accessToken}` };
    return await work({ products: operator.dial(ProductService), headers });
  } finally {
    operator.close();
  }
}

/** Runs a command and answers its exit code: 2 when it can't be done, with one line that says why. */
export async function runCommand(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StartError) process.stderr.write(`${error.message.trimEnd()}\n`);
    else if (error instanceof ConnectError) process.stderr.write(`${explain(error)}\n`);
    else throw error;
    return 2;
  }
}

function explain(error: ConnectError): string {
  const silent = error.code === Code.Unavailable || error.code === Code.DeadlineExceeded;
  return silent ? `The shop does not answer: start it with npm start. (${error.rawMessage})` : error.rawMessage;
}
