import { expect, test } from '@jest/globals';
import { readConfig } from '#platform/config.ts';
import { paymentConfig } from './config.ts';

const read = (variables: Readonly<Record<string, string>>) => {
  const part = { name: 'payment', config: paymentConfig };
  return readConfig([part], { variables: { DATABASE_URL: 'postgres://somewhere/only2u', ...variables } }).of(part);
};
const key = { RAZORPAY_KEY_ID: 'rzp_test_1', RAZORPAY_KEY_SECRET: 'secret' };

test('without anything there is no provider', () => {
  expect(read({})).toMatchObject({ PAYMENT_PROVIDER: '', TEST_PROVIDER: 'off', RAZORPAY_WEBHOOK_SECRETS: [] });
});

test('a key without its secret, or without the secret of its events, is named at start', () => {
  expect(() => read({ RAZORPAY_KEY_ID: 'rzp_test_1' })).toThrow(
    /RAZORPAY_KEY_SECRET: .*\n.*RAZORPAY_WEBHOOK_SECRETS: /,
  );
  expect(() => read(key)).toThrow(/RAZORPAY_WEBHOOK_SECRETS: is needed/);
  expect(read({ ...key, RAZORPAY_WEBHOOK_SECRETS: 'new, old' }).RAZORPAY_WEBHOOK_SECRETS).toEqual(['new', 'old']);
});

test('a provider that can’t be is named at start', () => {
  expect(() => read({ PAYMENT_PROVIDER: 'razorpay' })).toThrow(/RAZORPAY_KEY_ID: is needed/);
  expect(() => read({ PAYMENT_PROVIDER: 'test' })).toThrow(/TEST_PROVIDER: has to be on/);
  expect(() => read({ PAYMENT_PROVIDER: 'stripe' })).toThrow(/PAYMENT_PROVIDER/);
});

test('faults that can’t be read are named at start', () => {
  expect(() => read({ TEST_PROVIDER_FAULTS: 'fail=often' })).toThrow(/TEST_PROVIDER_FAULTS: is a list such as/);
  expect(read({ TEST_PROVIDER_FAULTS: 'seed=3,fail=0.5' }).TEST_PROVIDER_FAULTS).toMatchObject({ seed: 3, fail: 0.5 });
});
