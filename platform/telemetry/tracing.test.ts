import { afterEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { type Collector, openCollector as openTestCollector } from '../testing/collector.ts';
import { silentLog } from './log.ts';
import { openTracing, type Tracing } from './tracing.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function openCollector(status = 200): Promise<Collector> {
  const collector = await openTestCollector(status);
  closers.push(() => collector.close());
  return collector;
}

async function open(endpoint: string, log = silentLog()): Promise<Tracing> {
  const tracing = await openTracing({ endpoint, ratio: 1, log });
  if (tracing === undefined) throw new Error('tracing is off');
  return tracing;
}

const method = ProductService.method.getProduct;

test('without a collector there is no tracing', async () => {
  expect(await openTracing({ endpoint: undefined, ratio: 1, log: silentLog() })).toBeUndefined();
});

test('a call through two services is one trace, each span told under its own workload', async () => {
  const collector = await openCollector();
  const tracing = await open(collector.endpoint);
  const outgoing = tracing.client('gateway', method, undefined);
  const served = tracing.server('product', method, 'gateway', outgoing.traceparent);
  served.end(13);
  outgoing.end(13);
  await tracing.close();

  const { spans } = collector;
  const [client, server] = [spans.find(({ kind }) => kind === 3), spans.find(({ kind }) => kind === 2)];
  expect(spans).toHaveLength(2);
  expect(server).toMatchObject({
    name: 'only2u.product.v1.ProductService/GetProduct',
    traceId: client?.traceId,
    parentSpanId: client?.spanId,
    status: { code: 2 },
    resource: expect.stringContaining('"product"'),
  });
  expect(client?.resource).toContain('"gateway"');
  expect(outgoing.traceparent).toBe(`00-${client?.traceId}-${client?.spanId}-01`);
});

test('a refusal is no error of the server', async () => {
  const collector = await openCollector();
  const tracing = await open(collector.endpoint);
  tracing.server('product', method, 'gateway', undefined).end(7);
  await tracing.close();
  expect(collector.spans[0]?.status.code ?? 0).toBe(0);
});

test('a trace that its beginner does not keep is passed on and not told', async () => {
  const collector = await openCollector();
  const tracing = await open(collector.endpoint);
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const span = tracing.server('product', method, 'gateway', `00-${traceId}-b7ad6b7169203331-00`);
  expect(span.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  span.end(0);
  await tracing.close();
  expect(collector.spans).toEqual([]);
});

test.each(['', 'garbage', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, '01-x'])(
  'what is no traceparent (%p) begins a trace of its own',
  async (traceparent) => {
    const collector = await openCollector();
    const tracing = await open(collector.endpoint);
    const span = tracing.server('product', method, 'gateway', traceparent);
    expect(span.traceparent).toMatch(/^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    span.end(0);
    await tracing.close();
    expect(collector.spans[0]?.parentSpanId ?? '').toBe('');
  },
);

test('a collector that refuses is written to the log and disturbs nobody', async () => {
  const collector = await openCollector(400);
  const lines: string[] = [];
  const tracing = await open(collector.endpoint, pino({}, { write: (line: string) => void lines.push(line) }));
  tracing.server('product', method, 'gateway', undefined).end(0);
  await tracing.close();
  expect(lines.join()).toContain('traces could not be sent');
});
