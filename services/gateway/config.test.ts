import { expect, test } from '@jest/globals';
import { gatewayConfig } from './config.ts';

test('every variable has a default that works on this machine alone', () => {
  expect(gatewayConfig.parse({})).toMatchObject({
    GATEWAY_HOST: '127.0.0.1',
    GATEWAY_PORT: 8080,
    GATEWAY_RATE_LIMITS: 'on',
  });
});

test('trusted proxies are addresses and networks', () => {
  const { GATEWAY_TRUSTED_PROXIES: proxies } = gatewayConfig.parse({
    GATEWAY_TRUSTED_PROXIES: ' 10.0.0.0/8, 2001:db8::/32 ,::1',
  });
  expect(['10.9.8.7', '11.0.0.1'].map((address) => proxies.check(address, 'ipv4'))).toEqual([true, false]);
  expect(['2001:db8::7', '::1', '::2'].map((address) => proxies.check(address, 'ipv6'))).toEqual([true, true, false]);
});

test.each([
  ['GATEWAY_TRUSTED_PROXIES', 'localhost'],
  ['GATEWAY_TRUSTED_PROXIES', '10.0.0.0/33'],
  ['GATEWAY_PORT', '99999'],
  ['GATEWAY_MAX_BODY_BYTES', 'much'],
  ['GATEWAY_RATE_LIMITS', 'maybe'],
])('%s=%s is refused', (name, value) => {
  expect(gatewayConfig.safeParse({ [name]: value }).error?.issues[0]?.path).toEqual([name]);
});
