// One gRPC server in a process of its own, for bench/rpc.ts: answers GetProduct with one product and does nothing else.
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { GetProductResponseSchema, ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { localMesh } from '#platform/identity/spiffe.ts';
import { createServerHooks } from '#platform/rpc/admission.ts';
import type { ServerHooks } from '#platform/rpc/hooks.ts';
import { createRpcServer } from '#platform/rpc/server.ts';
import { createShedder } from '#platform/rpc/shedding.ts';
import type { TlsMaterial } from '#platform/rpc/tls.ts';
import type { Handlers } from '#platform/service.ts';
import { createLog } from '#platform/telemetry/log.ts';
import { createMetrics } from '#platform/telemetry/metrics.ts';
import { admitAll } from '#platform/testing/admit-all.ts';
import { sampleProduct } from './sample.ts';

export type RpcServerKind = (typeof kinds)[number];
export const kinds = [
  'grpc-js',
  'grpc-js-tls',
  'only2u-bare',
  'only2u-bare-tls',
  'only2u-full',
  'connect-node',
  'connect-node-tls',
] as const;

const method = ProductService.method.getProduct;
const answer = { product: sampleProduct };
const message = create(GetProductResponseSchema, answer);
const implementation = { getProduct: () => answer } as object as Handlers['implementation'];

/** grpc-js with the same messages and the same codec, and nothing else. */
async function serveGrpcJs(tls: TlsMaterial | undefined): Promise<number> {
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const definition = {
    getProduct: {
      path: `/${method.parent.typeName}/${method.name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Buffer) => value,
      requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
      responseSerialize: (value: typeof message) => {
        const bytes = toBinary(method.output, value);
        return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      },
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  };
  server.addService(definition, {
    getProduct: (_call: unknown, callback: (error: null, value: typeof message) => void) => callback(null, message),
  });
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          Buffer.from(tls.ca),
          [{ private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }],
          true,
        );
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
}

async function serveOnly2U(hooks: ServerHooks, tls: TlsMaterial | undefined, path?: string): Promise<number> {
  const source = tls && { current: () => tls, onChange: () => () => {} };
  const server = createRpcServer({
    handlers: [{ contract: ProductService, implementation }],
    hooks,
    tls: source && { source },
  });
  if (path === undefined) return (await server.listen('127.0.0.1', 0)).port;
  await server.listenAt(path);
  return 0;
}

async function serveConnectNode(tls: TlsMaterial | undefined): Promise<number> {
  const handler = connectNodeAdapter({
    grpc: true,
    connect: false,
    grpcWeb: false,
    routes: (router) => router.service(ProductService, { getProduct: () => answer }),
  });
  const server: Http2Server | Http2SecureServer =
    tls === undefined
      ? createServer(handler)
      : createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true }, handler);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

const trivialHooks: ServerHooks = {
  admit: admitAll,
  check: () => {},
  ended: () => {},
};

/** What `npm start` puts in front of every handler. */
function fullHooks(): ServerHooks {
  const metrics = createMetrics({ processMetrics: true });
  return createServerHooks({
    mesh: localMesh,
    verifier: {
      verify() {
        throw new Error('no call of this bench has a token');
      },
    },
    metrics: metrics.rpc,
    log: createLog({ level: 'info', format: 'json' }),
    tracing: undefined,
    contracts: [ProductService],
    shedder: createShedder({ maxInFlight: 1_000, metrics: metrics.rpc, nowMs: () => performance.now() }),
  });
}

function serve({ kind, tls, path }: Asked): Promise<number> {
  switch (kind) {
    case 'grpc-js':
      return serveGrpcJs(undefined);
    case 'grpc-js-tls':
      return serveGrpcJs(tls);
    case 'only2u-bare':
      return serveOnly2U(trivialHooks, undefined, path);
    case 'only2u-bare-tls':
      return serveOnly2U(trivialHooks, tls);
    case 'only2u-full':
      return serveOnly2U(fullHooks(), tls);
    case 'connect-node':
      return serveConnectNode(undefined);
    case 'connect-node-tls':
      return serveConnectNode(tls);
  }
}

/** What the server's process is told; `path` is a Unix socket for only2u-bare to listen at, instead of a port. */
export type Asked = { readonly kind: RpcServerKind; readonly tls: TlsMaterial; readonly path?: string };

if (import.meta.main) {
  process.on('message', (message: Asked | 'cpu') => {
    if (message === 'cpu') {
      const { user, system } = process.cpuUsage();
      process.send?.(user + system);
    } else {
      serve(message).then(
        (port) => process.send?.(port),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    }
  });
  process.on('disconnect', () => process.exit());
}
