import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { CouponService } from '#gen/only2u/coupon/v1/coupon_pb.ts';
import { InventoryService } from '#gen/only2u/product/v1/inventory_pb.ts';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { AuthService, OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { openOperator } from '../../tools/operator.ts';
import { dialerAs, insist, type Buyer, type Shopping } from './buyer.ts';

const variantCount = 10;
const scarceVariants = 2;
const piecesOfScarce = 60;
const piecesOfOthers = 1_000;
const tokenMs = 8 * 60_000; // they last ten minutes

export type Market = {
  shoppingOf(buyer: number, name: string): Shopping;
  /** What `npm run reconcile` would say of all that was paid. */
  reconcile(): Promise<{ readonly compared: bigint; readonly differences: readonly string[] }>;
  close(): Promise<void>;
};

export type MarketOptions = {
  readonly env: NodeJS.ProcessEnv;
  /** Where buyers go: any of them at any time, as behind a load balancer. */
  readonly gatewayUrls: readonly [string, ...string[]];
  readonly buyers: number;
};

/** Buyers with addresses, a shopkeeper, variants of which some are scarce, and two coupons. */
export async function openMarket({ env, gatewayUrls, buyers }: MarketOptions): Promise<Market> {
  const openedMs = Date.now() - 1_000;
  const operator = await openOperator(env);
  const anybody = createConnectTransport({ baseUrl: gatewayUrls[0], httpVersion: '1.1' });
  const auth = createClient(AuthService, anybody);
  const shopkeeper = {
    dial: dialerAs(
      gatewayUrls,
      lasting(async () => {
        const { accessToken } = await insist(() =>
          operator.dial(OperatorService).issueToken({ requestId: crypto.randomUUID() }),
        );
        return accessToken;
      }),
    ),
  };

  async function newBuyer(index: number): Promise<Buyer> {
    const credentials = { email: `buyer-${index}@example.com`, password: crypto.randomUUID() };
    await insist(() => auth.signUp({ requestId: crypto.randomUUID(), ...credentials, displayName: 'Asha' }));
    const signIn = async (): Promise<string> => {
      const { tokens } = await insist(() => auth.signIn({ requestId: crypto.randomUUID(), ...credentials }));
      return tokens?.accessToken ?? '';
    };
    const dial = dialerAs(gatewayUrls, lasting(signIn));
    const { address } = await dial(UserService).createAddress({
      requestId: crypto.randomUUID(),
      address: {
        recipient: 'Asha Rao',
        lines: ['1 MG Road'],
        city: 'Bengaluru',
        region: index % 2 === 0 ? 'Karnataka' : 'Maharashtra',
        postalCode: '560001',
        countryCode: 'IN',
      },
    });
    return { dial, addressId: address?.id ?? '' };
  }

  const customers: Buyer[] = [];
  for (let index = 0; index < buyers; index += 1) customers.push(await newBuyer(index));
  const { products } = await createClient(ProductService, anybody).listProducts({ pageSize: 100 });
  const variants = products
    .flatMap((product) => product.variants.slice(0, 1))
    .map(({ id }) => id)
    .slice(0, variantCount);
  const { stocks } = await createClient(InventoryService, anybody).getStock({ variantIds: variants });
  for (const { variantId, onHand } of stocks) {
    const delta = (variants.indexOf(variantId) < scarceVariants ? piecesOfScarce : piecesOfOthers) - onHand;
    if (delta === 0) continue;
    const request = { requestId: crypto.randomUUID(), variantId, delta, reason: 'for many buyers' };
    await shopkeeper.dial(InventoryService).adjustStock(request);
  }
  const coupons = shopkeeper.dial(CouponService);
  await coupons.createCoupon({
    requestId: crypto.randomUUID(),
    coupon: {
      code: 'SCARCE',
      currency: 'INR',
      maxUses: 10,
      discount: { case: 'percentage', value: { basisPoints: 1_250 } },
    },
  });
  await coupons.createCoupon({
    requestId: crypto.randomUUID(),
    coupon: {
      code: 'PLENTY',
      currency: 'INR',
      discount: { case: 'fixed', value: { amount: { minorUnits: 9_999n, currency: 'INR' } } },
    },
  });
  return {
    shoppingOf(index, name) {
      const buyer = customers[index];
      if (buyer === undefined) throw new Error(`there is no buyer ${index}`);
      return { buyer, shopkeeper, variants, coupons: { scarce: 'SCARCE', plenty: 'PLENTY' }, name };
    },
    async reconcile() {
      const began = timestampFromMs(openedMs);
      const differences: string[] = [];
      let compared = 0n;
      const asked = { startTime: began, endTime: timestampFromMs(Date.now() + 1_000) };
      for await (const { result } of operator.dial(PaymentService).reconcilePayments(asked)) {
        if (result.case === 'difference') differences.push(result.value.message);
        if (result.case === 'summary') compared = result.value.compared;
      }
      return { compared, differences };
    },
    async close() {
      operator.close();
    },
  };
}

/** The same token until it is about to end; whoever asks meanwhile waits for the same new one. */
function lasting(issue: () => Promise<string>): () => Promise<string> {
  let token: Promise<string> | undefined;
  let issuedMs = 0;
  return () => {
    if (token === undefined || Date.now() - issuedMs > tokenMs) {
      issuedMs = Date.now();
      token = issue();
      token.catch(() => (token = undefined));
    }
    return token;
  };
}
