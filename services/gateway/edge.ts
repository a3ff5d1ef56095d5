import type { BlockList } from 'node:net';
import { Code, type ConnectError } from '@connectrpc/connect';
import type { Logger } from 'pino';
import { clientAddress } from './address.ts';
import type { Cors } from './cors.ts';
import { isUpstream } from '#platform/rpc/status.ts';
import type { Tracing } from '#platform/telemetry/tracing.ts';
import { type Exchange, traceparentOf } from './exchange.ts';
import type { EdgeRequest, EdgeResponse } from './listener.ts';
import type { Meter } from './meter.ts';
import type { Pages } from './pages.ts';
import { protocolOf } from './protocol.ts';
import { reasonOf } from './refusals.ts';
import { writeWhole } from './reply.ts';
import type { Route } from './routes.ts';
import type { UnaryHandler } from './unary.ts';
import type { Webhooks } from './webhooks.ts';

export type EdgeOptions = {
  readonly routes: ReadonlyMap<string, Route>;
  readonly unary: UnaryHandler;
  readonly streams: (exchange: Exchange) => void;
  readonly pages: Pages;
  readonly webhooks: Webhooks;
  readonly cors: Cors;
  readonly meter: Meter;
  readonly tracing: Tracing | undefined;
  readonly log: Logger;
  readonly trustedProxies: BlockList;
  /** Whether clients come over TLS, and are to stay with it. */
  readonly secure: boolean;
  newRequestId(): string;
};

type Refused = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: string;
};

const noSuchMethod: Refused = {
  status: 404,
  headers: {},
  message: 'There is no such method at this address. /openapi.json lists them.',
};
const postOnly: Refused = {
  status: 405,
  headers: { allow: 'POST' },
  message: 'Events of payment providers come by POST.',
};
const requestIds = /^[\w.:-]{1,128}$/; // as the services take them

/** Where each request begins: finds the method that it means and how it is spoken, and hands it on. */
export function createEdge(options: EdgeOptions): (request: EdgeRequest, response: EdgeResponse) => void {
  const { routes, unary, streams, pages, webhooks, cors, meter, log } = options;

  function exchangeOf(route: Route, protocol: string, request: EdgeRequest, response: EdgeResponse): Exchange {
    const began = performance.now();
    const { headers } = request;
    const forwarded = headers['x-forwarded-for'];
    const requestId = requestIdOf(request);
    const address = clientAddress(
      request.socket.remoteAddress ?? '',
      typeof forwarded === 'string' ? forwarded : forwarded?.join(','),
      options.trustedProxies,
    );
    const sentTrace = traceparentOf(request);
    const span = options.tracing?.server('gateway', route.method, 'edge', sentTrace);
    let closed = false;
    const ending: (() => void)[] = [];
    response.once('close', () => {
      closed = true;
      for (const work of ending) work();
    });
    return {
      route,
      request,
      response,
      requestId,
      address,
      traceparent: span?.traceparent ?? sentTrace,
      protocol,
      onClose(work) {
        if (closed) work();
        else ending.push(work);
      },
      ended(error) {
        const ms = performance.now() - began;
        span?.end(error?.code ?? 0);
        meter.ended(route.policy.path, protocol, error, ms);
        if (error !== undefined) logFailure(log, route, requestId, error, ms);
      },
    };
  }

  function requestIdOf({ headers }: EdgeRequest): string {
    const sent = headers['x-request-id'];
    return typeof sent === 'string' && requestIds.test(sent) ? sent : options.newRequestId();
  }

  /** Refuses what means no call. Connect has no code for these, so the status says it. */
  function refuse(request: EdgeRequest, response: EdgeResponse, { status, headers, message }: Refused): void {
    const body = Buffer.from(JSON.stringify({ code: 'unimplemented', message }));
    writeWhole(
      request,
      response,
      status,
      {
        ...headers,
        'x-request-id': requestIdOf(request),
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      },
      body,
    );
  }

  function serve(request: EdgeRequest, response: EdgeResponse): void {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const path = mark === -1 ? url : url.slice(0, mark);
    const route = routes.get(path);
    if (
      request.method === 'OPTIONS' &&
      (route !== undefined || pages.has(path)) &&
      request.headers.origin !== undefined
    ) {
      cors.preflight(request, response);
      return;
    }
    if (route === undefined && pages.has(path)) {
      pages.serve(request, response);
      return;
    }
    const webhook = route === undefined ? webhooks.find(path) : undefined;
    if (webhook !== undefined) {
      if (request.method === 'POST')
        void webhooks.serve(exchangeOf(webhook.route, 'webhook', request, response), webhook);
      else refuse(request, response, postOnly);
      return;
    }
    if (request.headers.origin !== undefined) cors.apply(request, response);
    if (route === undefined) {
      refuse(request, response, noSuchMethod);
      return;
    }
    const query = mark === -1 || request.method !== 'GET' ? undefined : new URLSearchParams(url.slice(mark + 1));
    const spoken = protocolOf(request, route, query);
    switch (spoken.as) {
      case 'unary': {
        const { protocol } = spoken;
        void unary(exchangeOf(route, protocol.name, request, response), protocol, query);
        return;
      }
      case 'other':
        streams(exchangeOf(route, spoken.name, request, response));
        return;
      case 'refused':
        refuse(request, response, spoken);
    }
  }

  return (request, response) => {
    try {
      if (options.secure) response.setHeader('strict-transport-security', 'max-age=31536000');
      serve(request, response);
    } catch (error) {
      // One strange request must not end the process for all others.
      log.error({ err: error }, 'a request could not be served');
      response.destroy();
    }
  };
}

/**
 * Bugs are errors, trouble in the mesh is a warning. What the edge refuses itself is the client's affair: metrics count
 * it, and a flood of it must not become a flood of log lines.
 */
function logFailure(log: Logger, route: Route, requestId: string, error: ConnectError, ms: number): void {
  const troubled = error.code === Code.Unavailable || error.code === Code.DeadlineExceeded;
  const level = error.code === Code.Internal ? 'error' : troubled && isUpstream(error.cause) ? 'warn' : 'debug';
  if (!log.isLevelEnabled(level)) return;
  log[level](
    {
      method: route.policy.path,
      code: error.code,
      reason: reasonOf(error),
      ms: Math.round(ms * 100) / 100,
      requestId,
      ...(level === 'error' ? { err: error.cause } : {}),
    },
    'edge',
  );
}
