import { z } from 'zod';
import { CategoryService } from '#gen/only2u/product/v1/category_pb.ts';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { SearchIndexService } from '#gen/only2u/product/v1/search_index_pb.ts';
import { secret } from '#platform/config.ts';
import { databaseOf, openDatabase } from '#platform/database.postgres.ts';
import { databaseVariables, elasticVariables, redisVariables } from '#platform/engine-config.ts';
import { consume } from '#platform/outbox.postgres.ts';
import { pageTokens } from '#platform/page-token.ts';
import { defineService, handle } from '#platform/service.ts';
import { bestSellerEvents } from './best-seller-events.postgres.ts';
import { openSharedWork } from './best-seller-open.ts';
import { createBestSellerRpc } from './best-seller-rpc.ts';
import { createCategoryRpc } from './category-rpc.ts';
import { createCategoryTreeCache } from './category-tree.ts';
import { createPostgresExport } from './export-store.postgres.ts';
import { createImportRpc, houseAccountId } from './import-rpc.ts';
import { openFileSpool } from './import-spool.file.ts';
import { createPostgresImport } from './import-store.postgres.ts';
import { handleInventory } from './inventory-rpc.ts';
import { createPostgresInventory } from './inventory-store.postgres.ts';
import { startSweeper } from './inventory-sweeper.ts';
import { createProductRpc } from './product-rpc.ts';
import { createPostgresSamples } from './sample-store.postgres.ts';
import { loadSampleCatalog } from './sample.ts';
import { createSearchIndexRpc } from './search-index-rpc.ts';
import { openSearch } from './search-open.ts';
import { createSearchRpc } from './search-rpc.ts';
import { createPostgresStore, migrations } from './store.postgres.ts';
import { createVariantRpc } from './variant-rpc.ts';
import { createPostgresVariants } from './variant-store.postgres.ts';

const config = z.object({
  ...databaseVariables,
  ...redisVariables,
  ...elasticVariables,
  PAGE_TOKEN_KEY: secret(),
  /** Whether an empty shop begins with a catalog of samples: "on" with the embedded database unless told. */
  SAMPLE_CATALOG: z.enum(['on', 'off']).default('off'),
});

/** What the shop sells: products, categories, search and stock. */
export const productService = defineService({
  name: 'product',
  contract: [ProductService, CategoryService, InventoryService, SearchIndexService],
  config,
  async open(env) {
    const database = await openDatabase({
      ...databaseOf(env.config),
      schema: 'product',
      migrations,
      log: env.log,
      events: env.events,
      plansOnce: true,
    });
    const store = createPostgresStore(database);
    const categories = createCategoryTreeCache(store, env.now);
    const tokens = pageTokens(env.config.PAGE_TOKEN_KEY, env.now);
    const inventory = createPostgresInventory(database);
    const imports = createPostgresImport(database);
    if (env.config.SAMPLE_CATALOG === 'on') {
      const samples = createPostgresSamples(database);
      const sample = { store: imports, samples, vendorId: houseAccountId, now: env.now(), newId: env.newId };
      const products = await loadSampleCatalog(sample).catch(async (error: unknown) => {
        await database.close();
        throw error;
      });
      if (products !== undefined) env.log.info({ products }, 'the sample catalog is loaded');
    }
    const shared = await openSharedWork(database, env).catch(async (error: unknown) => {
      await database.close();
      throw error;
    });
    const found = await openSearch({ database, replica: database.replica, env }).catch(async (error: unknown) => {
      await shared.close();
      await database.close();
      throw error;
    });
    const { ranking, locks, locksApart } = shared;
    const handlers = bestSellerEvents(ranking, categories);
    const listening = consume({ bus: env.events, database, group: 'product', handlers, trace: env.trace });
    const subscription = await listening.catch(async (error: unknown) => {
      await found.close();
      await shared.close();
      await database.close();
      throw error;
    });
    const turn = locksApart ? { locks, name: 'product give back reservations' } : undefined;
    const sweeper = startSweeper({ store: inventory, now: env.now, log: env.log, turn });
    return {
      handlers: [
        handle(ProductService, {
          ...createProductRpc({ store, pageTokens: tokens, env }),
          ...createVariantRpc({ variants: createPostgresVariants(database), categories }),
          ...createSearchRpc({ store, search: found.search, lexemes: found.lexemes, categories, pageTokens: tokens }),
          ...createBestSellerRpc({ ranking, store, pageTokens: tokens }),
          ...createImportRpc({
            imports,
            exports: createPostgresExport(database),
            openSpool: () => openFileSpool(),
            now: env.now,
            newId: env.newId,
          }),
        }),
        handle(CategoryService, createCategoryRpc({ store, categories, pageTokens: tokens, env })),
        handle(SearchIndexService, createSearchIndexRpc(found, env)),
        handleInventory({ store: inventory, now: env.now, newId: env.newId }),
      ],
      database,
      engines: [...shared.engines, ...found.engines],
      async close() {
        await subscription.close();
        await sweeper.close();
        await found.close();
        await shared.close();
        await database.close();
      },
    };
  },
});
