import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signatureOf } from './signature.ts';

type Entity = Record<string, unknown> & { readonly id: string; readonly created_at: number };

/** How the stand-in misbehaves at one call: before it is done, or after. */
export type Trouble =
  'hangs' | 'resets' | 'loses-the-answer' | 'garbage' | 'too-long' | 400 | 401 | 409 | 429 | 500 | 502;

export type RazorpayStandIn = {
  readonly url: string;
  readonly keyId: string;
  readonly keySecret: string;
  readonly webhookSecret: string;
  /** What happens to the next calls, in order; undefined lets one pass. */
  readonly troubles: (Trouble | undefined)[];
  /** "POST /v1/orders", in order. */
  readonly calls: string[];
  readonly orders: Entity[];
  readonly payments: Entity[];
  readonly refunds: Entity[];
  /** What new refunds are: "processed" unless told. */
  refundStatus: string;
  /** A customer pays on Razorpay's page. */
  pay(
    orderId: string,
    status?: 'authorized' | 'failed' | 'captured',
  ): { readonly chargeId: string; readonly signature: string };
  /** An event as Razorpay would send it: its body and its signature. */
  event(
    name: string,
    payment: string,
    refund?: string,
    at?: Date,
  ): { readonly body: Buffer; readonly signature: string };
  close(): Promise<void>;
};

