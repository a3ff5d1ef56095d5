import type { ServiceImpl } from '@connectrpc/connect';
import { z } from 'zod';
import { CategoryService } from '#gen/only2u/product/v1/category_pb.ts';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { secret } from '#platform/config.ts';
import { openDatabase } from '#platform/database.postgres.ts';
import { Fault } from '#platform/fault.ts';
import { pageTokens } from '#platform/page-token.ts';
import { handle, type Service } from '#platform/service.ts';
import { createCategoryRpc } from './category-rpc.ts';
import { createCategoryTreeCache } from './category-tree.ts';
import { handleInventory } from './inventory-rpc.ts';
import { createPostgresInventory } from './inventory-store.postgres.ts';
import { createProductRpc } from './product-rpc.ts';
import { createSearchRpc } from './search-rpc.ts';
import { createPostgresSearch } from './search.postgres.ts';
import { createPostgresStore, migrations } from './store.postgres.ts';

const config = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  PAGE_TOKEN_KEY: secret(),
});

// TODO(STOCK): importProducts and exportProducts are to be mounted here.
const notYet: Pick<ServiceImpl<typeof ProductService>, 'importProducts' | 'exportProducts'> = {
  async importProducts() {
    throw new Fault('unimplemented', 'NOT_YET', 'Imports come with the next commit.');
  },
  // eslint-disable-next-line require-yield -- a stream that refuses
  async *exportProducts() {
    throw new Fault('unimplemented', 'NOT_YET', 'Exports come with the next commit.');
  },
};

/** What the shop sells: products, categories, search and stock. */
export const productService: Service<z.infer<typeof config>> = {
  name: 'product',
  contract: [ProductService, CategoryService, InventoryService],
  config,
  async open(env) {
    const database = await openDatabase({
      url: env.config.DATABASE_URL,
      schema: 'product',
      migrations,
      log: env.log,
      events: env.events,
    });
    const store = createPostgresStore(database);
    const search = createPostgresSearch(database);
    const categories = createCategoryTreeCache(store, env.now);
    const tokens = pageTokens(env.config.PAGE_TOKEN_KEY, env.now);
    return {
      handlers: [
        handle(ProductService, {
          ...createProductRpc({ store, pageTokens: tokens, env }),
          ...createSearchRpc({ store, search, categories, pageTokens: tokens }),
          ...notYet,
        }),
        handle(CategoryService, createCategoryRpc({ store, categories, pageTokens: tokens, env })),
        handleInventory({ store: createPostgresInventory(database), now: env.now, newId: env.newId }),
      ],
      async ready() {
        await database.query('select 1');
      },
      close: () => database.close(),
    };
  },
};
