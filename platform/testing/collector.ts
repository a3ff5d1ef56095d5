import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** A span as an OpenTelemetry collector is sent it. */
export type SentSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  /** What it says of its sender, as JSON. */
  readonly resource: string;
};

type Batch = {
  readonly resourceSpans: readonly {
    readonly resource: unknown;
    readonly scopeSpans: readonly { readonly spans: readonly Omit<SentSpan, 'resource'>[] }[];
  }[];
};

export type Collector = { readonly endpoint: string; readonly spans: SentSpan[]; close(): Promise<void> };

/** A collector that keeps the spans that it is sent, and answers with this status. */
export async function openCollector(status = 200): Promise<Collector> {
  const spans: SentSpan[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { resourceSpans } = JSON.parse(body) as Batch;
      for (const { resource, scopeSpans } of resourceSpans) {
        const about = JSON.stringify(resource);
        spans.push(...scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ ...span, resource: about }))));
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    spans,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
