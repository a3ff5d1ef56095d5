import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { Registry } from 'prom-client';
import { KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import { ProductSchema, ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { announcementsOn } from '#platform/announcements.ts';
import { createMemoryPubSub } from '#platform/pubsub.memory.ts';
import type { PubSub } from '#platform/pubsub.ts';
import { Fault } from '#platform/fault.ts';
import type { Call, User } from '#platform/rpc/call.ts';
import { currentCall } from '#platform/rpc/call.ts';
import type { ServerHooks } from '#platform/rpc/hooks.ts';
import { createClientHooks } from '#platform/rpc/outgoing.ts';
import { createRpcServer } from '#platform/rpc/server.ts';
import { createRpcTransport } from '#platform/rpc/transport.ts';
import { checkMessage } from '#platform/rpc/validation.ts';
import { handle, type Handlers, type Service } from '#platform/service.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { createMemoryEventBus } from '#platform/event-bus.memory.ts';
import { eventBusOf } from '#platform/event-bus.ts';
import { createMetrics } from '#platform/telemetry/metrics.ts';
import { gatewayConfig } from './config.ts';
import { gatewayService } from './service.ts';

type ProductImplementation = Partial<Parameters<typeof handle<typeof ProductService>>[1]>;

export type TestGatewayOptions = {
  /** The product service behind the gateway; a method that is left out is unimplemented. */
  readonly product?: ProductImplementation;
  /** Services behind the gateway instead of the product service. */
  readonly handlers?: readonly Handlers[];
  readonly config?: Readonly<Record<string, string>>;
  readonly now?: () => Date;
  /** Where events are announced. */
  readonly pubsub?: PubSub;
};

export type TestGateway = {
  readonly port: number;
  readonly url: string;
  /** What the services behind saw, in order. */
  readonly calls: readonly Call[];
  readonly metrics: Registry;
  /** Signs a user in and answers the Authorization header. */
  signIn(user: Partial<User>): string;
  /** POSTs JSON to a method of the product service. */
  post(method: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** POSTs JSON to any path. */
  postTo(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
};

/** A gateway on a free port, with services on real gRPC behind it that this test implements. */
export async function openTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const calls: Call[] = [];
  const tokens = new Map<string, User>();
  const keys = handle(KeyService, { getKeys: () => ({ jwksJson: '{"keys":[]}' }) });
  const product: Handlers = { contract: ProductService, implementation: options.product ?? {} };
  const server = createRpcServer({
    handlers: [...(options.handlers ?? [product]), keys],
    hooks: recordingHooks(calls),
    tls: undefined,
  });
  const { port: upstream } = await server.listen('127.0.0.1', 0);
  const metrics = createMetrics({ processMetrics: false });
  const hooks = createClientHooks({ workload: 'gateway', metrics: metrics.rpc, tracing: undefined });
  const transport = createRpcTransport({ address: `127.0.0.1:${upstream}`, tls: undefined, hooks });
  const registry = new Registry();
  let port = 0;
  let ids = 0;
  const service: Service<ReturnType<typeof gatewayConfig.parse>> = gatewayService;
  const opened = await service.open({
    config: gatewayConfig.parse({ GATEWAY_PORT: '0', ...options.config }),
    log: Object.assign(silentLog(), {
      info: (fields: { readonly port?: number }) => void (port = fields.port ?? port),
    }),
    now: options.now ?? (() => new Date()),
    newId: (prefix) => `${prefix}_${ids++}`,
    dial: (contract) => createClient(contract, transport),
    transport: () => transport,
    verifier: {
      verify(token) {
        const user = tokens.get(token);
        if (user === undefined) throw new Fault('unauthenticated', 'TOKEN_INVALID', 'This token was not issued here.');
        return user;
      },
    },
    tracing: undefined,
    trace: () => undefined,
    metrics: registry,
    events: eventBusOf('gateway', createMemoryEventBus()),
    announcements: announcementsOn(options.pubsub ?? createMemoryPubSub()),
  });
  const url = `http://127.0.0.1:${port}`;
  const postTo = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return {
    port,
    url,
    calls,
    metrics: registry,
    signIn(user) {
      const token = `token-${tokens.size}`;
      tokens.set(token, { id: `usr_${tokens.size}`, roles: ['customer'], sessionId: 'ses_1', ...user });
      return `Bearer ${token}`;
    },
    post: (method, body, headers) => postTo(`only2u.product.v1.ProductService/${method}`, body, headers),
    postTo,
    async close() {
      await opened.close();
      transport.close();
      await server.close({ graceMs: 0 });
      metrics.close();
    },
  };
}

/** A product for answers. */
export function aProduct(id: string, title = 'Linen shirt') {
  return create(ProductSchema, { id, handle: 'linen-shirt', title, etag: '1' });
}

/** What the gateway said of the call that a handler serves. */
export function servedCall(): Call {
  const call = currentCall();
  if (call === undefined) throw new Error('no call is being served');
  return call;
}

function recordingHooks(calls: Call[]): ServerHooks {
  return {
    admit({ metadata, deadlineMs, signal }) {
      const text = (name: string) => String(metadata.get(name)[0] ?? '');
      const call: Call = {
        caller: 'gateway',
        user: undefined,
        token: text('authorization').slice(7) || undefined,
        requestId: text('x-request-id'),
        address: text('x-only2u-address'),
        userAgent: text('x-only2u-user-agent'),
        deadlineMs,
        signal,
        traceparent: text('traceparent') || undefined,
      };
      calls.push(call);
      return call;
    },
    check: checkMessage,
    ended() {},
  };
}
