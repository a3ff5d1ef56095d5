import type { ServiceImpl } from '@connectrpc/connect';
import type { OrderService } from '#gen/only2u/order/v1/order_pb.ts';
import { requireUser } from '#platform/rpc/call.ts';
import type { Env } from '#platform/service.ts';
import type { Pricing } from './pricing.grpc.ts';
import { encodeQuote } from './quote-message.ts';
import type { QuoteTokens } from './quote-token.ts';

export type QuoteRpcOptions = Pick<Env, 'now' | 'newId'> & {
  readonly pricing: Pricing;
  readonly tokens: QuoteTokens;
  /** Whether this user has no order that counts yet. */
  isFirstOrder(userId: string): Promise<boolean>;
};

/** The method of OrderService that says what a cart would cost. */
export function createQuoteRpc(options: QuoteRpcOptions): Pick<ServiceImpl<typeof OrderService>, 'quoteOrder'> {
  const { pricing, tokens, isFirstOrder, now, newId } = options;
  return {
    async quoteOrder({ cartId, addressId, shippingOption }) {
      const { id: userId } = requireUser();
      const firstOrder = await isFirstOrder(userId);
      const asked = { userId, cartId, addressId, shippingOption, firstOrder };
      const { quote, options: ways } = await pricing.quote(asked);
      return { quote: encodeQuote(quote, ways, tokens.seal(quote, { id: newId('quo'), userId, now: now() })) };
    },
  };
}
