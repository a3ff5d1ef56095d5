import { createHmac } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import {
  AuthService,
  ChangePasswordRequestSchema,
  ChangePasswordResponseSchema,
  RevokeSessionResponseSchema,
  SignOutResponseSchema,
} from '#gen/only2u/user/v1/auth_pb.ts';
import { Fault } from '#platform/fault.ts';
import type { PageTokens } from '#platform/page-token.ts';
import { byId, listPage } from '#platform/paging.ts';
import { currentCall, requireUser } from '#platform/rpc/call.ts';
import { handle, type Handlers } from '#platform/service.ts';
import { assertSessionOpen, type Authentication, type ClientOrigin } from './authentication.ts';
import { encodeSession, encodeTokens, encodeUser } from './encode.ts';
import { repeatable } from '#platform/repeatable.ts';
import type { UserStore } from './store.ts';

export type AuthOptions = {
  readonly store: UserStore;
  readonly authentication: Authentication;
  readonly pageTokens: PageTokens;
  /** For what is kept of passwords to know a repeated request by. */
  readonly requestSecret: Buffer;
  now(): Date;
};

export function handleAuth({ store, authentication, pageTokens, requestSecret, now }: AuthOptions): Handlers {
  const trace = (password: string): string => createHmac('sha256', requestSecret).update(password).digest('base64url');

  return handle(AuthService, {
    async signUp(request) {
      const { account, tokens } = await authentication.signUp(request, origin());
      return { user: encodeUser(account), tokens: encodeTokens(tokens) };
    },

    async signIn(request) {
      const { account, tokens } = await authentication.signIn(request, origin());
      return { user: encodeUser(account), tokens: encodeTokens(tokens) };
    },

    async refreshSession(request) {
      return { tokens: encodeTokens(await authentication.refresh(request, origin())) };
    },

    signOut(request) {
      const user = requireUser();
      const what = repeatable(AuthService.method.signOut, request, { actor: user.id, now: now() });
      return store.change((tx) =>
        tx.once(what, async () => {
          await tx.sessions.end({ id: user.sessionId, userId: user.id }, now());
          return create(SignOutResponseSchema);
        }),
      );
    },

    async listSessions(request) {
      const user = requireUser();
      const { items, nextPageToken } = await listPage(request, {
        ...byId,
        tokens: pageTokens,
        method: AuthService.method.listSessions,
        filter: user.id,
        fetch: (page) => store.sessions.list(user.id, page, now()),
      });
      return { sessions: items.map((session) => encodeSession(session, user.sessionId)), nextPageToken };
    },

    revokeSession(request) {
      const user = requireUser();
      const what = repeatable(AuthService.method.revokeSession, request, { actor: user.id, now: now() });
      return store.change((tx) =>
        tx.once(what, async () => {
          await assertSessionOpen(tx, user, now());
          const ended = await tx.sessions.end({ id: request.sessionId, userId: user.id }, now());
          if (!ended) throw sessionNotFound(request.sessionId);
          return create(RevokeSessionResponseSchema);
        }),
      );
    },

    async changePassword(request) {
      const user = requireUser();
      const { requestId, currentPassword: current, newPassword: next } = request;
      const change = await authentication.preparePasswordChange(user, { current, next }, origin());
      const traced = create(ChangePasswordRequestSchema, {
        requestId,
        currentPassword: trace(current),
        newPassword: trace(next),
      });
      const what = repeatable(AuthService.method.changePassword, traced, { actor: user.id, now: now() });
      return store.change((tx) =>
        tx.once(what, async () => {
          await change(tx);
          return create(ChangePasswordResponseSchema);
        }),
      );
    },
  });
}

function origin(): ClientOrigin {
  const call = currentCall();
  return { address: call?.address ?? '', userAgent: call?.userAgent ?? '' };
}

function sessionNotFound(id: string): Fault {
  return new Fault('not-found', 'SESSION_NOT_FOUND', 'You have no open session with this id.', {
    metadata: { session_id: id },
  });
}
