import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contracts } from '#gen/contracts.ts';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { policyOf } from '#platform/rpc/policy.ts';
import { arbitraryBody } from '#services/gateway/fuzz.ts';
import { openTestShop, type TestShop } from './shop.ts';

let shop: TestShop;
let token: string;

beforeAll(async () => {
  shop = await openTestShop();
  token = (await shop.signUp(Role.ADMIN)).token; // gets furthest
}, 60_000);

afterAll(() => shop.close());

const open = contracts
  .flatMap((contract) => contract.methods)
  .filter((method) => policyOf(method).open && method.methodKind === 'unary')
  .filter(({ name }) => !['SignOut', 'DeleteUser', 'RevokeSession'].includes(name)); // the admin is still needed

const ours = ['unknown', 'internal', 'data_loss', 'unavailable', 'deadline_exceeded'];

test.each(open.map((method) => [`${method.parent.name}/${method.name}`, method] as const))(
  '%s answers whatever comes without an error of ours',
  async (_name, method) => {
    await fc.assert(
      fc.asyncProperty(arbitraryBody(method.input), async (body) => {
        const response = await fetch(`${shop.url}/${method.parent.typeName}/${method.name}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body,
        });
        const text = await response.text();
        const answer = JSON.parse(text);
        if (response.status === 200) return;
        expect(ours).not.toContain(answer.code);
        expect(answer.code).toEqual(expect.any(String));
      }),
      { numRuns: Number(process.env['FUZZ_RUNS'] ?? 40) },
    );
  },
  60_000,
);

test('the shop goes on after all of it', async () => {
  expect((await shop.call('ProductService/SearchProducts', { query: 'shirt' })).status).toBe(200);
});
