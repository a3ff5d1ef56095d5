import { createHmac, randomUUID } from 'node:crypto';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { decodeJwt } from 'jose';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { AuthService, OperatorService, KeyService, type SessionTokens } from '#gen/only2u/user/v1/auth_pb.ts';
import { UserCreatedSchema, UserDeletedSchema } from '#gen/only2u/user/v1/events_pb.ts';
import { UserService, type Role, type User as UserMessage } from '#gen/only2u/user/v1/user_pb.ts';
import type { EventMessage } from '#platform/event-bus.ts';
import type { User } from '#platform/rpc/call.ts';
import { openTestDatabase, type TestDatabase } from '#platform/testing/database.ts';
import { openTestService, type TestService } from '#platform/testing/service.ts';
import { openUserService, userService } from './service.ts';

/** A person with an account, and the clients that call for them. */
export type Person = {
  readonly user: UserMessage;
  readonly tokens: SessionTokens;
  readonly email: string;
  readonly password: string;
  readonly auth: Client<typeof AuthService>;
  readonly users: Client<typeof UserService>;
};

export type UserShop = {
  readonly app: TestService;
  readonly database: TestDatabase;
  readonly operator: Client<typeof OperatorService>;
  readonly keys: Client<typeof KeyService>;
  /** Somebody who is not signed in, at an address of their own unless told. */
  guest(address?: string): Client<typeof AuthService>;
  /** Somebody new. */
  join(more?: { email?: string; password?: string; address?: string; role?: Role }): Promise<Person>;
  /** The clients of whoever holds these tokens. */
  as(tokens: SessionTokens | undefined, address?: string): Pick<Person, 'auth' | 'users'>;
  /** The events about this id, once so many have come. */
  told(id: string, count: number): Promise<string[]>;
  /** Lets time pass. */
  wait(ms: number): void;
  now(): Date;
  close(): Promise<void>;
};

export const minuteMs = 60_000;
export const dayMs = 24 * 60 * minuteMs;

export const requestId = (): string => randomUUID();

let addresses = 0;
/** An address that nobody else has. */
export const newAddress = (): string => `10.${(addresses += 1) >> 8}.${addresses & 255}.1`;

/** The user service in memory on a database of its own, with a clock that stands until told. */
export async function openUserShop(): Promise<UserShop> {
  const database = await openTestDatabase('user_service', new URL('./migrations/', import.meta.url));
  let time = new Date('2026-03-01T10:00:00.000Z').getTime();
  const events = createEventLog();
  const service: typeof userService = {
    ...userService,
    open: (env) => openUserService(env, { compute: quickHash }),
  };
  const app = await openTestService(service, {
    config: {
      DATABASE_URL: database.url,
      USER_SECRET: 'for tests only, 32 characters or more',
      USER_HASH_CONCURRENCY: 20, // with the queue of 32 room for fifty at once
    },
    now: () => new Date(time),
  });
  await app.bus.subscribe({ group: 'test', topics: events.topics, handle: events.handle });
  const operator = app.as({ caller: 'operator' }).client(OperatorService);
  const as: UserShop['as'] = (tokens, address = newAddress()) => {
    const caller = app.as({ user: userOf(tokens?.accessToken ?? ''), address, userAgent: 'test' });
    return { auth: caller.client(AuthService), users: caller.client(UserService) };
  };
  return {
    app,
    database,
    operator,
    as,
    keys: app.as({ caller: 'product' }).client(KeyService),
    guest: (address = newAddress()) => app.as({ address, userAgent: 'test' }).client(AuthService),
    async join({ email = `${randomUUID()}@example.com`, password = 'monsoon-mango-41', address, role } = {}) {
      const person = { requestId: requestId(), email, password, displayName: 'Asha' };
      if (role !== undefined) await operator.grantRole({ requestId: requestId(), email, password, role });
      const { user, tokens } = await app
        .as({ address: address ?? newAddress(), userAgent: 'test' })
        .client(AuthService)
        .signUp(person);
      if (user === undefined || tokens === undefined) throw new Error('an account and tokens were expected');
      return { user, tokens, email, password, ...as(tokens) };
    },
    told: events.about,
    wait(ms) {
      time += ms;
    },
    now: () => new Date(time),
    async close() {
      await app.close();
      await database.close();
    },
  };
}

/** Stands in for argon2id, of which these tests would compute hundreds; password-hash.test.ts and authentication.test.ts have the real one. */
function quickHash(password: string, salt: Buffer): Promise<Buffer> {
  return Promise.resolve(createHmac('sha256', salt).update(password).digest());
}

function createEventLog() {
  const seen: EventMessage[] = [];
  const waiting = new Set<() => void>();
  const about = (id: string): string[] => seen.filter(({ key }) => key === id).map(({ topic }) => topic);
  return {
    topics: [UserCreatedSchema.typeName, UserDeletedSchema.typeName],
    handle(message: EventMessage): Promise<void> {
      seen.push(message);
      for (const look of waiting) look();
      return Promise.resolve();
    },
    about: (id: string, count: number) =>
      new Promise<string[]>((resolve) => {
        const look = (): void => {
          if (about(id).length < count) return;
          waiting.delete(look);
          resolve(about(id));
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Whom an access token names; tests of the service stand behind the verifier, which has tests of its own. */
export function userOf(accessToken: string): User {
  const { sub = '', sid, roles } = decodeJwt(accessToken);
  return { id: sub, sessionId: String(sid), roles: Array.isArray(roles) ? roles.map(String) : [] };
}

export type Refusal = {
  readonly code: string;
  readonly reason: string;
  readonly fields: string[];
  readonly retryAfterMs: number;
};

/** How a call was refused; throws when it was not. */
export async function refusal(work: Promise<unknown>): Promise<Refusal> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (error === undefined) throw new Error('it was not refused');
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    code: Code[error.code],
    reason: error.findDetails(ErrorInfoSchema)[0]?.reason ?? '',
    fields: error
      .findDetails(BadRequestSchema)
      .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field)),
    retryAfterMs: Number(delay?.seconds ?? 0) * 1000 + (delay?.nanos ?? 0) / 1e6,
  };
}

/** What came of calls made at once: the answers, and the reasons of those refused. */
export async function atOnce<T>(calls: readonly Promise<T>[]): Promise<{ answers: T[]; reasons: string[] }> {
  const settled = await Promise.allSettled(calls);
  const answers = settled.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  const refused = settled
    .filter((one) => one.status === 'rejected')
    .map(({ reason }) => refusal(Promise.reject(reason)));
  return { answers, reasons: (await Promise.all(refused)).map(({ reason }) => reason) };
}
