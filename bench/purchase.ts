import { newId } from '#platform/ids.ts';
import { type Ask, type Buyer, textAt } from './buyers.ts';

/** What customers do on the way to an order, each as the calls that an app makes. */
export type Purchase = {
  /** Adds to a fresh cart; answers the cart's id. */
  addAsGuest(number: number): Promise<string>;
  addTo(cartId: string, number: number): Promise<unknown>;
  getCart(cartId: string): Promise<unknown>;
  addToOwn(buyer: Buyer, number: number): Promise<unknown>;
  /** Answers the quote's token. */
  quote(buyer: Buyer): Promise<string>;
  place(buyer: Buyer, quoteToken: string, method: PaymentMethod): Promise<Placed>;
  /** What the customer does at the provider's page; answers what that gives the app. */
  payAtPage(placed: Placed): Promise<PaidAtPage>;
  capture(buyer: Buyer, paid: PaidAtPage): Promise<unknown>;
  /** All of these, up to the order that is paid, or to be paid in cash. */
  checkOut(buyer: Buyer, method: PaymentMethod, number: number): Promise<void>;
};

export type PaymentMethod = 'PAYMENT_METHOD_ONLINE' | 'PAYMENT_METHOD_CASH_ON_DELIVERY';

export type Placed = { readonly paymentId: string; readonly providerOrderId: string };
export type PaidAtPage = {
  readonly paymentId: string;
  readonly providerPaymentId: string;
  readonly providerSignature: string;
};

export function createPurchase(ask: Ask, variantIds: readonly string[]): Purchase {
  const requestId = (): string => newId('req');
  const variant = (number: number): string => variantIds[(number * 7919) % variantIds.length] ?? '';

  const purchase: Purchase = {
    async addAsGuest(number) {
      return textAt(await ask('CartService/AddCartItem', add(number)), 'cart.id');
    },
    addTo: (cartId, number) => ask('CartService/AddCartItem', { ...add(number), cartId }),
    getCart: (cartId) => ask('CartService/GetCart', { cartId }),
    addToOwn: ({ token }, number) => ask('CartService/AddCartItem', add(number), token),
    async quote({ token, addressId }) {
      return textAt(await ask('OrderService/QuoteOrder', { addressId }, token), 'quote.quoteToken');
    },
    async place({ token }, quoteToken, paymentMethod) {
      const asked = { requestId: requestId(), quoteToken, paymentMethod };
      const answer = await ask('OrderService/PlaceOrder', asked, token);
      const status = textAt(answer, 'order.status');
      const expected =
        paymentMethod === 'PAYMENT_METHOD_ONLINE' ? 'ORDER_STATUS_AWAITING_PAYMENT' : 'ORDER_STATUS_CONFIRMED';
      if (status !== expected) throw new Error(`an order is ${status}`);
      return {
        paymentId: textAt(answer, 'order.payment.paymentId'),
        providerOrderId: textAt(answer, 'order.payment.handoff.providerOrderId'),
      };
    },
    async payAtPage({ paymentId, providerOrderId }) {
      const paid = await ask('TestProviderService/PayTestOrder', { requestId: requestId(), providerOrderId });
      const providerPaymentId = textAt(paid, 'providerPaymentId');
      return { paymentId, providerPaymentId, providerSignature: textAt(paid, 'providerSignature') };
    },
    capture: ({ token }, paid) => ask('PaymentService/CapturePayment', { requestId: requestId(), ...paid }, token),
    async checkOut(buyer, method, number) {
      await purchase.addToOwn(buyer, number);
      const placed = await purchase.place(buyer, await purchase.quote(buyer), method);
      if (method === 'PAYMENT_METHOD_ONLINE') await purchase.capture(buyer, await purchase.payAtPage(placed));
    },
  };
  return purchase;

  function add(number: number) {
    return { requestId: requestId(), variantId: variant(number), quantity: 1 };
  }
}
