import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { openTestGateway, type TestGateway } from './testing.ts';

const pieceBytes = 100_000;
const pieceCount = 300; // 30 MB, more than the sockets between hold

let gateway: TestGateway;
let release: PromiseWithResolvers<void>;
beforeAll(async () => {
  gateway = await openTestGateway({
    product: {
      async importProducts(requests) {
        let bytes = 0;
        for await (const { piece } of requests) {
          await release.promise;
          if (piece.case === 'chunk') bytes += piece.value.length;
        }
        return { rowCount: bytes };
      },
    },
  });
});
afterAll(() => gateway.close());

const transports: Record<string, () => Transport> = {
  'Connect over HTTP/1.1': () =>
    createConnectTransport({ baseUrl: gateway.url, httpVersion: '1.1', useBinaryFormat: true }),
  'Connect over HTTP/2': () =>
    createConnectTransport({ baseUrl: gateway.url, httpVersion: '2', useBinaryFormat: true }),
};

test.each(Object.entries(transports))(
  'by %s an upload goes no faster than the service takes it',
  async (_name, transport) => {
    release = Promise.withResolvers();
    let sent = 0;
    async function* pieces() {
      for (; sent < pieceCount; sent++) yield { piece: { case: 'chunk' as const, value: new Uint8Array(pieceBytes) } };
    }
    const headers = { authorization: gateway.signIn({ roles: ['vendor'] }) };
    const uploading = createClient(ProductService, transport()).importProducts(pieces(), { headers });
    for (let before = -1; before !== sent || sent === 0; await pause(100)) before = sent; // until it stands still
    expect(sent).toBeLessThan(pieceCount / 1.5);
    release.resolve();
    expect((await uploading).rowCount).toBe(pieceBytes * pieceCount);
  },
  30_000,
);
