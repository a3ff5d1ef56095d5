import { create } from '@bufbuild/protobuf';
import { afterEach, expect, test } from '@jest/globals';
import { createClient, createRouterTransport, type Transport } from '@connectrpc/connect';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import { UserCreatedSchema, UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { createMemoryEventBus } from './event-bus.memory.ts';
import { localMesh } from './identity/spiffe.ts';
import { consume, on, publish, startRelay } from './outbox.postgres.ts';
import { createServerHooks } from './rpc/admission.ts';
import { createClientHooks } from './rpc/outgoing.ts';
import { type Handlers, handle } from './service.ts';
import { schedule, startTasks } from './tasks.postgres.ts';
import { silentLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { openTracing, type Tracing } from './telemetry/tracing.ts';
import { openCollector, type SentSpan } from './testing/collector.ts';
import { openTestDatabase } from './testing/database.ts';
import { admitting, passingOn } from './testing/in-memory.ts';
import { stub } from './testing/service.ts';

const log = silentLog();

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** How `caller` reaches a service, with all that happens at both ends. */
function wire(tracing: Tracing, caller: string, { contract, implementation }: Handlers): Transport {
  const metrics = createMetrics({ processMetrics: false }).rpc;
  const verifier = {
    verify(): never {
      throw new Error('nobody signs in here');
    },
  };
  const hooks = createServerHooks({ mesh: localMesh, verifier, metrics, log, tracing });
  return createRouterTransport((router) => void router.service(contract, implementation), {
    router: { interceptors: [admitting(hooks, caller)] },
    transport: { interceptors: [passingOn(createClientHooks({ workload: caller, metrics, tracing }))] },
  });
}

test('one trace goes from the tap through outbox, bus, handler and task to the last call', async () => {
  const collector = await openCollector();
  closers.push(() => collector.close());
  const tracing = await openTracing({ endpoint: collector.endpoint, ratio: 1, log });
  if (tracing === undefined) throw new Error('tracing is off');
  const database = await openTestDatabase('order', new URL('./testing/migrations/', import.meta.url));
  closers.push(() => database.close());
  const bus = createMemoryEventBus();
  closers.push(() => bus.close());
  const relay = startRelay({ database, bus, log });
  closers.push(() => relay.close());
  const trace = (name: string, traceparent: string) => tracing.work('order', name, traceparent);
  const done = Promise.withResolvers<void>();
  const told = Promise.withResolvers<void>();

  const keys = createClient(KeyService, wire(tracing, 'order', handle(KeyService, { getKeys: () => ({}) })));
  const tasks = startTasks({
    database,
    log,
    trace,
    handlers: {
      'user.forget': {
        async run() {
          await keys.getKeys({});
          done.resolve();
          return undefined;
        },
      },
    },
  });
  closers.push(() => tasks.close());
  await consume({
    bus,
    database,
    trace,
    group: 'order',
    handlers: [
      on(UserDeletedSchema, async (tx, { userId }) => {
        await schedule(tx, { kind: 'user.forget', key: userId });
        await publish(tx, create(UserCreatedSchema, { userId }));
      }),
      on(UserCreatedSchema, () => Promise.resolve(told.resolve())),
    ],
  });

  const product = stub(ProductService, {
    async batchGetProducts() {
      await database.transaction((tx) => publish(tx, create(UserDeletedSchema, { userId: 'usr_1' })));
      return {};
    },
  });
  await createClient(ProductService, wire(tracing, 'gateway', product)).batchGetProducts({ productIds: ['prd_1'] });
  await Promise.all([done.promise, told.promise]);
  await tasks.close();
  await bus.close();
  await tracing.close();

  const { spans } = collector;
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(wayTo(spans, 'only2u.user.v1.KeyService/GetKeys', 2)).toEqual([
    'gateway calls only2u.product.v1.ProductService/BatchGetProducts',
    'product serves only2u.product.v1.ProductService/BatchGetProducts',
    'order does event only2u.user.v1.UserDeleted',
    'order does task user.forget',
    'order calls only2u.user.v1.KeyService/GetKeys',
    'user serves only2u.user.v1.KeyService/GetKeys',
  ]);
  expect(wayTo(spans, 'event only2u.user.v1.UserCreated', 5).slice(-2)).toEqual([
    'order does event only2u.user.v1.UserDeleted',
    'order does event only2u.user.v1.UserCreated',
  ]);
});

/** The spans from the first to the one of this name and kind, each the parent of the next. */
function wayTo(spans: readonly SentSpan[], name: string, kind: number): string[] {
  const way: string[] = [];
  let span = spans.find((each) => each.name === name && each.kind === kind);
  while (span !== undefined) {
    const verb = { 2: 'serves', 3: 'calls', 5: 'does' }[span.kind] ?? '?';
    way.unshift(
      `${/"service.name","value":\{"stringValue":"(\w+)"/.exec(span.resource)?.[1] ?? '?'} ${verb} ${span.name}`,
    );
    const parent: string | undefined = span.parentSpanId;
    span = spans.find(({ spanId }) => spanId === parent);
  }
  return way;
}
