import { PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { TestPaymentOutcome, TestProviderService } from '#gen/only2u/payment/v1/test_provider_pb.ts';
import { signatureOf } from '#services/payment/signature.ts';
import { readTestSecret } from '#services/payment/test-provider.postgres.ts';
import type { ModelOrder, OrderCommand } from './model-order.ts';
import { answerOf, requestId, type Happened, type World } from './model-world.ts';

/** At the provider, and back in the app if that lives to tell. */
export async function pay(
  world: World,
  order: ModelOrder,
  { declined, tells }: { readonly declined: boolean; readonly tells: boolean },
  happened: (done: OrderCommand, answer: string) => Happened[],
): Promise<Happened[]> {
  const { handoff, paymentId = '' } = world.placed.get(order.id)?.payment ?? {};
  const customer = world.users.find(({ id }) => id === order.userId);
  if (!order.online || handoff === undefined || customer === undefined) return [];
  const outcome = declined ? TestPaymentOutcome.DECLINED : TestPaymentOutcome.PAID;
  const paying = { requestId: requestId(), providerOrderId: handoff.providerOrderId, outcome };
  const paid = await answerOf(() => world.shop.client(TestProviderService).payTestOrder(paying));
  const { providerPaymentId = '', providerSignature = '' } = paid.value ?? {};
  if (declined || !tells || paid.answer !== 'ok') return happened({ kind: 'pay', declined, tells }, paid.answer);
  const telling = { requestId: requestId(), paymentId, providerPaymentId, providerSignature };
  const call = () => customer.client(PaymentService).capturePayment(telling);
  const { answer } = await answerOf(call);
  if (answer === 'ok') world.sent.push({ orderId: order.id, call });
  return happened({ kind: 'pay', declined, tells }, answer);
}

/** What the provider said of an order is told three times more, and once by somebody who is not the provider. */
export async function tellAgain(world: World, index: number): Promise<Happened[]> {
  const orders = [...world.placed.values()].toReversed();
  const providerOrderId = orders[index % Math.max(1, orders.length)]?.payment?.handoff?.providerOrderId;
  if (providerOrderId === undefined) return [];
  const charges = await world.paymentRows.query<{
    id: string;
    amount: bigint;
    currency: string;
    state: string;
    time: Date;
  }>('select id, amount, currency, state, time from test_charge where order_id = $1 order by id limit 1', [
    providerOrderId,
  ]);
  const [charge] = charges;
  if (charge === undefined) return [];
  const secret = signatureOf(await readTestSecret(world.paymentRows), 'events');
  const { id, amount, currency, state, time } = charge;
  const body = Buffer.from(
    JSON.stringify({
      event: `payment.${state}`,
      created_at: new Date().toISOString(),
      order_id: providerOrderId,
      charge: { id, amount: { minor_units: String(amount), currency }, state, time: time.toISOString() },
    }),
  );
  const payments = world.shop.client(PaymentService);
  const event = { requestId: requestId(), provider: 'test', body };
  const told = { ...event, signature: signatureOf(secret, body) };
  const forged = { ...event, signature: signatureOf('somebody else', body) };
  const answers = await Promise.all(
    [told, told, told, forged].map((one) => answerOf(() => payments.handleProviderEvent(one))),
  );
  const said = answers.map(({ answer }) => answer).join();
  return [
    { on: 'other', answer: said === 'ok,ok,ok,WEBHOOK_SIGNATURE_INVALID' ? 'ok' : `a webhook was answered ${said}` },
  ];
}
