import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  SearchSort as SortNumber,
  type ProductService,
  type SearchHighlightSchema,
  type SearchProductsRequest,
} from '#gen/only2u/product/v1/product_pb.ts';
import { invalidField } from '#platform/fault.ts';
import type { PageTokens } from '#platform/page-token.ts';
import { pageSizeOf } from '#platform/paging.ts';
import type { CategoryTree, CategoryTreeCache } from './category-tree.ts';
import { productMessage } from './messages.ts';
import { highlightProducts, type ProductHighlight } from './search-highlight.ts';
import type { Lexemes } from './search-lexemes.ts';
import type { ProductSearch, SearchCursor, SearchFacet, SearchQuery, SearchSort } from './search.ts';
import type { CatalogStore } from './store.ts';

export type SearchRpcOptions = {
  readonly store: CatalogStore;
  readonly search: ProductSearch;
  readonly lexemes: Lexemes;
  readonly categories: CategoryTreeCache;
  readonly pageTokens: PageTokens;
};

type SearchRpc = Pick<ServiceImpl<typeof ProductService>, 'searchProducts' | 'suggestProducts'>;

const valuesPerFacet = 20;

export function createSearchRpc({ store, search, lexemes, categories, pageTokens }: SearchRpcOptions): SearchRpc {
  return {
    async searchProducts(request) {
      const filter = filterOf(request);
      const cursor = toCursor(pageTokens.open('SearchProducts', filter, request.pageToken));
      const tree = await categories.current();
      const result = await search.search(toQuery(request, tree, cursor));
      const known = result.productIds.length === 0 ? [] : await store.findProducts(result.productIds);
      // An index beside the database may be a second behind it: what was hidden since is not shown.
      const found = known.filter(({ product }) => product.status === 'published');
      const shown = found.map(({ product }) => product);
      return {
        products: found.map(productMessage),
        nextPageToken: result.next === undefined ? '' : pageTokens.seal('SearchProducts', filter, result.next),
        totalSize: result.total,
        totalSizeCapped: result.capped,
        facets: result.facets.map((facet) =>
          facet.name === 'category'
            ? categoryFacet(facet, tree)
            : { name: facet.name, values: facet.values.map(labelled) },
        ),
        correctedQuery: result.correctedQuery,
        highlights: request.highlight
          ? (await highlightProducts(shown, result.words, lexemes)).map(highlightMessage)
          : [],
      };
    },

    async suggestProducts(request) {
      const limit = request.pageSize === 0 ? 8 : Math.min(request.pageSize, 20);
      return { suggestions: await search.suggest(request.prefix, limit) };
    },
  };
}

// All that decides what is found and in which order: a page token holds for the same search only.
function filterOf(request: SearchProductsRequest): unknown {
  const { query, categoryIds, tags, brands, options, minPrice, maxPrice, inStock, sort } = request;
  return [query, categoryIds, tags, brands, options, minPrice, maxPrice, inStock, sort];
}

const sorts: Readonly<Record<SortNumber, SearchSort>> = {
  [SortNumber.UNSPECIFIED]: 'relevance',
  [SortNumber.PRICE_ASC]: 'price-ascending',
  [SortNumber.PRICE_DESC]: 'price-descending',
  [SortNumber.NEWEST]: 'newest',
};

function toQuery(request: SearchProductsRequest, tree: CategoryTree, cursor: SearchCursor | undefined): SearchQuery {
  return {
    query: request.query,
    categoryIds: request.categoryIds.length === 0 ? undefined : tree.below(request.categoryIds),
    tags: request.tags,
    brands: request.brands,
    options: request.options,
    price: priceRange(request),
    inStock: request.inStock,
    sort: sorts[request.sort] ?? 'relevance',
    limit: pageSizeOf(request, 24),
    cursor,
  };
}

function priceRange({ minPrice, maxPrice }: SearchProductsRequest): SearchQuery['price'] {
  const currency = (minPrice ?? maxPrice)?.currency;
  if (currency === undefined) return undefined;
  if (maxPrice !== undefined && maxPrice.currency !== currency) {
    throw invalidField('max_price.currency', 'CURRENCY_MIXED', `is ${currency}, as in min_price`);
  }
  return { currency, min: minPrice?.minorUnits ?? 0n, max: maxPrice?.minorUnits ?? BigInt(Number.MAX_SAFE_INTEGER) };
}

// Tokens are authenticated: another shape is one of our own, of an older version.
function toCursor(cursor: unknown): SearchCursor | undefined {
  if (cursor === undefined) return undefined;
  if (Array.isArray(cursor) && cursor.every((part) => typeof part === 'number')) return cursor;
  throw invalidField(
    'page_token',
    'PAGE_TOKEN_INVALID',
    'is of another version; leave it out to begin at the first page',
  );
}

function highlightMessage({
  productId,
  title,
  snippet,
}: ProductHighlight): MessageInitShape<typeof SearchHighlightSchema> {
  return { productId, title: [...title], snippet: [...snippet] };
}

function labelled({ value, count }: { readonly value: string; readonly count: number }): FacetValueInit {
  return { value, label: value, count };
}

type FacetValueInit = { readonly value: string; readonly label: string; readonly count: number };

/** Filtering by a category finds what stands below it too, so its count holds them. */
function categoryFacet(facet: SearchFacet, tree: CategoryTree): { name: string; values: FacetValueInit[] } {
  const counts = new Map<string, { readonly value: string; readonly label: string; count: number }>();
  for (const { value, count } of facet.values) {
    for (const { id, title } of tree.line(value)) {
      const known = counts.get(id);
      if (known === undefined) counts.set(id, { value: id, label: title, count });
      else known.count += count;
    }
  }
  const values = [...counts.values()].sort((a, b) => b.count - a.count || (a.label < b.label ? -1 : 1));
  return { name: facet.name, values: values.slice(0, valuesPerFacet) };
}
