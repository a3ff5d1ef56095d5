import { newId } from '#platform/ids.ts';
import type { Ask, Buyer } from './buyers.ts';

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

export type Placed = { readonly orderId: string; readonly paymentId: string; readonly providerOrderId: string };
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
      const { cart } = await ask('CartService/AddCartItem', add(number));
      return String(cart?.['id']);
    },
    addTo: (cartId, number) => ask('CartService/AddCartItem', { ...add(number), cartId }),
    getCart: (cartId) => ask('CartService/GetCart', { cartId }),
    addToOwn: ({ token }, number) => ask('CartService/AddCartItem', add(number), token),
    async quote({ token, addressId }) {
      const { quote } = await ask('OrderService/QuoteOrder', { addressId }, token);
      return String(quote?.['quoteToken']);
    },
    async place({ token }, quoteToken, paymentMethod) {
      const { order } = await ask(
        'OrderService/PlaceOrder',
        { requestId: requestId(), quoteToken, paymentMethod },
        token,
      );
      const payment = order?.['payment'];
      const placed = {
        orderId: String(order?.['id']),
        paymentId: String(payment?.['paymentId']),
        providerOrderId: String(payment?.['handoff']?.['providerOrderId'] ?? ''),
      };
      const expected =
        paymentMethod === 'PAYMENT_METHOD_ONLINE' ? 'ORDER_STATUS_AWAITING_PAYMENT' : 'ORDER_STATUS_CONFIRMED';
      if (String(order?.['status']) !== expected) throw new Error(`an order is ${String(order?.['status'])}`);
      return placed;
    },
    async payAtPage({ paymentId, providerOrderId }) {
      const paid = await ask('TestProviderService/PayTestOrder', { requestId: requestId(), providerOrderId });
      const { providerPaymentId, providerSignature } = paid;
      return {
        paymentId,
        providerPaymentId: String(providerPaymentId),
        providerSignature: String(providerSignature),
      };
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
