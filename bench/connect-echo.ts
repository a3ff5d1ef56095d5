import { createServer } from 'node:http';
import { type createConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { sampleProduct } from './sample.ts';

// A bare Connect server over HTTP/1.1, for comparison: it answers GetProduct with one product and does nothing else.
const routes = (router: ReturnType<typeof createConnectRouter>) => {
  router.service(ProductService, { getProduct: () => ({ product: sampleProduct }) });
};
const server = createServer(connectNodeAdapter({ routes }));
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('Only2U echo is ready'));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
