import { expect, test } from '@jest/globals';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { createMetrics } from './metrics.ts';

const method = ProductService.method.getProduct;
const labels = 'service="only2u.product.v1.ProductService",method="GetProduct"';

test('calls are counted by code and caller, and their durations in cumulative buckets', async () => {
  const { rpc, render } = createMetrics({ processMetrics: false });
  for (const ms of [0.4, 0.5, 3, 60_000]) {
    rpc.began(method);
    rpc.handled(method, 'gateway', ms > 1000 ? 4 : 0, ms);
  }
  rpc.began(method);
  const { text, contentType } = await render();
  expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(text).toContain('# TYPE rpc_server_handled_total counter');
  expect(text).toContain(`rpc_server_handled_total{${labels},code="OK",caller="gateway"} 3`);
  expect(text).toContain(`rpc_server_handled_total{${labels},code="DEADLINE_EXCEEDED",caller="gateway"} 1`);
  expect(text).toContain('# TYPE rpc_server_handling_seconds histogram');
  expect(text).toContain(`rpc_server_handling_seconds_bucket{${labels},le="0.0005"} 2`);
  expect(text).toContain(`rpc_server_handling_seconds_bucket{${labels},le="0.005"} 3`);
  expect(text).toContain(`rpc_server_handling_seconds_bucket{${labels},le="30"} 3`);
  expect(text).toContain(`rpc_server_handling_seconds_bucket{${labels},le="+Inf"} 4`);
  expect(text).toContain(`rpc_server_handling_seconds_count{${labels}} 4`);
  expect(text).toContain(`rpc_server_in_flight{${labels}} 1`);
});

test('callers beyond a mesh’s size are counted together', async () => {
  const { rpc, render } = createMetrics({ processMetrics: false });
  for (let i = 0; i < 1000; i++) {
    rpc.began(method);
    rpc.handled(method, `caller-${i}`, 0, 1);
  }
  const { text } = await render();
  const series = text.split('\n').filter((line) => line.startsWith('rpc_server_handled_total{'));
  expect(series).toHaveLength(65);
  expect(series.at(-1)).toContain('caller="other"} 936');
});

test('a code that gRPC does not know is counted as unknown', async () => {
  const { rpc, render } = createMetrics({ processMetrics: false });
  rpc.began(method);
  rpc.handled(method, '', 99, 1);
  expect((await render()).text).toContain('code="UNKNOWN",caller="none"} 1');
});

test('calls to others, refusals and sheds are told apart', async () => {
  const { rpc, render } = createMetrics({ processMetrics: false });
  rpc.called(method, 14, 2);
  rpc.refused('a rule "with quotes"');
  rpc.shed(method, 'server');
  rpc.shed(method, 'server');
  const { text } = await render();
  expect(text).toContain(`rpc_client_handled_total{${labels},code="UNAVAILABLE"} 1`);
  expect(text).toContain('rpc_server_refused_total{rule="a rule \\"with quotes\\""} 1');
  expect(text).toContain(`rpc_server_shed_total{${labels},limit="server"} 2`);
});

test('a process tells its memory and how late its event loop is', async () => {
  const metrics = createMetrics({ processMetrics: true });
  const { text } = await metrics.render();
  expect(text).toContain('process_resident_memory_bytes ');
  expect(text).toContain('nodejs_eventloop_lag_p99_seconds ');
  metrics.close();
});
