import type { Outcome } from './model-order.ts';

/** What is in a cart: pieces by variant, and codes. */
export type ModelCart = { readonly pieces: Readonly<Record<string, number>>; readonly codes: readonly string[] };

export type CartCommand =
  | { readonly kind: 'add' | 'set'; readonly variantId: string; readonly quantity: number }
  | { readonly kind: 'remove'; readonly variantId: string }
  | { readonly kind: 'apply' | 'drop'; readonly code: string }
  | { readonly kind: 'merge'; readonly variantId: string; readonly quantity: number }
  | { readonly kind: 'clear' }
  /** An order was confirmed: what it bought goes, but for what was perhaps taken out and put in again since it was placed. */
  | {
      readonly kind: 'bought';
      readonly pieces: Readonly<Record<string, number>>;
      readonly codes: readonly string[];
      readonly mayStay: readonly string[];
    };

export type Maybe = 'yes' | 'no' | 'maybe';

/** What a cart asks of the shop; `maybe` where other things happen at the same time. */
export type Shelf = {
  /** Whether there are so many. */
  has(variantId: string, quantity: number): Maybe;
  /** Whether the cart's codes all hold. */
  accepts(cart: ModelCart): Maybe;
  readonly couponReasons: readonly string[];
};

export const emptyCart: ModelCart = { pieces: {}, codes: [] };

/** What the command may answer, and the cart after it. */
export function stepCart(cart: ModelCart, command: CartCommand, shelf: Shelf): Outcome<ModelCart>[] {
  const { pieces, codes } = cart;
  switch (command.kind) {
    case 'add': {
      const quantity = (pieces[command.variantId] ?? 0) + command.quantity;
      return ifThere(cart, command.variantId, quantity, shelf);
    }
    case 'set': {
      const { variantId, quantity } = command;
      const before = pieces[variantId] ?? 0;
      if (before === 0 && quantity > 0) return [{ state: cart, answer: 'CART_ITEM_NOT_FOUND' }];
      if (quantity > before) return ifThere(cart, variantId, quantity, shelf);
      return [{ state: withPieces(cart, variantId, quantity), answer: 'ok' }];
    }
    case 'remove':
      return [{ state: withPieces(cart, command.variantId, 0), answer: 'ok' }];
    case 'merge': {
      const { variantId, quantity } = command;
      return [{ state: withPieces(cart, variantId, Math.max(pieces[variantId] ?? 0, quantity)), answer: 'ok' }];
    }
    case 'clear':
      return [{ state: emptyCart, answer: 'ok' }];
    case 'drop':
      return [{ state: { pieces, codes: codes.filter((code) => code !== command.code) }, answer: 'ok' }];
    case 'apply': {
      const after = { pieces, codes: [...new Set([...codes, command.code])].sort() };
      const accepts = shelf.accepts(after);
      const taken = { state: after, answer: 'ok' };
      const refusals = shelf.couponReasons.map((answer) => ({ state: cart, answer }));
      return accepts === 'yes' ? [taken] : accepts === 'no' ? refusals : [taken, ...refusals];
    }
    case 'bought': {
      const left = codes.filter((code) => !command.codes.includes(code));
      let ends: ModelCart[] = [{ pieces, codes: left }];
      for (const [variantId, quantity] of Object.entries(command.pieces))
        ends = ends.flatMap((end) => {
          const less = withPieces(end, variantId, Math.max(0, (pieces[variantId] ?? 0) - quantity));
          return command.mayStay.includes(variantId) ? [less, end] : [less];
        });
      return ends.map((state) => ({ state, answer: 'ok' }));
    }
  }
}

function ifThere(cart: ModelCart, variantId: string, quantity: number, shelf: Shelf): Outcome<ModelCart>[] {
  const has = shelf.has(variantId, quantity);
  const taken = { state: withPieces(cart, variantId, quantity), answer: 'ok' };
  const refused = { state: cart, answer: 'OUT_OF_STOCK' };
  return has === 'yes' ? [taken] : has === 'no' ? [refused] : [taken, refused];
}

function withPieces({ pieces, codes }: ModelCart, variantId: string, quantity: number): ModelCart {
  const after = Object.entries({ ...pieces, [variantId]: quantity }).filter(([, count]) => count > 0);
  return { pieces: Object.fromEntries(after.sort(([a], [b]) => (a < b ? -1 : 1))), codes };
}
