import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { atOnce, openUserShop, refusal, requestId, type UserShop } from './service.testing.ts';

let shop: UserShop;
beforeAll(async () => {
  shop = await openUserShop();
});
afterAll(() => shop.close());

const home = { recipient: 'Asha Rao', lines: ['12 MG Road'], city: 'Bengaluru', countryCode: 'IN' };
const create = (more: object = {}) => ({ requestId: requestId(), address: { ...home, ...more } });

test('an address is created once, listed, changed and removed', async () => {
  const { users } = await shop.join();
  const request = create();
  const { address } = await users.createAddress(request);
  expect(address).toMatchObject({ ...home, id: expect.stringMatching(/^adr_/), etag: '1' });
  expect((await users.createAddress(request)).address).toEqual(address); // repeated
  const id = address?.id ?? '';
  shop.wait(1000);
  const { address: moved } = await users.updateAddress({
    requestId: requestId(),
    address: { id, city: 'Mysuru', recipient: 'not read', etag: '1' },
    updateMask: { paths: ['city'] },
  });
  expect(moved).toMatchObject({ ...home, city: 'Mysuru', etag: '2' });
  expect((await users.listAddresses({})).addresses).toEqual([moved]);
  expect((await users.getAddress({ addressId: id })).address).toEqual(moved);
  const remove = { requestId: requestId(), addressId: id, etag: '2' };
  await users.deleteAddress(remove);
  await users.deleteAddress(remove); // repeated
  expect((await users.listAddresses({})).addresses).toEqual([]);
});

test('another’s address is as good as none', async () => {
  const [asha, ravi] = [await shop.join(), await shop.join()];
  const { address } = await asha.users.createAddress(create());
  const id = address?.id ?? '';
  const update = { requestId: requestId(), address: { id, city: 'Mine' }, updateMask: { paths: ['city'] } };
  const refused = { code: 'NotFound', reason: 'ADDRESS_NOT_FOUND' };
  expect(await refusal(ravi.users.updateAddress(update))).toMatchObject(refused);
  expect(await refusal(ravi.users.getAddress({ addressId: id }))).toMatchObject(refused);
  expect(await refusal(asha.users.getAddress({ addressId: 'adr_none' }))).toMatchObject(refused);
  expect(await refusal(ravi.users.deleteAddress({ requestId: requestId(), addressId: id }))).toMatchObject(refused);
  expect((await ravi.users.listAddresses({})).addresses).toEqual([]);
  expect((await asha.users.listAddresses({})).addresses).toHaveLength(1);
});

test('the order service reads an address for its owner, nobody reads one for no one', async () => {
  const asha = await shop.join();
  const { address } = await asha.users.createAddress(create());
  const addressId = address?.id ?? '';
  const user = { id: asha.user.id, roles: ['customer'], sessionId: 'ses_1' };
  const by = (caller: Parameters<typeof shop.app.as>[0]) =>
    shop.app.as(caller).client(UserService).getAddress({ addressId });
  expect((await by({ caller: 'order', user })).address).toEqual(address);
  expect((await refusal(by({ caller: 'order' }))).code).toBe('Unauthenticated');
  expect((await refusal(by({ caller: 'cart', user }))).code).toBe('PermissionDenied');
});

test('a stale etag is refused', async () => {
  const { users } = await shop.join();
  const id = (await users.createAddress(create())).address?.id ?? '';
  const update = (city: string) =>
    users.updateAddress({
      requestId: requestId(),
      address: { id, city, etag: '1' },
      updateMask: { paths: ['city'] },
    });
  const { answers, reasons } = await atOnce(['Mysuru', 'Hubli', 'Mangaluru'].map(update));
  expect(answers).toHaveLength(1);
  expect(reasons).toEqual(['ETAG_MISMATCH', 'ETAG_MISMATCH']);
  const remove = users.deleteAddress({ requestId: requestId(), addressId: id, etag: '1' });
  expect(await refusal(remove)).toMatchObject({ code: 'Aborted', reason: 'ETAG_MISMATCH' });
});

test('what is missing is named, at once, and also when a change takes it away', async () => {
  const { users } = await shop.join();
  expect(await refusal(users.createAddress(create({ city: ' ', lines: [] })))).toMatchObject({
    code: 'InvalidArgument',
    reason: 'ADDRESS_INCOMPLETE',
    fields: ['address.lines', 'address.city'],
  });
  const id = (await users.createAddress(create())).address?.id ?? '';
  const empty = users.updateAddress({ requestId: requestId(), address: { id }, updateMask: { paths: ['recipient'] } });
  expect(await refusal(empty)).toMatchObject({ reason: 'ADDRESS_INCOMPLETE', fields: ['address.recipient'] });
});

test.each([
  [['id'], 'PATH_UNKNOWN'],
  [['address.city'], 'PATH_UNKNOWN'],
  [[], 'MASK_EMPTY'],
])('the mask %j is refused', async (paths, reason) => {
  const { users } = await shop.join();
  const update = users.updateAddress({ requestId: requestId(), address: { id: 'adr_1' }, updateMask: { paths } });
  expect(await refusal(update)).toMatchObject({ code: 'InvalidArgument', fields: ['update_mask'] });
  expect((await refusal(update)).reason).toBe(reason);
});

test('a country or a phone number of another form is refused with its field', async () => {
  const { users } = await shop.join();
  const refused = await refusal(users.createAddress(create({ countryCode: 'India', phone: '98765' })));
  expect(refused).toMatchObject({ fields: ['address.country_code', 'address.phone'] });
});

test('an account keeps fifty addresses, also when many come at once', async () => {
  const { users } = await shop.join();
  for (let i = 0; i < 45; i += 1) await users.createAddress(create());
  const { answers, reasons } = await atOnce(Array.from({ length: 20 }, () => users.createAddress(create())));
  expect(answers).toHaveLength(5);
  expect(new Set(reasons)).toEqual(new Set(['TOO_MANY_ADDRESSES']));
  const page = await users.listAddresses({ pageSize: 30 });
  const rest = await users.listAddresses({ pageSize: 30, pageToken: page.nextPageToken });
  expect([page.addresses.length, rest.addresses.length, rest.nextPageToken]).toEqual([30, 20, '']);
});

test('a deleted account gets no new address', async () => {
  const { users } = await shop.join();
  await users.deleteUser({ requestId: requestId(), userId: 'me' });
  expect(await refusal(users.createAddress(create()))).toMatchObject({ code: 'NotFound', reason: 'USER_NOT_FOUND' });
});
