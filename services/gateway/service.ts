import { contracts } from '#gen/contracts.ts';
import { KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import { defineService } from '#platform/service.ts';
import { createBodyReader } from './body.ts';
import { createByteBudget } from './byte-budget.ts';
import { createCallLimit } from './call-limit.ts';
import { openCertificate } from './certificate.ts';
import { gatewayConfig } from './config.ts';
import { createConnections } from './connections.ts';
import { createCors } from './cors.ts';
import { createEdge } from './edge.ts';
import { createGate } from './gate.ts';
import { createJwks } from './jwks.ts';
import { followEvents } from './invalidation.ts';
import { openListener } from './listener.ts';
import { createMeter } from './meter.ts';
import { createPages } from './pages.ts';
import { shareAnswers } from './response-cache.ts';
import { openRoutes } from './routes.ts';
import { openSharedState } from './shared-state.ts';
import { createStreamHandler } from './streams.ts';
import { createUnaryHandler } from './unary.ts';
import { createWebhooks, maxWebhookBytes } from './webhooks.ts';

/**
 * The edge: Connect, gRPC-Web and JSON over HTTP/1.1 and HTTP/2, for every method whose contract names the caller
 * "gateway". It answers no contract of its own; a new method needs nothing here.
 */
export const gatewayService = defineService({
  name: 'gateway',
  contract: [],
  config: gatewayConfig,
  async open(env) {
    const { config, log } = env;
    const now = () => env.now().getTime();
    const transport = env.transport;
    const routes = openRoutes(contracts);
    const trusted = config.GATEWAY_TRUSTED_PROXIES;
    const calls = createCallLimit(config.GATEWAY_MAX_CALLS);
    const connections = createConnections({
      maxConnections: config.GATEWAY_MAX_CONNECTIONS,
      maxPerAddress: config.GATEWAY_MAX_CONNECTIONS_PER_ADDRESS,
      trusted,
    });
    const meter = createMeter(env.metrics, {
      connections: () => connections.open,
      connectionsCut: () => connections.cut,
      callsInFlight: () => calls.inFlight,
    });
    const state = await openSharedState(config, meter, log);
    const { limiter, cache } = state;
    const unfollow = await followEvents(routes, env.announcements, cache);
    const gate = createGate({
      verifier: env.verifier,
      limiter: config.GATEWAY_RATE_LIMITS === 'on' ? limiter : undefined,
      now,
      limited: (route, scope) => meter.limited(route.policy.path, scope),
    });
    const budget = createByteBudget(config.GATEWAY_MAX_BUFFERED_BYTES);
    const bodies = createBodyReader({
      maxBytes: config.GATEWAY_MAX_BODY_BYTES,
      budget,
      timeoutMs: config.GATEWAY_RECEIVE_TIMEOUT_MS,
    });
    const jwks = createJwks(env.dial(KeyService), now);
    const cors = createCors(config.GATEWAY_CORS_ORIGINS);
    const ready = async () => void (await jwks.read());
    const certificate =
      config.GATEWAY_TLS_CERT_PATH === ''
        ? undefined
        : openCertificate({ cert: config.GATEWAY_TLS_CERT_PATH, key: config.GATEWAY_TLS_KEY_PATH }, log);

    const listener = await openListener({
      host: config.GATEWAY_HOST,
      port: config.GATEWAY_PORT,
      certificate,
      connections,
      receiveTimeoutMs: config.GATEWAY_RECEIVE_TIMEOUT_MS,
      idleTimeoutMs: config.GATEWAY_IDLE_TIMEOUT_MS,
      onRequest: createEdge({
        routes,
        unary: createUnaryHandler({
          gate,
          bodies,
          calls,
          answers: shareAnswers(cache, now, meter.cache),
          transport,
          now,
        }),
        streams: createStreamHandler({
          routes,
          gate,
          calls,
          transport,
          now,
          maxMessageBytes: config.GATEWAY_MAX_BODY_BYTES,
          maxStreams: config.GATEWAY_MAX_STREAMS,
          budget,
          graceMs: config.GATEWAY_RECEIVE_TIMEOUT_MS,
        }),
        pages: createPages({ jwks, cors, log, ready }),
        webhooks: createWebhooks({
          routes,
          gate,
          bodies: createBodyReader({
            maxBytes: maxWebhookBytes,
            budget,
            timeoutMs: config.GATEWAY_RECEIVE_TIMEOUT_MS,
          }),
          calls,
          transport,
          now,
        }),
        cors,
        meter,
        tracing: env.tracing,
        log,
        trustedProxies: trusted,
        secure: certificate !== undefined,
        newRequestId: () => env.newId('req'),
      }),
    });
    log.info({ host: config.GATEWAY_HOST, port: listener.port, methods: routes.size }, 'the edge is open');

    return {
      handlers: [],
      address: `${config.GATEWAY_HOST}:${listener.port}`,
      ready,
      engines: state.engines,
      async close() {
        await listener.close(config.GATEWAY_DRAIN_MS);
        certificate?.close();
        await unfollow();
        await state.close();
        meter.close();
      },
    };
  },
});
