import { expect, test } from '@jest/globals';
import { reportText } from './report-text.ts';
import { reportOf } from './report.ts';
import { parseStats } from './stats.ts';

const nowMs = Date.UTC(2026, 10, 22);
const inHours = (hours: number): number => nowMs / 1_000 + hours * 3_600;

const stats = parseStats(`
cluster.order_to_payment.membership_total: 1
cluster.order_to_payment.membership_healthy: 0
cluster.order_to_payment.health_check.attempt: 9
cluster.order_to_payment.upstream_rq_total: 12
cluster.order_to_payment.upstream_rq_retry: 2
cluster.order_to_payment.upstream_rq_timeout: 3
cluster.order_to_payment.grpc.only2u.payment.v1.PaymentService.CreatePayment.0: 5
cluster.order_to_payment.grpc.only2u.payment.v1.PaymentService.CreatePayment.5: 1
cluster.order_to_payment.grpc.only2u.payment.v1.PaymentService.CreatePayment.14: 4
cluster.order_to_payment.outlier_detection.ejections_active: 1
cluster.order_to_payment.outlier_detection.ejections_enforced_total: 2
cluster.order_to_payment.circuit_breakers.default.rq_open: 1
cluster.order_to_payment.upstream_rq_pending_overflow: 7
cluster.order_to_payment.upstream_rq_time: P0(nan,1) P50(nan,8.05) P95(nan,20) P99(1.5,36.5)
cluster.order_to_payment.ssl.certificate.order.expiration_unix_time_seconds: ${inHours(5.5)}
listener.127.0.0.1_50056.ssl.certificate.payment.expiration_unix_time_seconds: ${inHours(-1)}
cluster.order_to_user.membership_total: 1
cluster.order_to_user.membership_healthy: 1
cluster.order_to_user.health_check.attempt: 9
listener_manager.lds.update_rejected: 1
sds.order.update_rejected: 2
`);

const report = reportOf({
  envoys: new Map([
    ['one', stats],
    ['edge', undefined],
  ]),
  observed: {
    refusals: [
      {
        at: 'inbound_cart',
        caller: 'spiffe://only2u.local/ns/default/sa/intruder',
        method: '/only2u.cart.v1.CartService/GetCart',
        rule: 'rbac_access_denied_matched_policy[none]',
        count: 3,
      },
      {
        at: 'outbound_order',
        caller: '',
        method: '/only2u.user.v1.AuthService/SignIn',
        rule: 'direct_response',
        count: 9,
      },
    ],
    rejections: [{ node: 'one', words: "unknown cluster 'nowhere'", time: '2026-11-22T00:00:00.000Z' }],
  },
  processes: [
    {
      name: 'cart',
      metrics: [
        'policy_shadow_refusals_total{method="only2u.cart.v1.CartService/GetCart",caller="gateway",rule="x callers [order]"} 4',
        'rpc_server_refused_total{rule="only2u.cart.v1.CartService/MergeCart access user"} 2',
      ].join('\n'),
    },
    { name: 'user', metrics: undefined },
  ],
  nowMs,
});

test('calls are counted without the attempts that followed, and what is broken apart from what was refused', () => {
  expect(report.calls).toEqual([
    {
      caller: 'order',
      callee: 'payment',
      calls: 10,
      errors: 4,
      timeouts: 3,
      retries: 2,
      p50Ms: 8.05,
      p99Ms: 36.5,
      ejected: 1,
      ejections: 2,
      breakerOpen: true,
      overflows: 7,
    },
  ]);
});

test('a workload is well when all who look at it say so, and its certificate ends when the first of its copies does', () => {
  expect(report.workloads).toEqual([
    { name: 'order', health: 'unknown', certificateHours: expect.closeTo(5.5) },
    { name: 'payment', health: 'not well', certificateHours: expect.closeTo(-1) },
    { name: 'user', health: 'well', certificateHours: undefined },
  ]);
});

test('an Envoy that does not answer is down, and what one refused is counted', () => {
  expect(report.envoys).toEqual([
    { node: 'one', up: true, rejected: 3 },
    { node: 'edge', up: false, rejected: 0 },
  ]);
});

test('refusals name caller, method and reason, the most frequent first, of Envoys and of processes', () => {
  expect(report.refusals.map(({ count, by, caller, why }) => [count, by, caller, why])).toEqual([
    [9, 'Envoy of order', 'order', 'no contract grants the call'],
    [3, 'Envoy of cart', 'intruder', 'the contract names other callers'],
    [2, 'cart', '', 'only2u.cart.v1.CartService/MergeCart access user'],
  ]);
  expect(report.shadow.map(({ count, caller }) => [count, caller])).toEqual([[4, 'gateway']]);
});

test('people read a table of it', () => {
  const text = reportText(report);
  expect(text).toContain('1 of 2 Envoys up; not: edge');
  expect(text).toMatch(/^ {2}payment +not well +EXPIRED$/m);
  expect(text).toMatch(/^ {2}order +payment +10 +4 +3 +2 +8\.1 +36\.5 +now \(2×\) +open \(7\)$/m);
  expect(text).toContain(
    'Envoy "one" refused a configuration at 2026-11-22T00:00:00.000Z: unknown cluster \'nowhere\'',
  );
});

test('a quiet mesh says so', () => {
  const quiet = reportOf({
    envoys: new Map([['one', parseStats('')]]),
    observed: { refusals: [], rejections: [] },
    processes: [],
    nowMs,
  });
  expect(reportText(quiet)).toContain('Nobody has called anybody yet.\n\nNothing was refused.');
});
