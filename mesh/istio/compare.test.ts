import { expect, test } from '@jest/globals';
import { compare } from './compare.ts';
import { renderIstio } from './istio.ts';
import { loadContracts } from '../load.ts';
import { createModel } from '../model.ts';
import { settings } from '../shop-settings.ts';

const model = createModel(loadContracts('proto'));
const rendered = renderIstio(model, settings).map(({ text }) => text);
const roles = ['customer', 'vendor', 'admin'];
const differences = async (texts: readonly string[]) => {
  const { pairs, users } = await compare({ texts, model, settings, roles });
  return { more: [...pairs.excess, ...users.excess], less: [...pairs.missing, ...users.missing] };
};

test('what is rendered grants what the contracts do', async () => {
  expect(await differences(rendered)).toEqual({ more: [], less: [] });
});

test('a caller that was not granted is one pair too many, and one that is left out is one too few', async () => {
  const text = rendered.map((each) =>
    each.replace(
      /sa\/order\n( +to:\n +- operation:\n +paths:\n +- \/only2u\.coupon\.v1\.CouponService\/RedeemCoupon)/,
      'sa/cart\n$1',
    ),
  );
  expect(await differences(text)).toEqual({
    more: [
      'cart -> only2u.coupon.v1.CouponService/RedeemCoupon',
      'cart -> only2u.coupon.v1.CouponService/ReleaseCoupon',
    ],
    less: [
      'order -> only2u.coupon.v1.CouponService/RedeemCoupon',
      'order -> only2u.coupon.v1.CouponService/ReleaseCoupon',
    ],
  });
});

test('a method that is open to users without the role is no pair more, but too many answers', async () => {
  const text = rendered.map((each) => each.replace(/(CategoryService\/UpdateCategory.*\n) +when:\n.*\n.*\n/, '$1'));
  const { more, less } = await differences(text);
  expect(less).toEqual([]);
  expect(more).toContain('gateway -> only2u.product.v1.CategoryService/UpdateCategory for vendor');
  expect(more).not.toContain('gateway -> only2u.product.v1.CategoryService/UpdateCategory for none');
});

test('lines are those of policies, without comments and empty ones', async () => {
  const text = `# a comment\napiVersion: security.istio.io/v1\nkind: PeerAuthentication # here\nmetadata: {name: a, namespace: b}\n\nspec: {}\n`;
  const other = `---\napiVersion: networking.istio.io/v1\nkind: Gateway\n`;
  expect((await compare({ texts: [text + other], model, settings, roles })).lines).toBe(4);
});
