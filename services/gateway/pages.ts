import { readFileSync } from 'node:fs';
import { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { Logger } from 'pino';
import type { Cors } from './cors.ts';
import { type Jwks, jwksMaxAgeMs } from './jwks.ts';
import type { EdgeRequest, EdgeResponse } from './listener.ts';

export type PagesOptions = {
  readonly jwks: Jwks;
  readonly cors: Cors;
  readonly log: Logger;
  /** Resolves when the gateway can serve. */
  ready(): Promise<void>;
};

export type Pages = {
  /** Whether a path is one of these pages. */
  has(path: string): boolean;
  serve(request: EdgeRequest, response: EdgeResponse): void;
};

const openapiUrl = new URL('../../gen/openapi/openapi.json', import.meta.url);
const swaggerFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const swaggerFiles = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] as const;

// Swagger UI sets styles inline and shows small pictures from data: addresses; all else comes from here.
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const docsPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Only2U: the methods open to the edge</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const docsScript = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, tryItOutEnabled: true, persistAuthorization: false });
`;

/** What the edge serves besides calls: the contract as OpenAPI with a page to explore it, public keys, health. */
export function createPages(options: PagesOptions): Pages {
  const http1 = express();
  const http2 = speakHttp2(express());
  for (const app of [http1, http2]) addRoutes(app, options);
  const paths = new Set([
    '/',
    '/healthz',
    '/readyz',
    '/openapi.json',
    '/.well-known/jwks.json',
    '/docs',
    '/favicon.ico',
  ]);
  return {
    has: (path) => paths.has(path) || path.startsWith('/docs/'),
    serve(request, response) {
      if ('stream' in request) http2(request as unknown as Request, response as Response);
      else http1(request, response);
    },
  };
}

function addRoutes(app: Express, { jwks, cors, log, ready }: PagesOptions): void {
  const openapi = readFileSync(openapiUrl);
  app.disable('x-powered-by');
  app.set('query parser', false);
  app.set('etag', 'strong');

  app.use((request, response, next) => {
    response.set({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': contentSecurityPolicy,
    });
    cors.apply(request, response);
    next();
  });
  app.get('/', (_request, response) => response.redirect(302, '/docs/'));
  app.get('/docs', (request, response) => {
    if (request.path === '/docs') response.redirect(301, '/docs/');
    else response.type('html').send(docsPage);
  });
  app.get('/docs/start.js', (_request, response) => void response.type('js').send(docsScript));
  for (const file of swaggerFiles) {
    app.get(`/docs/${file}`, (_request, response) => response.sendFile(join(swaggerFolder, file), { maxAge: '1h' }));
  }
  app.get('/favicon.ico', (_request, response) => response.redirect(301, '/docs/favicon-32x32.png'));
  app.get('/openapi.json', (_request, response) => {
    response.set('cache-control', 'public, max-age=60').type('json').send(openapi);
  });
  app.get('/.well-known/jwks.json', async (_request, response) => {
    response
      .set('cache-control', `public, max-age=${jwksMaxAgeMs / 1000}`)
      .type('application/jwk-set+json')
      .send(await jwks.read());
  });
  app.get('/healthz', (_request, response) => void response.set('cache-control', 'no-store').type('text').send('ok\n'));
  app.get('/readyz', async (_request, response) => {
    response.set('cache-control', 'no-store').type('text');
    try {
      await ready();
      response.send('ready\n');
    } catch (error) {
      log.warn({ err: error }, 'not ready');
      response.status(503).send('not ready\n');
    }
  });
  app.use(
    (_request, response) =>
      void response
        .status(404)
        .json({ code: 'not_found', message: 'There is no such page. /docs/ lists the methods.' }),
  );
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) return next(error);
    log.warn({ err: error }, 'a page failed');
    const mistaken = typeof error === 'object' && error !== null && 'status' in error && error.status === 400;
    response
      .status(mistaken ? 400 : 503)
      .set({ 'cache-control': 'no-store', ...(mistaken ? {} : { 'retry-after': '1' }) })
      .json(
        mistaken
          ? { code: 'invalid_argument', message: 'The address is malformed.' }
          : { code: 'unavailable', message: 'Try again.' },
      );
  });
}

/** Express gives requests and responses its own prototypes, which stand on HTTP/1.1's: for HTTP/2 they have to stand on HTTP/2's. */
function speakHttp2(app: Express): Express {
  const onto = (base: object, own: object): unknown =>
    Object.create(base, {
      ...Object.getOwnPropertyDescriptors(own),
      app: { value: app, configurable: true, writable: true },
    });
  const request = onto(Http2ServerRequest.prototype, express.request);
  const response = onto(Http2ServerResponse.prototype, express.response);
  return Object.assign(app, { request, response });
}
