import type { DescMethod } from '@bufbuild/protobuf';
import { invalidField } from '#platform/fault.ts';
import type { PageTokens } from '#platform/page-token.ts';
import type { Page } from './store.ts';

const defaultSize = 50;
const largestSize = 100;

export type PageRequest = { readonly pageSize: number; readonly pageToken: string };

export type List<T, C> = {
  readonly tokens: PageTokens;
  readonly method: DescMethod;
  /** Whose list it is: another's page token doesn't fit. */
  readonly owner: string;
  /** The cursor after this item, as JSON. */
  readonly cursor: (item: T) => unknown;
  /** A cursor as it comes back; undefined when it is none. */
  readonly parse: (cursor: unknown) => C | undefined;
  readonly fetch: (page: Page<C>) => Promise<readonly T[]>;
};

/** One page of a list. One more item is fetched than is answered: it tells whether there is a next page. */
export async function listPage<T, C>(
  { pageSize, pageToken }: PageRequest,
  { tokens, method, owner, cursor, parse, fetch }: List<T, C>,
): Promise<{ readonly items: readonly T[]; readonly nextPageToken: string }> {
  const size = pageSize === 0 ? defaultSize : Math.min(pageSize, largestSize);
  const name = `${method.parent.typeName}/${method.name}`;
  const opened = tokens.open(name, owner, pageToken);
  const after = opened === undefined ? undefined : parse(opened);
  if (opened !== undefined && after === undefined) {
    throw invalidField('page_token', 'PAGE_TOKEN_INVALID', 'is of an earlier version; leave it out to begin again');
  }
  const found = await fetch({ after, limit: size + 1 });
  const items = found.slice(0, size);
  const last = items.at(-1);
  const more = found.length > size && last !== undefined;
  return { items, nextPageToken: more ? tokens.seal(name, owner, cursor(last)) : '' };
}

/** For lists in the order of their ids. */
export const byId = {
  cursor: (item: { readonly id: string }): unknown => item.id,
  parse: (cursor: unknown): string | undefined => (typeof cursor === 'string' ? cursor : undefined),
};
