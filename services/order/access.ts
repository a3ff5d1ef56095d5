import type { User } from '#platform/rpc/call.ts';
import type { View } from './encode.ts';
import type { Actor } from './order-fulfillment.ts';
import { orderNotFound, type Order } from './order.ts';

/**
 * As whom a user meets an order: as its customer, as an admin, or as a vendor of one of its parts from when it is confirmed on.
 * For everybody else it isn't there.
 */
export function actorFor(
  user: User,
  order: Order | undefined,
  id: string,
): { readonly actor: Actor; readonly order: Order } {
  if (order === undefined) throw orderNotFound(id);
  if (order.userId === user.id) return { order, actor: { id: user.id, role: 'customer' } };
  if (user.roles.includes('admin')) return { order, actor: { id: user.id, role: 'admin' } };
  const sells = order.parts.some((part) => part.vendorId === user.id);
  if (sells && order.confirmTime !== undefined && user.roles.includes('vendor'))
    return { order, actor: { id: user.id, role: 'vendor' } };
  throw orderNotFound(id);
}

/** How much of it that actor is shown. */
export function viewOf(actor: Actor): View {
  return actor.role === 'vendor' ? { vendorId: actor.id } : 'all';
}

/** Refuses who neither sells the part nor is an admin: a customer does not see to the fulfilment of an order. */
export function assertSells(user: User, order: Order | undefined, id: string, partId: string | undefined): Order {
  if (order === undefined) throw orderNotFound(id);
  if (user.roles.includes('admin')) return order;
  const part = order.parts.find((one) => one.id === partId && one.vendorId === user.id);
  if (part === undefined || order.confirmTime === undefined) throw orderNotFound(id);
  return order;
}
