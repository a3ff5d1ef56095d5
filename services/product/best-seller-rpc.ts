import type { ServiceImpl } from '@connectrpc/connect';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import type { PageTokens } from '#platform/page-token.ts';
import { listPage } from '#platform/paging.ts';
import type { Ranking } from '#platform/ranking.ts';
import { boardOf, soldAtLeast } from './best-seller.ts';
import { productMessage } from './messages.ts';
import type { CatalogStore, FoundProduct } from './store.ts';

export type BestSellerRpcOptions = {
  readonly ranking: Pick<Ranking, 'top'>;
  readonly store: Pick<CatalogStore, 'findProducts'>;
  readonly pageTokens: PageTokens;
};

type BestSeller = {
  readonly found: FoundProduct;
  readonly pieces: number;
  /** Where the board goes on after it. */
  readonly next: number;
};

export function createBestSellerRpc({
  ranking,
  store,
  pageTokens,
}: BestSellerRpcOptions): Pick<ServiceImpl<typeof ProductService>, 'listBestSellers'> {
  /** Those on sale among the board's members from the offset on. */
  async function fetch(board: string, from: number, limit: number): Promise<BestSeller[]> {
    const sellers: BestSeller[] = [];
    for (let offset = from; sellers.length < limit;) {
      const ranked = await ranking.top(board, { offset, limit });
      const found = ranked.length === 0 ? [] : await store.findProducts(ranked.map(({ member }) => member));
      const byId = new Map(found.map((one) => [one.product.id, one]));
      for (const { member, score } of ranked) {
        offset++;
        const one = byId.get(member);
        if (one?.product.status === 'published') sellers.push({ found: one, pieces: score, next: offset });
      }
      if (ranked.length < limit) break;
    }
    return sellers.slice(0, limit);
  }

  return {
    async listBestSellers(request) {
      const { categoryId } = request;
      const { items, nextPageToken } = await listPage(request, {
        tokens: pageTokens,
        method: ProductService.method.listBestSellers,
        filter: categoryId,
        cursor: ({ next }: BestSeller) => next,
        parse: (cursor) => (typeof cursor === 'number' ? cursor : undefined),
        fetch: ({ after = 0, limit }) => fetch(boardOf(categoryId), after, limit),
      });
      return {
        bestSellers: items.map(({ found, pieces }) => ({
          product: productMessage(found),
          soldAtLeast: soldAtLeast(pieces),
        })),
        nextPageToken,
      };
    },
  };
}
