import { cors as connectCors } from '@connectrpc/connect';
import type { EdgeRequest, EdgeResponse } from './listener.ts';

export type Cors = {
  /** Adds what lets a browser show the answer to the page that asked. */
  apply(request: EdgeRequest, response: EdgeResponse): void;
  /** Answers a browser's question whether it may send the request. */
  preflight(request: EdgeRequest, response: EdgeResponse): void;
};

const allowedHeaders = [
  ...connectCors.allowedHeaders,
  'Authorization',
  'If-None-Match',
  'Traceparent',
  'X-Request-Id',
].join(', ');
const exposedHeaders = [...connectCors.exposedHeaders, 'ETag', 'Retry-After', 'X-Request-Id'].join(', ');
const preflightSeconds = '7200'; // what Chromium keeps at most

/**
 * Cross-origin access for the origins configured: exact ones, "scheme://host:*" for any port, or "*" for all. The edge
 * knows its users by the Authorization header and never by cookies, so credentials are not allowed.
 */
export function createCors(origins: readonly string[]): Cors {
  const all = origins.includes('*');
  const exact = new Set(origins);
  const anyPort = origins.filter((origin) => origin.endsWith(':*')).map((origin) => origin.slice(0, -2));

  function isAllowed(origin: string): boolean {
    if (all || exact.has(origin)) return true;
    return anyPort.some(
      (base) => origin === base || (origin.startsWith(`${base}:`) && /^\d{1,5}$/.test(origin.slice(base.length + 1))),
    );
  }

  function allow(origin: string, response: EdgeResponse): void {
    response.setHeader('access-control-allow-origin', all ? '*' : origin);
  }

  return {
    apply(request, response) {
      const { origin } = request.headers;
      if (origin === undefined || !isAllowed(origin)) return;
      allow(origin, response);
      response.setHeader('access-control-expose-headers', exposedHeaders);
    },
    preflight(request, response) {
      const { origin = '' } = request.headers;
      response.setHeader('vary', 'origin, access-control-request-method, access-control-request-headers');
      if (!isAllowed(origin)) {
        response.statusCode = 403;
        response.end();
        return;
      }
      allow(origin, response);
      response.setHeader('access-control-allow-methods', connectCors.allowedMethods.join(', '));
      response.setHeader('access-control-allow-headers', allowedHeaders);
      response.setHeader('access-control-max-age', preflightSeconds);
      response.statusCode = 204;
      response.end();
    },
  };
}
