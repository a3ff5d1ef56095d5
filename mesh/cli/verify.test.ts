import { expect, test } from '@jest/globals';
import { contractFiles } from '#gen/contracts.ts';
import { createModel } from '../model.ts';
import { differences, structureFindings } from './verify.ts';

const rendered = [
  { path: 'a.yaml', text: 'one: 1\ntwo: 2\n' },
  { path: 'b.json', text: '{}\n' },
];
const present = new Map(rendered.map(({ path, text }) => [path, text]));
const model = createModel(contractFiles);

test('what is as rendered has no finding', () => {
  expect(differences(rendered, present)).toEqual([]);
});

test('a file that differs is named with the first line that does, and both texts', () => {
  const [finding] = differences(rendered, new Map([...present, ['a.yaml', 'one: 1\ntwo: 3\n']]));
  expect(finding).toMatchObject({ rule: 'differs', where: 'gen/mesh/a.yaml:2' });
  expect(finding?.problem).toContain('has "two: 3" where the contracts render "two: 2"');
});

test.each([
  ['one: 1\n', 'gen/mesh/a.yaml:2'],
  ['one: 1\ntwo: 2\nthree: 3\n', 'gen/mesh/a.yaml:3'],
])('a file that is shorter or longer differs where it ends', (text, where) => {
  expect(differences(rendered, new Map([...present, ['a.yaml', text]]))).toMatchObject([{ rule: 'differs', where }]);
});

test('a missing file, one left over and one rendered twice are named', () => {
  expect(differences(rendered, new Map([['a.yaml', 'one: 1\ntwo: 2\n']]))).toMatchObject([
    { rule: 'missing', where: 'gen/mesh/b.json' },
  ]);
  expect(differences(rendered, new Map([...present, ['c.yaml', '']]))).toMatchObject([
    { rule: 'left-over', where: 'gen/mesh/c.yaml' },
  ]);
  expect(differences([...rendered, { path: 'a.yaml', text: 'one: 1\ntwo: 2\n' }], present)).toMatchObject([
    { rule: 'rendered-twice', where: 'gen/mesh/a.yaml' },
  ]);
});

test.each([
  ['unknown-method', 'x.yaml', 'ok: 1\npath: /only2u.cart.v1.CartService/StealCart\n'],
  ['unknown-identity', 'x.yaml', 'ok: 1\nid: spiffe://cluster.local/ns/only2u/sa/rogue\n'],
])('%s is found wherever a plane names it', (rule, path, text) => {
  expect(structureFindings(model, new Map([[path, text]]), [])).toMatchObject([{ rule, where: 'gen/mesh/x.yaml:2' }]);
});

test.each([
  ['x.json', '{"a": }'],
  ['x.yaml', 'a: [1\nb: 2\n'],
])('%s that does not parse is found', (path, text) => {
  expect(structureFindings(model, new Map([[path, text]]), [])).toMatchObject([{ rule: 'unreadable' }]);
});

test('methods and identities of the mesh are known, and what is named beside them', () => {
  const text =
    'a: /only2u.cart.v1.CartService/GetCart # proto/only2u/cart/v1/cart.proto:25\nb: spiffe://x.y/ns/only2u/sa/cart\nc: spiffe://x.y/ns/z/sa/ingress\nd: type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n';
  expect(structureFindings(model, new Map([['x.yaml', text]]), ['ingress'])).toEqual([]);
});
