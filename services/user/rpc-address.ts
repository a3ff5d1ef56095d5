import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  CreateAddressResponseSchema,
  DeleteAddressResponseSchema,
  UpdateAddressResponseSchema,
  UserService,
  type Address as AddressMessage,
} from '#gen/only2u/user/v1/user_pb.ts';
import { Fault } from '#platform/fault.ts';
import type { PageTokens } from '#platform/page-token.ts';
import { byId, listPage } from '#platform/paging.ts';
import { requireUser } from '#platform/rpc/call.ts';
import { assertEtag } from './account.ts';
import {
  addressesPerAccount,
  addressPaths,
  assertPaths,
  changeAddress,
  createAddress,
  tooManyAddresses,
  type Address,
  type AddressFields,
} from './address.ts';
import { userNotFound } from './authentication.ts';
import { encodeAddress } from './encode.ts';
import { repeatable } from '#platform/repeatable.ts';
import type { UserStore } from './store.ts';

export type UserRpcOptions = {
  readonly store: UserStore;
  readonly pageTokens: PageTokens;
  now(): Date;
  newId(prefix: string): string;
};

type Implementation = Pick<
  ServiceImpl<typeof UserService>,
  'createAddress' | 'getAddress' | 'listAddresses' | 'updateAddress' | 'deleteAddress'
>;

/** The methods of UserService about addresses: the caller's own, and nobody else's. */
export function addressMethods({ store, pageTokens, now, newId }: UserRpcOptions): Implementation {
  return {
    createAddress(request) {
      const { id: userId } = requireUser();
      const address = createAddress(newId('adr'), userId, decodeFields(request.address), now());
      const what = repeatable(UserService.method.createAddress, request, { actor: userId, now: now() });
      return store.change((tx) =>
        tx.once(what, async () => {
          // The lock keeps two requests at once from passing the limit together.
          if ((await tx.accounts.lock(userId)) === undefined) throw userNotFound(userId);
          if ((await tx.addresses.count(userId)) >= addressesPerAccount) throw tooManyAddresses();
          await tx.addresses.add(address);
          return create(CreateAddressResponseSchema, { address: encodeAddress(address) });
        }),
      );
    },

    async getAddress({ addressId }) {
      const { id: userId } = requireUser();
      return { address: encodeAddress(found(await store.addresses.find(userId, addressId), addressId)) };
    },

    async listAddresses(request) {
      const { id: userId } = requireUser();
      const { items, nextPageToken } = await listPage(request, {
        ...byId,
        tokens: pageTokens,
        method: UserService.method.listAddresses,
        filter: userId,
        fetch: (page) => store.addresses.list(userId, page),
      });
      return { addresses: items.map(encodeAddress), nextPageToken };
    },

    updateAddress(request) {
      const { id: userId } = requireUser();
      const id = request.address?.id ?? '';
      const change = { fields: decodeFields(request.address), paths: request.updateMask?.paths ?? [] };
      assertPaths(change.paths, addressPaths);
      const what = repeatable(UserService.method.updateAddress, request, { actor: userId, now: now() });
      return store.change((tx) =>
        tx.once(what, async () => {
          const address = found(await tx.addresses.lock(userId, id), id);
          assertEtag(request.address?.etag ?? '', address.revision);
          const changed = changeAddress(address, change, now());
          if (changed !== address) await tx.addresses.save(changed);
          return create(UpdateAddressResponseSchema, { address: encodeAddress(changed) });
        }),
      );
    },

    deleteAddress(request) {
      const { id: userId } = requireUser();
      const what = repeatable(UserService.method.deleteAddress, request, { actor: userId, now: now() });
      return store.change((tx) =>
        tx.once(what, async () => {
          const address = found(await tx.addresses.lock(userId, request.addressId), request.addressId);
          assertEtag(request.etag, address.revision);
          await tx.addresses.remove(userId, address.id);
          return create(DeleteAddressResponseSchema);
        }),
      );
    },
  };
}

function decodeFields(address: AddressMessage | undefined): AddressFields {
  return {
    recipient: address?.recipient ?? '',
    lines: address?.lines ?? [],
    city: address?.city ?? '',
    region: address?.region ?? '',
    postalCode: address?.postalCode ?? '',
    countryCode: address?.countryCode ?? '',
    phone: address?.phone ?? '',
  };
}

function found(address: Address | undefined, id: string): Address {
  if (address !== undefined) return address;
  throw new Fault('not-found', 'ADDRESS_NOT_FOUND', 'You have no address with this id.', {
    metadata: { address_id: id },
  });
}
