import type { ServiceImpl } from '@connectrpc/connect';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { Fault, invalidField } from '#platform/fault.ts';
import { currentCall, requireUser } from '#platform/rpc/call.ts';
import { asking, askingAsGuest, whose } from './asking-rpc.ts';
import {
  addCode,
  assertEtag,
  cartNotFound,
  clearCart,
  codesOf,
  etagOf,
  findItem,
  removeCode,
  removeItem,
  type Cart,
} from './cart.ts';
import type { Carts } from './carts.ts';
import { addOffer, assertChargeable, setOffer } from './choice.ts';
import { emptyCart, encodeCart } from './encode.ts';
import { mergeCarts } from './merge.ts';
import type { CartView } from './view.ts';

export type CartRpcOptions = { readonly carts: Carts; now(): Date };

export function createCartRpc({ carts, now }: CartRpcOptions): ServiceImpl<typeof CartService> {
  const { method } = CartService;

  return {
    async getCart({ cartId }) {
      const who = whose(cartId);
      const cart = await carts.find(who);
      return { cart: cart === undefined ? emptyCart(who.userId) : encodeCart(await carts.show(cart, who.userId)) };
    },

    async addCartItem(request) {
      const { cartId, variantId, quantity } = request;
      const userId = currentCall()?.user?.id ?? '';
      const who = { cartId, userId };
      const isNew = cartId === '' && userId === '';
      const { view } = await carts.change({
        ...who,
        request: isNew
          ? askingAsGuest(method.addCartItem, request, now())
          : asking(method.addCartItem, request, who, now()),
        async apply(before, findOffers) {
          const offers = await findOffers([...variantsOf(before), variantId]);
          const cart = addOffer(before, { variantId, quantity }, offers.get(variantId));
          return { cart, accept: (view) => assertChargeable(view, variantId) };
        },
      });
      return { cart: encodeCart(view) };
    },

    async updateCartItem(request) {
      const { cartId, variantId, quantity, etag, updateMask } = request;
      const unknown = updateMask?.paths.find((path) => path !== 'quantity');
      if (unknown !== undefined) {
        throw invalidField('update_mask', 'PATH_UNKNOWN', `"${unknown}" can't be changed; use quantity`);
      }
      const who = whose(cartId);
      const { view } = await carts.change({
        ...who,
        request: asking(method.updateCartItem, request, who, now()),
        async apply(before, findOffers) {
          assertEtag(before, etag);
          const offers = await findOffers(variantsOf(before));
          const cart = setOffer(before, { variantId, quantity }, offers.get(variantId));
          const more = quantity > (findItem(before, variantId)?.quantity ?? 0);
          return more ? { cart, accept: (view) => assertChargeable(view, variantId) } : { cart };
        },
      });
      return { cart: encodeCart(view) };
    },

    async removeCartItem(request) {
      const who = whose(request.cartId);
      const { view } = await carts.change({
        ...who,
        request: asking(method.removeCartItem, request, who, now()),
        apply: (before) => ({ cart: removeItem(before, request.variantId) }),
      });
      return { cart: encodeCart(view) };
    },

    async applyCoupon(request) {
      const who = whose(request.cartId);
      const { view } = await carts.change({
        ...who,
        request: asking(method.applyCoupon, request, who, now()),
        apply: (before) => ({
          cart: addCode(before, request.code),
          accept: (after) => assertHolds(after, request.code),
        }),
      });
      return { cart: encodeCart(view) };
    },

    async removeCoupon(request) {
      const who = whose(request.cartId);
      const { view } = await carts.change({
        ...who,
        request: asking(method.removeCoupon, request, who, now()),
        apply: (before) => ({ cart: removeCode(before, request.code) }),
      });
      return { cart: encodeCart(view) };
    },

    async mergeCart(request) {
      const { guestCartId } = request;
      const who = { cartId: '', userId: requireUser().id };
      const { view, leftOut } = await carts.change({
        ...who,
        request: asking(method.mergeCart, request, who, now()),
        async apply(own) {
          const guest = await carts.find({ cartId: guestCartId, userId: '' });
          if (guest === undefined) throw cartNotFound(guestCartId);
          return { ...mergeCarts(own, guest), ends: guest };
        },
      });
      return { cart: encodeCart(view), leftOut: [...leftOut] };
    },

    async clearCart(request) {
      const who = whose(request.cartId);
      const { view } = await carts.change({
        ...who,
        request: asking(method.clearCart, request, who, now()),
        apply: (before) => ({ cart: clearCart(before) }),
      });
      return { cart: encodeCart(view) };
    },

    async getCartContents({ cartId }) {
      const cart = await carts.find(whose(cartId));
      if (cart === undefined) return {};
      const contents = cart.items.map(({ variantId, quantity }) => ({ variantId, quantity }));
      return { cartId: cart.id, contents, couponCodes: codesOf(cart), etag: etagOf(cart) };
    },
  };
}

function variantsOf(cart: Cart): string[] {
  return cart.items.map(({ variantId }) => variantId);
}

/** Refuses a code that gives nothing now, for the coupon's own reason. */
function assertHolds({ quote }: CartView, typed: string): void {
  const problem = quote.problems.find(({ code }) => code.toUpperCase() === typed.toUpperCase());
  if (problem === undefined) return;
  const { reason, message } = problem;
  if (reason === 'COUPON_SERVICE_AWAY') throw new Fault('unavailable', reason, message, { retryAfterMs: 1_000 });
  throw new Fault('failed-precondition', reason, message, { metadata: { code: typed.toUpperCase() } });
}
