import { expect, test } from '@jest/globals';
import { answer } from './cli.ts';

test('help names every command, and each tells its own', async () => {
  const { out, code } = await answer([]);
  expect(code).toBe(0);
  const names = [...out.matchAll(/^ {2}(\w+) {2}/gm)].map(([, name = '']) => name);
  expect(names).toEqual(expect.arrayContaining(['who', 'explain', 'graph', 'diff', 'render', 'verify', 'check']));
  for (const name of names) {
    const told = await answer([name, '--help']);
    expect(told).toMatchObject({ code: 0, error: '', out: expect.stringContaining(`npm run mesh -- ${name}`) });
    expect(told.out).toContain('Exit code');
  }
});

test.each([
  ['whoo PlaceOrder', 'did you mean who?'],
  ['who PlaecOrder', 'did you mean PlaceOrder?'],
  ['who ServerReflectionInfo', 'write more of its name'],
  ['who Place Order', 'takes one method'],
  ['explain PlaceOrder', 'takes a caller and a method'],
  ['explain crat PlaceOrder', 'did you mean cart?'],
  ['explain cart PlaceOrder --user boss', 'there are customer'],
  ['explain cart PlaceOrder --uesr none', "Unknown option '--uesr'"],
])('%s is answered with what to write instead, and exit code 2', async (line, says) => {
  expect(await answer(line.split(' '))).toEqual({ out: '', error: expect.stringContaining(says), code: 2 });
});

test.each(['PlaceOrder', 'placeorder', 'OrderService/PlaceOrder', 'OrderService.PlaceOrder', 'order/PlaceOrder'])(
  'who %s finds the method',
  async (said) => {
    const { out, code } = await answer(['who', said]);
    expect(code).toBe(0);
    expect(out).toMatch(/^only2u\.order\.v1\.OrderService\/PlaceOrder, served by order {2}proto\/.*order\.proto:\d+\n/);
    expect(out).toMatch(/callers +gateway \(open to the edge\) +proto\/.*order\.proto:\d+\n/);
  },
);

test('who without a method lists them all', async () => {
  const { out } = await answer(['who']);
  expect(out).toMatch(/^only2u\.user\.v1\.KeyService\/GetKeys +\*$/m);
});

test('a refused call is explained by the rule, its line, and the edit that grants it', async () => {
  const { out, code } = await answer(['explain', 'cart', 'PlaceOrder']);
  expect(code).toBe(1);
  expect(out).toMatch(/refused: cart may not call/);
  expect(out).toMatch(/PERMISSION_DENIED by the rule "callers", proto\/only2u\/order\/v1\/order\.proto:\d+/);
  expect(out).toMatch(/- callers: \["gateway"\]\n +\+ callers: \[\n +\+ {3}"cart",\n +\+ {3}"gateway"\n +\+ \]/);
});

test('a call is explained for one user, or for all', async () => {
  expect(await answer(['explain', 'gateway', 'CreateCoupon', '--user', 'admin'])).toMatchObject({ code: 0 });
  const denied = await answer(['explain', 'gateway', 'CreateCoupon', '--user', 'customer']);
  expect(denied).toMatchObject({ code: 1, out: expect.stringContaining('"customer"') });
  const { out, code } = await answer(['explain', 'gateway', 'CreateCoupon']);
  expect(code).toBe(0);
  expect(out).toContain('a guest: UNAUTHENTICATED by the rule "access"');
  expect(out).toContain('vendor, admin: allowed');
});

test('what an edge would need besides the grant is said with it', async () => {
  const { out } = await answer(['explain', 'gateway', 'QuoteCoupon']);
  expect(out).toContain('needs an access other than ACCESS_INTERNAL and rate_limits by address or user, too.');
});

test('diff compares with a commit or a folder, and asks for one', async () => {
  expect(await answer(['diff', 'HEAD'])).toMatchObject({ code: expect.any(Number), error: '' });
  expect(await answer(['diff', './proto'])).toMatchObject({ code: 0, out: 'The policy is the same.\n' });
  expect(await answer(['diff', 'no-such-branch'])).toMatchObject({ code: 2 });
  expect(await answer(['diff'])).toMatchObject({ code: 2, error: expect.stringContaining('diff HEAD~1') });
});

test('graph prints Mermaid, or a page', async () => {
  expect((await answer(['graph'])).out).toMatch(/^flowchart LR/);
  expect((await answer(['graph', '--format', 'html'])).out).toMatch(/^<!doctype html>/);
  expect(await answer(['graph', '--format', 'png'])).toMatchObject({
    code: 2,
    error: '--format is mermaid or html, not png.\n',
  });
});

test('check lists its rules', async () => {
  const { out } = await answer(['check', '--rules']);
  expect(out).toMatch(/^cycle +no workload calls itself/m);
});
