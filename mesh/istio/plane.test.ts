import { expect, test } from '@jest/globals';
import { renderDryRun, renderIstio } from './istio.ts';
import { createIstioPlane } from './plane.ts';
import { loadContracts } from '../load.ts';
import { type Answer, answerOf, questionsOf, questionText } from '../matrix.ts';
import { createModel } from '../model.ts';
import { rolesIn, shopRoles } from '../roles.ts';
import { settings } from '../shop-settings.ts';

const contracts = loadContracts('proto');
const model = createModel(contracts);
const questions = questionsOf(model, [...rolesIn(contracts, shopRoles), 'nobody']);
const rendered = new Map(renderIstio(model, settings).map(({ path, text }) => [path, text]));

/** Istio says PERMISSION_DENIED where a token is missing, so the two refusals are one; no connection is still another thing. */
function kindOf(answer: Answer): 'allowed' | 'refused' | 'rejected' {
  return answer === 'allowed' || answer === 'rejected' ? answer : 'refused';
}

async function differencesWith(texts: Iterable<string>) {
  const plane = createIstioPlane({ texts: [...texts], model, settings });
  const answers = await Promise.all(questions.map((question) => plane.ask(question)));
  await plane.close();
  return questions.flatMap((question, index) => {
    const [expected, actual] = [kindOf(answerOf(question)), kindOf(answers[index] ?? 'denied')];
    return expected === actual ? [] : [`${questionText(question)}: ${actual}, not ${expected}`];
  });
}

/** Changes a file by hand. */
function changed(path: string, change: (text: string) => string): string[] {
  const before = rendered.get(path) ?? '';
  const after = change(before);
  expect(after).not.toBe(before);
  return [...rendered].map(([each, text]) => (each === path ? after : text));
}

test('the rendered policies of Istio answer every question as the contracts do', async () => {
  const differences = await differencesWith(rendered.values());
  expect(differences).toEqual([]);
  const asked = Object.groupBy(questions.map(answerOf).map(kindOf), (kind) => kind);
  // So that nobody takes a matrix of nothing for a proof.
  expect(questions.length).toBeGreaterThan(10_000);
  expect([asked.allowed, asked.refused, asked.rejected].map((each) => (each?.length ?? 0) > 500)).toEqual([
    true,
    true,
    true,
  ]);
});

test('a next version as a dry run changes no answer', async () => {
  const open = createModel(contracts);
  const next = {
    ...open,
    methods: open.methods.map((method) => ({ ...method, policy: { ...method.policy, callers: ['coupon'] } })),
  };
  const shadow = renderDryRun(next, settings).map(({ text }) => text);
  expect(shadow).toHaveLength(model.workloads.filter(({ kind }) => kind === 'service').length);
  expect(await differencesWith([...rendered.values(), ...shadow])).toEqual([]);
});

const gateway = 'cluster.local/ns/only2u/sa/gateway';
const users = '            requestPrincipals: [only2u/*]\n';

test.each<[name: string, path: string, change: (text: string) => string, difference: RegExp]>([
  [
    'a principal more',
    'istio/payment.yaml',
    (text) => text.replace(/( +- cluster.local.*\/)order\n(?= +to:)/, '$1order\n$1cart\n'),
    /^cart for \w+: only2u\.payment\..* allowed, not refused$/,
  ],
  [
    'every principal of the namespace',
    'istio/user.yaml',
    (text) => text.replace(new RegExp(`${gateway}\n(?= +requestPrincipals)`), 'cluster.local/ns/only2u/*\n'),
    /^stranger for \w+: only2u\.user\..* allowed, not refused$/,
  ],
  [
    'a path less',
    'istio/cart.yaml',
    (text) => text.replace(/ +- \/only2u.cart.v1.CartService\/GetCart .*\n/, ''),
    /^gateway for \w+: only2u\.cart\.v1\.CartService\/GetCart: refused, not allowed$/,
  ],
  [
    'a path that ends with a star',
    'istio/coupon.yaml',
    (text) => text.replace('/only2u.coupon.v1.CouponService/QuoteCoupon', '/only2u.coupon.v1.CouponService/*'),
    /^cart for \w+: only2u\.coupon\.v1\.CouponService\/RedeemCoupon: allowed, not refused$/,
  ],
  [
    'a condition on roles less',
    'istio/coupon.yaml',
    (text) => text.replace(/ +when:\n.*\n +values: .*\n/, ''),
    /^gateway for customer: only2u\.coupon\..* allowed, not refused$/,
  ],
  [
    'a role more',
    'istio/product.yaml',
    (text) => text.replace('values: [admin]', 'values: [admin, vendor]'),
    /^gateway for vendor: only2u\.product\.v1\.CategoryService\/.* allowed, not refused$/,
  ],
  [
    'no signed-in user asked for',
    'istio/order.yaml',
    (text) => text.replace(users, ''),
    /^gateway for none: only2u\.order\..* allowed, not refused$/,
  ],
  [
    'PERMISSIVE instead of STRICT',
    'istio/mesh.yaml',
    (text) => text.replace('STRICT', 'PERMISSIVE'),
    /^anonymous for .* refused, not rejected$/,
  ],
  [
    'a policy that selects nothing',
    'istio/product.yaml',
    (text) => text.replace(/(kind: AuthorizationPolicy[^]*?app: )product/, '$1products'),
    /^gateway for \w+: only2u\.product\..* refused, not allowed$/,
  ],
  [
    'a policy that denies instead',
    'istio/user.yaml',
    (text) => text.replace('action: ALLOW', 'action: DENY'),
    /^gateway for \w+: only2u\.user\..* refused, not allowed$/,
  ],
  [
    'tokens that nobody looks at',
    'istio/cart.yaml',
    (text) => text.replace(/(kind: RequestAuthentication[^]*?app: )cart/, '$1carts'),
    /^gateway for forged: only2u\.cart\..* allowed, not refused$/,
  ],
  [
    'keys from elsewhere',
    'istio/order.yaml',
    (text) => text.replace('/.well-known/jwks.json', '/keys.json'),
    /^gateway for vendor: only2u\.order\..* refused, not allowed$/,
  ],
])('a change by hand is found: %s', async (_name, path, change, difference) => {
  const differences = await differencesWith(changed(path, change));
  expect(differences.filter((each) => difference.test(each))).not.toEqual([]);
});

test('what the evaluator can not read it refuses to answer about', () => {
  const open = (change: (text: string) => string) => () =>
    createIstioPlane({ texts: changed('istio/cart.yaml', change), model, settings });
  expect(open((text) => text.replace('requestPrincipals', 'requestPrincipal'))).toThrow(/requestPrincipal/);
  expect(open((text) => text.replace('action: ALLOW', 'action: CUSTOM'))).toThrow(/action/);
});
