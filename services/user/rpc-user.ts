import { create } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { z } from 'zod';
import {
  DeleteUserResponseSchema,
  UpdateUserResponseSchema,
  UserService,
  type UpdateUserRequest,
} from '#gen/only2u/user/v1/user_pb.ts';
import { Fault, invalidField } from '#platform/fault.ts';
import { requireUser, type User } from '#platform/rpc/call.ts';
import {
  assertEtag,
  assertMayManage,
  changeAccount,
  houseAccountId,
  type Account,
  type AccountChange,
} from './account.ts';
import { assertPaths } from './address.ts';
import { assertSessionOpen, userNotFound } from './authentication.ts';
import { decodeRole, encodeProfile, encodeUser } from './encode.ts';
import { repeatable } from '#platform/repeatable.ts';
import { listPage } from '#platform/paging.ts';
import type { UserRpcOptions } from './rpc-address.ts';
import type { AccountCursor } from './store.ts';

type Implementation = Pick<
  ServiceImpl<typeof UserService>,
  'getUser' | 'updateUser' | 'deleteUser' | 'listUsers' | 'batchGetUsers'
>;

/** The methods of UserService about accounts. Reading takes one statement. */
export function accountMethods({ store, pageTokens, now }: UserRpcOptions): Implementation {
  return {
    async getUser({ userId }) {
      const id = managed(requireUser(), userId);
      return { user: encodeUser(found(await store.accounts.get(id), id)) };
    },

    updateUser(request) {
      const user = requireUser();
      const id = managed(user, request.user?.id ?? '', 'user.id');
      const change = decodeChange(user, request);
      const what = repeatable(UserService.method.updateUser, request, { actor: user.id, now: now() });
      return store.change(async (tx) => {
        // The answer that is kept for a repeated request names the account only: an admin's would outlive its erasure.
        await tx.once(what, async () => {
          const { account } = found(await tx.accounts.lock(id), id);
          assertEtag(request.user?.etag ?? '', account.revision);
          if (change.roles !== undefined) assertNotHouse(id);
          const changed = changeAccount(account, change, now());
          if (changed !== account) await tx.accounts.save(changed);
          return create(UpdateUserResponseSchema, { user: { id } });
        });
        return { user: encodeUser(found(await tx.accounts.get(id), id)) };
      });
    },

    deleteUser(request) {
      const user = requireUser();
      const id = managed(user, request.userId);
      const what = repeatable(UserService.method.deleteUser, request, { actor: user.id, now: now() });
      return store.change((tx) =>
        tx.once(what, async () => {
          assertNotHouse(id);
          const { account } = found(await tx.accounts.lock(id), id);
          await assertSessionOpen(tx, user, now());
          assertEtag(request.etag, account.revision);
          await tx.accounts.erase(id, now());
          await tx.forgetReplays(id, request.requestId);
          await tx.publish({ kind: 'deleted', userId: id, time: now() });
          return create(DeleteUserResponseSchema);
        }),
      );
    },

    async listUsers(request) {
      const { items, nextPageToken } = await listPage<Account, AccountCursor>(request, {
        tokens: pageTokens,
        method: UserService.method.listUsers,
        filter: '',
        cursor: (account) => [account.createTime.getTime(), account.id],
        parse: parseAccountCursor,
        fetch: (page) => store.accounts.list(page),
      });
      return { users: items.map(encodeUser), nextPageToken };
    },

    async batchGetUsers({ userIds }) {
      const accounts = new Map((await store.accounts.getAll(userIds)).map((account) => [account.id, account]));
      const asked = [...new Set(userIds)].map((id) => accounts.get(id)).filter((account) => account !== undefined);
      return { profiles: asked.map(encodeProfile) };
    },
  };
}

/** The account that a request means, when the caller may manage it. */
function managed(user: User, id: string, field = 'user_id'): string {
  if (id === '') throw invalidField(field, 'REQUIRED', 'name an account, or "me" for your own');
  const meant = id === 'me' ? user.id : id;
  assertMayManage(user, meant);
  return meant;
}

const userPaths = ['display_name', 'roles'];

function decodeChange(user: User, { user: values, updateMask }: UpdateUserRequest): AccountChange {
  const paths = updateMask?.paths ?? [];
  assertPaths(paths, userPaths);
  if (paths.includes('roles') && !user.roles.includes('admin')) {
    throw new Fault('permission-denied', 'ROLES_FOR_ADMINS', 'Only an admin changes roles.', {
      metadata: { field: 'roles' },
    });
  }
  return {
    ...(paths.includes('display_name') && { displayName: values?.displayName ?? '' }),
    ...(paths.includes('roles') && { roles: (values?.roles ?? []).map((role) => decodeRole(role, 'user.roles')) }),
  };
}

const accountCursor = z.tuple([z.number(), z.string()]);

function parseAccountCursor(cursor: unknown): AccountCursor | undefined {
  const { data } = accountCursor.safeParse(cursor);
  return data && { createTime: new Date(data[0]), id: data[1] };
}

function found<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw userNotFound(id);
  return value;
}

function assertNotHouse(id: string): void {
  if (id !== houseAccountId) return;
  throw new Fault(
    'failed-precondition',
    'HOUSE_ACCOUNT',
    'The house account owns the shop’s own catalog and stays as it is.',
    {
      metadata: { user_id: id },
    },
  );
}
