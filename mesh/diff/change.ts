import type { Source } from '../source.ts';

/**
 * What a change of the contracts does. "loosens": something that was refused is allowed now, or a bound is wider; "tightens":
 * the other way; "neither": both sides allow the same.
 */
export type Change = {
  /** Such as "caller-added". */
  readonly name: string;
  readonly effect: 'loosens' | 'tightens' | 'neither';
  /** A method's path, an event's topic, or a workload. */
  readonly subject: string;
  /** What tells it from another change of its name: the caller, or the new value. May be empty. */
  readonly detail: string;
  /** In words. */
  readonly text: string;
  /** Where the contract says it now; of what is gone, where it said it. */
  readonly source: Source;
};

/** A change of a part of one thing, before it is known of which. */
export type Part = Pick<Change, 'name' | 'effect' | 'detail' | 'text' | 'source'>;

/** "caller-added only2u.cart.v1.CartService/GetCart order": the change and nothing else, to acknowledge it by. */
export function changeId({ name, subject, detail }: Change): string {
  return [name, subject, detail].filter((each) => each !== '').join(' ');
}