/** Answers as Razorpay's published API does. For tests alone. */
export async function openRazorpayStandIn(): Promise<RazorpayStandIn> {
  const [keyId, keySecret, webhookSecret] = ['rzp_test_abc', 'key secret', 'webhook secret'];
  const troubles: (Trouble | undefined)[] = [];
  const calls: string[] = [];
  const orders: Entity[] = [];
  const payments: Entity[] = [];
  const refunds: Entity[] = [];
  const idempotent = new Map<string, Entity>();
  const authorization = `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`;
  const newId = (prefix: string): string => `${prefix}_${randomBytes(7).toString('hex')}`;
  const seconds = (): number => Math.floor(Date.now() / 1_000);

  function handle(request: IncomingMessage, url: URL, body: Record<string, unknown>): [number, unknown] {
    const { pathname, searchParams } = url;
    const [, , kind = '', id = '', verb = ''] = pathname.split('/');
    const list = (items: Entity[]): [number, unknown] => [200, { entity: 'collection', count: items.length, items }];
    const page = (items: Entity[]): [number, unknown] => {
      const from = Number(searchParams.get('from') ?? 0);
      const to = Number(searchParams.get('to') ?? Infinity);
      const skip = Number(searchParams.get('skip') ?? 0);
      const count = Number(searchParams.get('count') ?? 10);
      return list(items.filter((one) => one.created_at >= from && one.created_at <= to).slice(skip, skip + count));
    };
    if (request.method === 'POST' && pathname === '/v1/orders') {
      if (!Number.isInteger(body['amount']) || Number(body['amount']) < 100)
        return invalid('amount', 'Order amount less than minimum');
      if (orders.some(({ receipt }) => receipt === body['receipt'])) return invalid('receipt', 'receipt is taken');
      const order = {
        ...body,
        id: newId('order'),
        entity: 'order',
        amount_paid: 0,
        amount_due: body['amount'],
        status: 'created',
        attempts: 0,
        created_at: seconds(),
      };
      orders.push(order);
      return [200, order];
    }
    if (kind === 'orders' && verb === 'payments') return list(payments.filter(({ order_id }) => order_id === id));
    if (kind === 'orders') return list(orders.filter(({ receipt }) => receipt === searchParams.get('receipt')));
    if (kind === 'refunds') return page(refunds);
    if (kind === 'payments' && id === '') return page(payments);
    const payment = payments.find((one) => one.id === id);
    if (payment === undefined) return invalid('id', 'The id provided does not exist');
    if (verb === 'capture') {
      if (payment['status'] === 'captured') return invalid('', 'This payment has already been captured');
      if (payment['status'] !== 'authorized')
        return invalid('', 'Only payments which have been authorized can be captured');
      if (payment['amount'] !== body['amount'])
        return invalid('amount', 'Capture amount must be equal to the amount authorized');
      Object.assign(payment, { status: 'captured', captured: true });
      return [200, payment];
    }
    if (verb === 'refunds') return page(refunds.filter(({ payment_id }) => payment_id === id));
    if (verb === 'refund') {
      const key = String(request.headers['x-refund-idempotency']);
      const known = idempotent.get(key);
      if (known !== undefined) return [200, known];
      const given = refunds.reduce((sum, one) => (one['payment_id'] === id ? sum + Number(one['amount']) : sum), 0);
      if (given + Number(body['amount']) > Number(payment['amount']))
        return invalid('amount', 'The total refund amount is greater than the refund payment amount');
      const refund = {
        ...body,
        id: newId('rfnd'),
        entity: 'refund',
        currency: payment['currency'],
        payment_id: id,
        status: standIn.refundStatus,
        created_at: seconds(),
      };
      refunds.push(refund);
      idempotent.set(key, refund);
      return [200, refund];
    }
    return [200, payment];
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    let text = '';
    for await (const chunk of request) text += String(chunk);
    calls.push(`${request.method ?? ''} ${url.pathname}`);
    const trouble = troubles.shift();
    if (trouble === 'hangs') return;
    if (trouble === 'resets') return void request.socket.resetAndDestroy();
    const isAuthorized = request.headers.authorization === authorization && trouble !== 401;
    const [status, body] = !isAuthorized
      ? [401, error('BAD_REQUEST_ERROR', 'Authentication failed')]
      : typeof trouble === 'number'
        ? [trouble, trouble === 400 ? error('BAD_REQUEST_ERROR', 'No') : error('SERVER_ERROR', 'Something went wrong')]
        : handle(request, url, text === '' ? {} : (JSON.parse(text) as Record<string, unknown>));
    if (trouble === 'loses-the-answer') return void request.socket.resetAndDestroy();
    response.writeHead(status, { 'content-type': 'application/json' });
    if (trouble === 'garbage') response.end('<html>');
    else if (trouble === 'too-long') response.end(' '.repeat(5 * 1024 * 1024));
    else response.end(JSON.stringify(body));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const standIn: RazorpayStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keyId,
    keySecret,
    webhookSecret,
    troubles,
    calls,
    orders,
    payments,
    refunds,
    refundStatus: 'processed',
    pay(orderId, status = 'authorized') {
      const order = orders.find(({ id }) => id === orderId);
      if (order === undefined) throw new Error(`there is no order ${orderId}`);
      const payment = {
        id: newId('pay'),
        entity: 'payment',
        amount: order['amount'],
        currency: order['currency'],
        status,
        order_id: orderId,
        captured: status === 'captured',
        error_description: status === 'failed' ? 'Payment failed' : null,
        notes: [],
        created_at: seconds(),
      };
      payments.push(payment);
      return { chargeId: payment.id, signature: signatureOf(keySecret, `${orderId}|${payment.id}`) };
    },
    event(name, paymentId, refundId, at = new Date()) {
      const payment = payments.find(({ id }) => id === paymentId);
      const refund = refunds.find(({ id }) => id === refundId);
      const body = Buffer.from(
        JSON.stringify({
          entity: 'event',
          account_id: 'acc_1',
          event: name,
          contains: refund === undefined ? ['payment'] : ['refund', 'payment'],
          payload: { payment: { entity: payment }, ...(refund && { refund: { entity: refund } }) },
          created_at: Math.floor(at.getTime() / 1_000),
        }),
      );
      return { body, signature: signatureOf(webhookSecret, body) };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return standIn;
}

function error(code: string, description: string) {
  return {
    error: {
      code,
      description,
      source: 'business',
      step: 'payment_initiation',
      reason: 'input_validation_failed',
      metadata: {},
    },
  };
}

function invalid(field: string, description: string): [number, unknown] {
  const { error: told } = error('BAD_REQUEST_ERROR', description);
  return [400, { error: { ...told, field } }];
}
