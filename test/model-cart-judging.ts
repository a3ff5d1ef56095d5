import { stepCart, type CartCommand, type Shelf } from './model-cart.ts';
import { wasConfirmed, type ModelOrder } from './model-order.ts';
import { nameOf, outcomesOf, type Done } from './model-outcomes.ts';
import type { Seen } from './model-seeing.ts';
import type { Happened, World } from './model-world.ts';

export type OnCarts = { readonly shelf: Shelf; readonly orders: ReadonlyMap<string, ModelOrder> };

/** What is seen of carts that neither what was done to them nor what was bought from them explains. */
export function cartProblems(
  world: World,
  happened: readonly Happened[],
  seen: Seen,
  { shelf, orders }: OnCarts,
): string[] {
  return world.users.flatMap(({ id }, user) => {
    const wasBefore = (orderId: string): boolean => {
      const before = world.orders.get(orderId);
      return before !== undefined && wasConfirmed(before);
    };
    const open = [...orders.values()].filter((order) => order.userId === id && !wasBefore(order.id));
    const fresh = open.filter(wasConfirmed);
    const inside = inCart(happened, user);
    for (const order of open) {
      const others = fresh.filter((other) => other !== order).flatMap(piecesOf);
      const out = [...inside.flatMap(({ command }) => takenOut(world, command)), ...others.map(([id]) => id)];
      world.putInAgain.set(order.id, new Set([...(world.putInAgain.get(order.id) ?? []), ...out]));
    }
    const bought = fresh.map((order): Done<CartCommand> => {
      const mayStay = [...(world.putInAgain.get(order.id) ?? [])];
      const codes = order.coupons.map(({ code }) => code);
      return { command: { kind: 'bought', pieces: Object.fromEntries(piecesOf(order)), codes, mayStay }, answer: '?' };
    });
    const done = [...inside, ...bought];
    const before = world.carts[user] ?? { pieces: {}, codes: [] };
    const ends = outcomesOf(before, done, (cart, command) => stepCart(cart, command, shelf));
    const cart = seen.carts[user];
    const found = ends.some((end) => nameOf(end) === nameOf(cart));
    return found ? [] : [unexplained(`cart ${nameOf(before)}`, done, ends, cart)];
  });
}

/** What was done to a customer's cart. */
export function inCart(happened: readonly Happened[], user: number): Done<CartCommand>[] {
  return happened.flatMap((one) => (one.on === 'cart' && one.user === user ? [one.done] : []));
}

export function unexplained(
  what: string,
  done: readonly Done<unknown>[],
  ends: readonly unknown[],
  seen: unknown,
): string {
  const list = done.map(({ command, answer }) => `\n    ${nameOf(command)}: ${answer}`).join('');
  return `no order of these explains what is seen of ${what}:${list}\n  seen ${nameOf(seen)}\n  possible ${ends.map(nameOf).join('\n    or ') || 'nothing'}`;
}

function piecesOf({ parts }: ModelOrder): [string, number][] {
  return parts.flatMap((part) => part.lines).map(({ variantId, quantity }) => [variantId, quantity]);
}

/** The variants of which nothing may be left after it. */
function takenOut(world: World, command: CartCommand): string[] {
  if (command.kind === 'clear') return world.variants.map(({ id }) => id);
  const goes = command.kind === 'remove' || (command.kind === 'set' && command.quantity === 0);
  return goes ? [command.variantId] : [];
}
