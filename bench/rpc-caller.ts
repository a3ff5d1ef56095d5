import { type ClientHttp2Session } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { GetProductRequestSchema, ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { createRoot, issueCertificate, writingTogether } from '#platform/identity/certificate.ts';
import { localMesh, spiffeIdOf } from '#platform/identity/spiffe.ts';
import type { TlsMaterial } from '#platform/rpc/tls.ts';

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

/** Keeps calls in flight for a time. Answers how long each took, in milliseconds. Plain HTTP/2, so that the server is what limits. */
export function load(session: ClientHttp2Session, forMs: number, inFlight: number): Promise<number[]> {
  const endMs = performance.now() + forMs;
  const took: number[] = [];
  let open = 0;
  return new Promise((resolve, reject) => {
    const call = (): void => {
      open += 1;
      const beganMs = performance.now();
      const stream = session.request(headers);
      let status: unknown;
      stream.on('response', (received) => (status = received['grpc-status']));
      stream.on('trailers', (received) => (status = received['grpc-status']));
      stream.on('error', reject);
      stream.on('close', () => {
        open -= 1;
        if (String(status) !== '0') reject(new Error(`a call ended with status ${String(status)}`));
        const nowMs = performance.now();
        took.push(nowMs - beganMs);
        if (nowMs < endMs) call();
        else if (open === 0) resolve(took);
      });
      stream.resume();
      stream.end(framed);
    };
    for (let index = 0; index < inFlight; index += 1) call();
  });
}

/** Certificates for an hour, of an authority that nobody else knows. */
export function issueForAnHour(): Promise<{ readonly product: TlsMaterial; readonly gateway: TlsMaterial }> {
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
