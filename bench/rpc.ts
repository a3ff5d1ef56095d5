import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { GetProductRequestSchema, ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { createRoot, issueCertificate, writingTogether } from '#platform/identity/certificate.ts';
import { localMesh, spiffeIdOf } from '#platform/identity/spiffe.ts';
import type { TlsMaterial } from '#platform/rpc/tls.ts';
import { kinds, type RpcServerKind } from './rpc-server.ts';

/** One server under load. */
export type RpcRow = {
  readonly kind: RpcServerKind;
  readonly perSecond: number;
  /** Processor time of the server for one call, in microseconds: the figure that a busy machine blurs least. */
  readonly cpuMicros: number;
  /** How the processor time of grpc-js with TLS compares, in percent: above 100 is cheaper than that. */
  readonly percentOfGrpcJsTls: number;
};

const inFlight = 32; // on one connection, as one gateway has it
const warmUpMs = 1_500; // until V8 has optimized what is hot

/**
 * Measures bare grpc-js, this project's server bare and with all it does, and connect-node's, with the same contract, message and
 * codec. Each server runs in a process of its own, one after the other, `rounds` times in turn; the best round counts,
 * because whatever else runs on the machine only ever adds.
 */
export async function benchRpc({
  seconds = 3,
  rounds = 3,
  only = kinds,
}: { seconds?: number; rounds?: number; only?: readonly RpcServerKind[] } = {}): Promise<RpcRow[]> {
  const best = new Map<RpcServerKind, { readonly perSecond: number; readonly cpuMicros: number }>();
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of only) {
      const measured = await measure(kind, seconds);
      const before = best.get(kind);
      if (before === undefined || measured.cpuMicros < before.cpuMicros) best.set(kind, measured);
    }
  }
  const base = best.get('grpc-js-tls')?.cpuMicros ?? NaN;
  return [...best].map(([kind, { perSecond, cpuMicros }]) => ({
    kind,
    perSecond: Math.round(perSecond),
    cpuMicros: Math.round(cpuMicros * 10) / 10,
    percentOfGrpcJsTls: Math.round((base / cpuMicros) * 100),
  }));
}

async function measure(kind: RpcServerKind, seconds: number): Promise<{ perSecond: number; cpuMicros: number }> {
  const { product, gateway } = await (certificates ??= issueForAnHour());
  const child = fork(new URL('./rpc-server.ts', import.meta.url), {
    serialization: 'json',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  try {
    const port = await ask(child, { kind, tls: product });
    const plain = kind === 'grpc-js' || kind === 'only2u-bare' || kind === 'connect-node';
    const session = plain ? connect(`http://127.0.0.1:${port}`) : connect(`https://localhost:${port}`, gateway);
    await once(session, 'connect');
    await load(session, warmUpMs);
    const before = await ask(child, 'cpu');
    const began = performance.now();
    const calls = await load(session, seconds * 1_000);
    const elapsedMs = performance.now() - began;
    const spent = (await ask(child, 'cpu')) - before;
    session.close();
    return { perSecond: (calls * 1_000) / elapsedMs, cpuMicros: spent / calls };
  } finally {
    child.disconnect(); // it ends then
  }
}

async function ask(child: ChildProcess, message: object | string): Promise<number> {
  child.send(message);
  const [answer] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the server ended'))),
  ])) as [number];
  return answer;
}

const { getProduct } = ProductService.method;
const request = toBinary(
  GetProductRequestSchema,
  create(GetProductRequestSchema, { key: { case: 'productId', value: 'prd_06f3xk2m9q4t7w0z1b5c8d' } }),
);
const framed = Buffer.concat([Buffer.of(0, 0, 0, 0, request.length), request]);
const headers = {
  ':method': 'POST',
  ':path': `/${getProduct.parent.typeName}/${getProduct.name}`,
  te: 'trailers',
  'content-type': 'application/grpc',
  'user-agent': 'grpc-node-js/1.14.7',
  'grpc-accept-encoding': 'identity,deflate,gzip',
  'grpc-timeout': '2000m',
  'x-request-id': '0198f2aa-7c1e-7d00-8a55-2f4be1e7a001',
};

/** Keeps calls in flight for a time and counts them. Plain HTTP/2, so that the server is what limits. */
function load(session: ClientHttp2Session, forMs: number): Promise<number> {
  const endMs = performance.now() + forMs;
  let calls = 0;
  let open = 0;
  return new Promise((resolve, reject) => {
    const call = (): void => {
      open += 1;
      const stream = session.request(headers);
      let status: unknown;
      stream.on('response', (received) => (status = received['grpc-status']));
      stream.on('trailers', (received) => (status = received['grpc-status']));
      stream.on('error', reject);
      stream.on('close', () => {
        open -= 1;
        if (String(status) !== '0') reject(new Error(`a call ended with status ${String(status)}`));
        calls += 1;
        if (performance.now() < endMs) call();
        else if (open === 0) resolve(calls);
      });
      stream.resume();
      stream.end(framed);
    };
    for (let index = 0; index < inFlight; index += 1) call();
  });
}

let certificates: ReturnType<typeof issueForAnHour> | undefined;

/** Certificates of an authority that nobody else knows. */
async function issueForAnHour(): Promise<{ readonly product: TlsMaterial; readonly gateway: TlsMaterial }> {
  const life = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  return writingTogether(async () => {
    const issuer = await createRoot({ name: 'bench', ...life });
    const issue = async (name: string): Promise<TlsMaterial> => ({
      ca: issuer.cert,
      ...(await issueCertificate({
        issuer,
        name,
        spiffeId: spiffeIdOf(localMesh, name),
        hosts: ['localhost', '127.0.0.1'],
        ...life,
      })),
    });
    return { product: await issue('product'), gateway: await issue('gateway') };
  });
}

if (import.meta.main) {
  const only = process.argv.slice(2).flatMap((name) => kinds.filter((kind) => kind === name));
  console.table(await benchRpc(only.length > 0 ? { only } : {}));
}
