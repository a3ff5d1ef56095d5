import { create, type DescService, toBinary } from '@bufbuild/protobuf';
import { Code, type ConnectError } from '@connectrpc/connect';
import { HandleProviderEventRequestSchema, PaymentService } from '#gen/only2u/payment/v1/payment_pb.ts';
import { withCall } from '#platform/rpc/call.ts';
import type { RpcTransport } from '#platform/rpc/transport.ts';
import type { BodyReader } from './body.ts';
import type { CallLimit } from './call-limit.ts';
import { callOf, edgeMetadata, type Exchange } from './exchange.ts';
import type { Gate } from './gate.ts';
import type { EdgeRequest } from './listener.ts';
import { edgeError } from './refusals.ts';
import { writeRefusal } from './reply.ts';
import type { Route } from './routes.ts';

export type WebhooksOptions = {
  readonly routes: ReadonlyMap<string, Route>;
  readonly gate: Gate;
  readonly bodies: BodyReader;
  readonly calls: CallLimit;
  readonly transport: (contract: DescService) => RpcTransport;
  readonly now: () => number;
};

/** Where payment providers tell what happened: `POST /webhooks/razorpay`. */
export type Webhooks = {
  /** What a path means: whose webhook it is, and the method that takes it. */
  find(path: string): Webhook | undefined;
  /** Takes one event; never rejects. */
  serve(exchange: Exchange, webhook: Webhook): Promise<void>;
};

export type Webhook = { readonly provider: string; readonly route: Route };

/** The largest event; Razorpay's are some 3 KB. */
export const maxWebhookBytes = 256 * 1024;

const { method } = PaymentService;
const path = `/${PaymentService.typeName}/${method.handleProviderEvent.name}`;
const prefix = '/webhooks/';
const json = { name: 'connect', codec: 'json' } as const;
const maxIdLength = 128; // as the contract has it
const maxSignatureLength = 256;
const retryAfterMs = 5_000;

/** The body goes on byte for byte: the provider's signature is over just these. */
export function createWebhooks({ routes, gate, bodies, calls, transport, now }: WebhooksOptions): Webhooks {
  const route = routes.get(path);

  async function take(exchange: Exchange, { provider }: Webhook): Promise<void> {
    const { request, response } = exchange;
    const { policy, method: taking } = exchange.route;
    const leaving = new AbortController();
    exchange.onClose(() => {
      if (!response.writableEnded) leaving.abort();
    });
    // Providers sign: whatever token comes along is not for us.
    const visitor = await gate.admit(exchange.route, exchange.address, undefined);
    const body = await bodies.read(exchange);
    const name = provider === 'test' ? 'test' : 'razorpay';
    const event = toBinary(
      HandleProviderEventRequestSchema,
      create(HandleProviderEventRequestSchema, {
        provider,
        body,
        requestId: headerOf(request, `x-${name}-event-id`, maxIdLength),
        signature: headerOf(request, `x-${name}-signature`, maxSignatureLength),
      }),
    );
    const deadlineMs = policy.timeoutMs === undefined ? undefined : now() + policy.timeoutMs;
    const call = callOf(exchange, visitor, deadlineMs, leaving.signal);
    calls.enter();
    try {
      const sent = { metadata: edgeMetadata(call), deadlineMs, signal: leaving.signal };
      await withCall(call, () => transport(taking.parent).rawUnary(taking, event, sent));
    } finally {
      calls.leave();
    }
    response.writeHead(204, { 'x-request-id': exchange.requestId, 'x-content-type-options': 'nosniff' });
    response.end();
  }

  return {
    find(at) {
      const provider = at.startsWith(prefix) ? at.slice(prefix.length) : '';
      return route !== undefined && /^[a-z]{1,32}$/.test(provider) ? { provider, route } : undefined;
    },

    async serve(exchange, webhook) {
      try {
        await take(exchange, webhook);
        exchange.ended(undefined);
      } catch (thrown) {
        const error = edgeError(thrown);
        if (isTrouble(error) && !exchange.response.headersSent)
          exchange.response.setHeader('retry-after', retryAfterMs / 1_000);
        writeRefusal(exchange, json, error);
        exchange.ended(error);
      }
    },
  };
}

function isTrouble({ code }: ConnectError): boolean {
  return code === Code.Unavailable || code === Code.DeadlineExceeded;
}

// What is longer than it can be is not taken for what it begins with.
function headerOf({ headers }: EdgeRequest, name: string, maxLength: number): string {
  const value = headers[name];
  return typeof value === 'string' && value.length <= maxLength ? value : '';
}
