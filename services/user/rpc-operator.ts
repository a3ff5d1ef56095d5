import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  GrantRoleRequestSchema,
  GrantRoleResponseSchema,
  KeyService,
  OperatorService,
  RotateKeysResponseSchema,
} from '#gen/only2u/user/v1/auth_pb.ts';
import { currentCall } from '#platform/rpc/call.ts';
import { handle, type Handlers } from '#platform/service.ts';
import { createAccount, grantRole, houseAccountId, houseSessionId } from './account.ts';
import { addAccount, userNotFound } from './authentication.ts';
import { decodeRole, encodeUser } from './encode.ts';
import { assertPasswordAllowed } from './password.ts';
import type { PasswordHasher } from './password-hash.ts';
import { repeatable } from '#platform/repeatable.ts';
import type { Signer } from './signer.ts';
import type { UserStore } from './store.ts';

export type OperatorOptions = {
  readonly store: UserStore;
  readonly hasher: PasswordHasher;
  readonly signer: Signer;
  now(): Date;
  newId(prefix: string): string;
};

export function handleKeys(signer: Signer): Handlers {
  return handle(KeyService, {
    async getKeys() {
      return { jwksJson: await signer.keySet() };
    },
  });
}

/** What the project's own commands ask. Attempts are not counted: whoever holds the operator's certificate holds the shop. */
export function handleOperator({ store, hasher, signer, now, newId }: OperatorOptions): Handlers {
  return handle(OperatorService, {
    async grantRole({ requestId, email, password, role }) {
      const wanted = decodeRole(role, 'role');
      const passwordHash = await hasher.hash(email, password);
      return store.change(async (tx) => {
        let held = await tx.accounts.hold({ email, passwordHash });
        if (held === undefined) {
          assertPasswordAllowed({ password, email, field: 'password' });
          const candidate = createAccount({ id: newId('usr'), email, displayName: 'Only2U team' }, now());
          held = (await addAccount(tx, candidate, passwordHash)).account;
        }
        const id = held.id;
        // The credentials have become the account's id, so that what is kept of the request holds nothing secret.
        const request = create(GrantRoleRequestSchema, { requestId, email: id, role });
        const what = repeatable(OperatorService.method.grantRole, request, { actor: actor(), now: now() });
        await tx.once(what, async () => {
          const locked = await tx.accounts.lock(id);
          if (locked === undefined) throw userNotFound(id);
          const granted = grantRole(locked.account, wanted, now());
          if (granted !== locked.account) await tx.accounts.save(granted);
          return create(GrantRoleResponseSchema, { user: { id } });
        });
        const account = await tx.accounts.get(id);
        if (account === undefined) throw userNotFound(id);
        return { user: encodeUser(account) };
      });
    },

    /** Changes nothing, so a repeated request simply gets another token. */
    async issueToken() {
      const house = await store.accounts.get(houseAccountId);
      if (house === undefined) throw new Error('The house account, which migration 0001 makes, is missing.');
      const { token, expireTime } = await signer.sign({
        userId: house.id,
        roles: house.roles,
        sessionId: houseSessionId,
      });
      return { accessToken: token, expireTime: timestampFromDate(expireTime) };
    },

    async rotateKeys(request) {
      const what = repeatable(OperatorService.method.rotateKeys, request, { actor: actor(), now: now() });
      const answer = await store.change((tx) =>
        tx.once(what, async () => create(RotateKeysResponseSchema, { keyId: await signer.rotate(tx) })),
      );
      signer.forgetKeys();
      return answer;
    },
  });
}

function actor(): string {
  return currentCall()?.caller ?? '';
}
