import { expect, test } from '@jest/globals';
import { contractFiles } from '#gen/contracts.ts';
import { graphOf } from './graph.ts';
import { graphHtml } from './graph-html.ts';
import { layoutOf } from './graph-layout.ts';
import { graphMarkdown, graphMermaid } from './graph-markdown.ts';
import { createModel, openAt } from '../model.ts';

const model = createModel(contractFiles);
const graph = graphOf(model);
const names = model.workloads.map(({ name }) => name);

test('the graph has each grant to a workload by name, and no other', () => {
  const drawn = graph.calls.flatMap(({ from, to, methods }) => methods.map(({ path }) => `${from} ${to} ${path}`));
  const granted = model.methods
    .filter(({ everybody, servedBy }) => !everybody && servedBy.length === 1)
    .flatMap(({ policy, servedBy, path }) => policy.callers.map((from) => `${from} ${servedBy.join()} ${path}`));
  expect(drawn.sort()).toEqual(granted.sort());
});

test('what is open to the edge is what an edge may call and passes on', () => {
  expect(graph.open).toEqual(model.methods.filter((method) => openAt(model, method).length > 0));
  expect(graph.open.map(({ name }) => name)).toContain('PlaceOrder');
  expect(graph.open.map(({ name }) => name)).not.toContain('GetKeys');
});

test('each workload has a place, callers stand left of whom they call, and no two overlap', () => {
  const { places, lines, width, height } = layoutOf(names, graph);
  expect(places.map(({ name }) => name).sort()).toEqual(names);
  const at = new Map(places.map((place) => [place.name, place]));
  for (const { from, to } of graph.calls) expect(at.get(from)?.x).toBeLessThan(at.get(to)?.x ?? 0);
  expect(new Set(places.map(({ x, y }) => `${x} ${y}`)).size).toBe(names.length);
  expect(places.every(({ x, y }) => x > 0 && y > 0 && x < width && y < height)).toBe(true);
  expect(lines).toHaveLength(graph.calls.length + graph.events.length);
});

test('a ring of calls, which the lints refuse, is drawn all the same', () => {
  const ring = { calls: [edge('a', 'b'), edge('b', 'c'), edge('c', 'a'), edge('a', 'a')], events: [], open: [] };
  expect(layoutOf(['a', 'b', 'c'], ring).lines).toHaveLength(3);
});

function edge(from: string, to: string) {
  return { from, to, methods: [] };
}

test('Mermaid has calls as solid lines and events as dotted ones', () => {
  const text = graphMermaid(model);
  expect(text).toMatch(/^flowchart LR\n/);
  expect(text).toContain('outside((outside)) ==> w_gateway\n');
  expect(text).toMatch(/ {2}w_gateway -->\|\d+\| w_order\n/);
  expect(text).toContain('  w_order -. OrderConfirmed .-> w_cart\n');
});

test('the page for a forge lists what is open, the calls inside and the events', () => {
  const text = graphMarkdown(model, 'proto');
  expect(text).toMatch(
    /\| order \| `OrderService\/PlaceOrder` \| any signed-in user \| proto\/only2u\/order\/v1\/order\.proto:\d+ \|/,
  );
  expect(text).toMatch(/\| order \| coupon \| .*`QuoteCoupon`/);
  expect(text).not.toMatch(/\| gateway \|/);
});

test('the page for a browser loads nothing from anywhere, and works by keyboard', () => {
  const html = graphHtml(model, 'proto');
  expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"`);
  expect(html).not.toMatch(/https?:|src=|@import|url\((?!#)/);
  for (const name of names) {
    expect(html).toContain(`<a class="workload`);
    expect(html).toContain(`href="#w-${name}"`);
    expect(html).toContain(`<section id="w-${name}"`);
  }
  expect(html.length).toBeLessThan(200_000);
});

test('a name can’t break out of the page', () => {
  const evil = '"><script>alert(1)</script>';
  const workloads = [{ name: evil, kind: 'service' as const, source: { file: evil, line: 1 } }];
  const html = graphHtml({ workloads, methods: [], events: [] }, 'proto');
  expect(html).not.toContain('<script>alert');
});
