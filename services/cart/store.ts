import type { Message } from '@bufbuild/protobuf';
import type { OnceOptions } from '#platform/request-id.postgres.ts';
import type { Cart, Content } from './cart.ts';

/** What a call asks, so that it can be told from its repetition. */
export type CartRequest = Pick<OnceOptions<never>, 'actor' | 'method' | 'requestId' | 'now'> & {
  readonly request: Message;
};

/**
 * What is kept of a call's answer. Not the whole of it: a repeated call is shown the cart as it stands now, at the prices of now,
 * and a hundred items a change would be more to keep than the carts themselves.
 */
export type Outcome = { readonly cartId: string; readonly leftOut: readonly Content[] };

export type SaveCart = {
  readonly cart: Cart;
  /** The version that it was made from; undefined for a cart that was not there. */
  readonly from: number | undefined;
  /** A cart that ends with it, if it is still what was merged. */
  readonly ends?: Pick<Cart, 'id' | 'version'> | undefined;
  readonly request: CartRequest;
  readonly outcome: Outcome;
};

/**
 * 'lost' when the cart is no longer what it was made from, or the user has one by now: look again. 'answered' when the request
 * was answered before: ask `outcomeOf`.
 */
export type SaveResult = 'saved' | 'lost' | 'answered';

/**
 * Keeps carts, each as a whole. What is over at `now` is as good as absent, whether or not it has been swept. Coarse on purpose:
 * find and compare-and-set are all that an adapter needs.
 */
export type CartStore = {
  find(id: string, now: Date): Promise<Cart | undefined>;
  findOf(userId: string, now: Date): Promise<Cart | undefined>;
  /** Does all of it or nothing. */
  save(change: SaveCart): Promise<SaveResult>;
  /** What came of the request before. Throws already-exists when its id came with another request. */
  outcomeOf(request: CartRequest): Promise<Outcome | undefined>;
  /** Deletes so many at most of those that are over. Answers how many. */
  sweep(batch: { readonly now: Date; readonly limit: number }): Promise<number>;
};
