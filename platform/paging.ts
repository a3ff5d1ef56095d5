import type { DescMethod } from '@bufbuild/protobuf';
import { invalidField } from './fault.ts';
import type { PageTokens } from './page-token.ts';

const usualSize = 50;
const largestSize = 100;

/** How many to a page: as many as are asked for, a hundred at most; `usual` for 0. */
export function pageSizeOf({ pageSize }: { readonly pageSize: number }, usual: number = usualSize): number {
  return pageSize === 0 ? usual : Math.min(pageSize, largestSize);
}

export type PageRequest = { readonly pageSize: number; readonly pageToken: string };

export type PagedList<T, C> = {
  readonly tokens: PageTokens;
  readonly method: DescMethod;
  /** Whose list it is and whatever else decides what is listed, as JSON: the token of another list doesn't fit. */
  readonly filter: unknown;
  /** How many to a page unless told: 50. */
  readonly usual?: number;
  /** The cursor after this item, as JSON. */
  readonly cursor: (item: T) => unknown;
  /** A cursor as it comes back; undefined when it is none. */
  readonly parse: (cursor: unknown) => C | undefined;
  /** So many that come after the cursor, or the first. */
  readonly fetch: (page: { readonly after: C | undefined; readonly limit: number }) => Promise<readonly T[]>;
};

/** One page of a list. One more item is fetched than is answered: it tells whether there is a next page. */
export async function listPage<T, C>(
  request: PageRequest,
  { tokens, method, filter, usual, cursor, parse, fetch }: PagedList<T, C>,
): Promise<{ readonly items: readonly T[]; readonly nextPageToken: string }> {
  const size = pageSizeOf(request, usual);
  const name = `${method.parent.typeName}/${method.name}`;
  const opened = tokens.open(name, filter, request.pageToken);
  const after = opened === undefined ? undefined : parse(opened);
  if (opened !== undefined && after === undefined) {
    throw invalidField('page_token', 'PAGE_TOKEN_INVALID', 'is of an earlier version; leave it out to begin again');
  }
  const found = await fetch({ after, limit: size + 1 });
  const items = found.slice(0, size);
  const last = items.at(-1);
  const more = found.length > size && last !== undefined;
  return { items, nextPageToken: more ? tokens.seal(name, filter, cursor(last)) : '' };
}

/** For cursors that are a text. */
export function textCursor(cursor: unknown): string | undefined {
  return typeof cursor === 'string' ? cursor : undefined;
}

/** For lists in the order of their ids. */
export const byId = { cursor: (item: { readonly id: string }): unknown => item.id, parse: textCursor };
