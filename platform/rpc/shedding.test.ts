import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { ProductService } from '#gen/only2u/product/v1/product_pb.ts';
import { Fault } from '../fault.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { type Policy, policyOf } from './policy.ts';
import { createShedder, type Shedder } from './shedding.ts';

const method = ProductService.method.getProduct;
const plain: Policy = { ...policyOf(method), limits: [] };
let nowMs = 0;
let shedder: Shedder;
const metrics = createMetrics({ processMetrics: false });

beforeEach(() => {
  nowMs = 0;
  jest.useFakeTimers();
});
afterEach(() => {
  shedder.close();
  jest.useRealTimers();
});

function open(maxInFlight: number): void {
  shedder = createShedder({ maxInFlight, metrics: metrics.rpc, nowMs: () => nowMs });
}

/** Why a call is turned away, or "served". */
function enter(policy: Policy, caller = 'gateway'): string {
  try {
    shedder.enter(method, policy, caller);
    return 'served';
  } catch (error) {
    if (error instanceof Fault && error.kind === 'resource-exhausted' && (error.retryAfterMs ?? 0) > 0)
      return error.reason;
    throw error;
  }
}

/** Lets the watch over the event loop look `times` times, each `lateMs` too late. */
function look(times: number, lateMs: number): void {
  for (let i = 0; i < times; i++) {
    nowMs += 100 + lateMs;
    jest.advanceTimersByTime(100);
  }
}

test('more calls than the server may hold are turned away until one ends', () => {
  open(100);
  for (let i = 0; i < 100; i++) expect(enter(plain)).toBe('served');
  expect(enter(plain)).toBe('SERVER_OVERLOADED');
  shedder.leave(plain);
  expect(enter(plain)).toBe('served');
});

test('health is answered by a full server, and watching it takes no room', () => {
  open(100);
  const health = { ...plain, essential: true };
  for (let i = 0; i < 500; i++) enter(health);
  for (let i = 0; i < 100; i++) expect(enter(plain)).toBe('served');
  expect(enter(health)).toBe('served');
});

test('a method takes no more calls at a time than its contract says, and others do not suffer', () => {
  open(100);
  const narrow = { ...plain, concurrency: 2 };
  expect([enter(narrow), enter(narrow), enter(narrow)]).toEqual(['served', 'served', 'METHOD_OVERLOADED']);
  expect(enter(plain)).toBe('served');
  shedder.leave(narrow);
  expect(enter(narrow)).toBe('served');
});

test('a late event loop lets in fewer calls, never fewer than 64, and more again once it keeps up', () => {
  open(1000);
  for (let i = 0; i < 500; i++) enter(plain);
  look(1, 300);
  expect(enter(plain)).toBe('SERVER_OVERLOADED');
  look(50, 300);
  for (let i = 0; i < 437; i++) shedder.leave(plain);
  expect([enter(plain), enter(plain)]).toEqual(['served', 'SERVER_OVERLOADED']);
  look(60, 0);
  for (let i = 0; i < 900; i++) expect(enter(plain)).toBe('served');
});

test('a workload that calls too often is told when to come back, and others go on', () => {
  open(1000);
  const limited: Policy = { ...plain, limits: [{ scope: 'caller', requests: 5, windowMs: 1000 }] };
  for (let i = 0; i < 5; i++) expect(enter(limited, 'order')).toBe('served');
  expect(enter(limited, 'order')).toBe('RATE_LIMITED');
  expect(enter(limited, 'cart')).toBe('served');
  nowMs += 200; // a fifth of the window: one call more
  expect([enter(limited, 'order'), enter(limited, 'order')]).toEqual(['served', 'RATE_LIMITED']);
  nowMs += 10_000; // idleness is not saved up beyond the window
  const served = Array.from({ length: 8 }, () => enter(limited, 'order')).filter((answer) => answer === 'served');
  expect(served).toHaveLength(5);
});

test('limits of addresses and users are the edge’s to count', () => {
  open(1000);
  const limited: Policy = { ...plain, limits: [{ scope: 'user', requests: 1, windowMs: 1000 }] };
  expect([enter(limited), enter(limited)]).toEqual(['served', 'served']);
});
