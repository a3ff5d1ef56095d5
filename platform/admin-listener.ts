import { createServer, type ServerResponse } from 'node:http';
import type { Checks } from './readiness.ts';
import type { Metrics } from './telemetry/metrics.ts';

export type AdminListenerOptions = {
  readonly checks: Checks;
  readonly metrics: Pick<Metrics, 'render'>;
};

export type AdminListener = {
  /** Rejects with the system's error when the port can't be had. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** From here on /readyz says no, so that nobody sends more. */
  drain(): void;
  close(): Promise<void>;
};

/**
 * The port for those who run the shop, not for its customers: /healthz (the process is alive), /readyz (each service and each of its
 * engines is ready, or why not) and /metrics.
 */
export function createAdminListener({ checks, metrics }: AdminListenerOptions): AdminListener {
  let draining = false;
  const server = createServer((request, response) => {
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return answer(response.setHeader('Allow', 'GET, HEAD'), 405, 'text/plain; charset=utf-8', 'GET only\n');
    }
    switch (request.url?.split('?', 1)[0]) {
      case '/healthz':
        return answer(response, 200, 'application/json', '{"status":"ok"}\n');
      case '/readyz':
        return void readiness(checks, draining).then(({ ready, text }) => {
          answer(response, ready ? 200 : 503, 'application/json', text);
        });
      case '/metrics':
        return void metrics.render().then(
          ({ contentType, text }) => answer(response, 200, contentType, text),
          (error: unknown) => answer(response, 500, 'text/plain; charset=utf-8', `${String(error)}\n`),
        );
      default:
        return answer(response, 404, 'text/plain; charset=utf-8', 'Here are /healthz, /readyz and /metrics.\n');
    }
  });
  server.maxConnections = 64;
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject).listen(port, host, () => {
          server.removeListener('error', reject);
          const address = server.address();
          resolve({ port: typeof address === 'object' && address !== null ? address.port : port });
        });
      }),
    drain() {
      draining = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readiness(checks: Checks, draining: boolean): Promise<{ ready: boolean; text: string }> {
  const states = await Promise.all([...checks].map(async ([name, check]) => [name, await check()] as const));
  const ready = !draining && states.every(([, state]) => state.ready);
  const status = draining ? 'stopping' : ready ? 'ready' : 'not ready';
  const services = Object.fromEntries(
    states.map(([name, { status: own, engines }]) => [name, { status: own, engines }]),
  );
  return { ready, text: `${JSON.stringify({ status, services })}\n` };
}

function answer(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(text);
}
