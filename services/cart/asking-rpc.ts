import type { DescMessage, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import { invalidField } from '#platform/fault.ts';
import { repeatable } from '#platform/repeatable.ts';
import { currentCall } from '#platform/rpc/call.ts';
import type { Whose } from './carts.ts';
import type { CartRequest } from './store.ts';

/** The cart that a call is about: the named one, or the signed-in user's own. */
export function whose(cartId: string): Whose {
  const userId = currentCall()?.user?.id ?? '';
  if (cartId !== '' || userId !== '') return { cartId, userId };
  throw invalidField('cart_id', 'CART_ID_REQUIRED', 'name the guest’s cart, or sign in');
}

/**
 * What a mutation asks, for telling its repetition. It is remembered with the cart, whoever has it, so that a guest who signs in
 * between two tries is not taken for two; a user's own cart that is not named, with the user.
 */
export function asking<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageShape<I> & { readonly requestId: string },
  { cartId, userId }: Whose,
  now: Date,
): CartRequest {
  return repeatable(method, request, { actor: cartId === '' ? userId : cartId, now });
}

/**
 * The same for a guest's first addition, which makes a cart. Its answer holds the cart's id, and that is all it takes to have the
 * cart: so a repetition gets it only with a request_id that can't be guessed, and from the same address. Any other
 * makes a cart of its own, of which the caller sees no difference; the one whose answer was lost is gone in a week.
 */
export function askingAsGuest<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageShape<I> & { readonly requestId: string },
  now: Date,
): CartRequest {
  const actor = `guest ${currentCall()?.address ?? ''}`;
  const requestId = isUnguessable(request.requestId) ? request.requestId : '';
  return { ...repeatable(method, request, { actor, now }), requestId };
}

/** 128 bits in base64url are 22 characters; a UUID has 36. Eight different ones leave out what people make up by holding a key. */
export function isUnguessable(requestId: string): boolean {
  return /^[A-Za-z0-9_-]{22,64}$/.test(requestId) && new Set(requestId).size >= 8;
}
