import { expect, test } from '@jest/globals';
import { Fault } from '#platform/fault.ts';
import { currentCall, withCall, type Call } from '#platform/rpc/call.ts';
import { gatherLookups } from './gathering.ts';
import type { Offer } from './offer.ts';

const offerOf = (variantId: string): Offer => ({
  variantId,
  productId: 'prd_1',
  vendorId: 'usr_v',
  title: 'Shirt',
  variantTitle: '',
  handle: 'shirt',
  imageUrl: '',
  price: { minorUnits: 1n, currency: 'INR' },
  categoryIds: [],
  onSale: true,
  maxQuantity: 1,
});

/** Gathered lookups, with what was asked and in which call. */
function openLookups() {
  const asked: { readonly variantIds: readonly string[]; readonly call: string | undefined }[] = [];
  const lookUp = gatherLookups(async (variantIds) => {
    asked.push({ variantIds, call: currentCall()?.requestId });
    if (variantIds.includes('var_away')) throw new Fault('unavailable', 'AWAY', 'later');
    if (variantIds.includes('var_bad')) throw new Error('bad');
    return variantIds.map(offerOf);
  });
  const inCall = (requestId: string, variantIds: readonly string[]) => {
    const call: Call = {
      caller: 'gateway',
      user: undefined,
      token: undefined,
      requestId,
      address: '',
      userAgent: '',
      deadlineMs: undefined,
      signal: new AbortController().signal,
      traceparent: undefined,
    };
    return withCall(call, () => lookUp(variantIds));
  };
  return { asked, inCall };
}

test('what is asked at the same time is looked up together, in nobody’s call', async () => {
  const { asked, inCall } = openLookups();
  const answers = await Promise.all([inCall('one', ['a', 'b']), inCall('two', ['b', 'c']), inCall('three', ['a'])]);
  expect(asked).toEqual([{ variantIds: ['a', 'b', 'c'], call: undefined }]);
  expect(answers.every((offers) => offers.length === 3)).toBe(true);
});

test('who asks alone asks in the own call, and what comes later is looked up anew', async () => {
  const { asked, inCall } = openLookups();
  await inCall('one', ['a']);
  await inCall('two', ['a']);
  expect(asked).toEqual([
    { variantIds: ['a'], call: 'one' },
    { variantIds: ['a'], call: 'two' },
  ]);
});

test('no lookup is larger than product takes', async () => {
  const { asked, inCall } = openLookups();
  const ids = (from: number, count: number) => Array.from({ length: count }, (_, i) => `var_${from + i}`);
  await Promise.all([
    inCall('one', ids(0, 60)),
    inCall('two', ids(30, 70)),
    inCall('three', ids(100, 1)),
    inCall('four', ids(0, 100)),
  ]);
  expect(asked.map(({ variantIds }) => variantIds.length)).toEqual([100, 1, 100]);
});

test('while nobody answers all who wait are told, after one try', async () => {
  const { asked, inCall } = openLookups();
  const settled = await Promise.allSettled([inCall('one', ['var_away']), inCall('two', ['a'])]);
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(asked).toHaveLength(1);
});

test('nobody fails for what another asked', async () => {
  const { asked, inCall } = openLookups();
  const [bad, good] = await Promise.allSettled([inCall('one', ['var_bad']), inCall('two', ['a'])]);
  expect([bad.status, good.status]).toEqual(['rejected', 'fulfilled']);
  expect(asked.map(({ call }) => call)).toEqual([undefined, 'one', 'two']);
});
