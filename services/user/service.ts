import { z } from 'zod';
import { AuthService, KeyService, OperatorService } from '#gen/only2u/user/v1/auth_pb.ts';
import { UserService } from '#gen/only2u/user/v1/user_pb.ts';
import { secret } from '#platform/config.ts';
import { type Database, databaseOf, openDatabase } from '#platform/database.postgres.ts';
import { databaseVariables, redisVariables } from '#platform/engine-config.ts';
import { pageTokens } from '#platform/page-token.ts';
import { defineService, type Env, handle, type OpenService } from '#platform/service.ts';
import { createAuthentication } from './authentication.ts';
import { createLimiter } from './limiter.ts';
import { createPasswordHasher, type HasherOptions } from './password-hash.ts';
import { createRefreshTokens } from './refresh-token.ts';
import { addressMethods } from './rpc-address.ts';
import { handleAuth } from './rpc-auth.ts';
import { handleKeys, handleOperator } from './rpc-operator.ts';
import { accountMethods } from './rpc-user.ts';
import { deriveSecrets } from './secrets.ts';
import { openSigner } from './signer.ts';
import { createPostgresStore } from './store.postgres.ts';

const config = z.object({
  /** PostgreSQL, as a role that may make the schema "user_service" or owns it. */
  ...databaseVariables,
  ...redisVariables,
  /** What salts, tokens and the signing keys' encryption come from: see secrets.ts. Never changes. */
  USER_SECRET: secret(),
  /** How many password hashes are computed at a time: one a core, and no more than libuv has threads (4 unless UV_THREADPOOL_SIZE says more). */
  USER_HASH_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(2),
});

export type UserConfig = z.infer<typeof config>;

const sweepEveryMs = 60 * 60_000;

/** Accounts, sessions, addresses, and the keys that say who a user is. */
export const userService = defineService({
  name: 'user',
  contract: [AuthService, KeyService, OperatorService, UserService],
  config,
  open: (env) => openUserService(env),
});

export async function openUserService(
  { config, log, now, newId, metrics, events }: Omit<Env<UserConfig>, 'dial'>,
  quick: Pick<HasherOptions, 'compute'> = {},
): Promise<OpenService> {
  const secrets = deriveSecrets(config.USER_SECRET);
  const database = await openDatabase({
    ...databaseOf(config),
    schema: 'user_service', // "user" is a word of SQL's own
    migrations: new URL('./migrations/', import.meta.url),
    log,
    events,
  });
  const opened = openStore(config, database, log);
  const { store, engines } = await opened.catch(async (error: unknown) => {
    await database.close();
    throw error;
  });
  const opening = openSigner({ store, secret: secrets.signingKeys, now });
  const signer = await opening.catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const hasher = createPasswordHasher({
    secret: secrets.passwordSalts,
    concurrency: config.USER_HASH_CONCURRENCY,
    metrics,
    ...quick,
  });
  const authentication = createAuthentication({
    store,
    hasher,
    limiter: createLimiter({ store, secret: secrets.attempts }),
    refreshTokens: createRefreshTokens(secrets.refreshTokens),
    signer,
    requestSecret: secrets.requests,
    log,
    now,
    newId,
  });
  const tokens = pageTokens(secrets.pageTokens.toString('hex'), now);
  const rpc = { store, pageTokens: tokens, now, newId };

  const sweep = setInterval(() => {
    store.sweep(now()).catch((error: unknown) => log.warn({ err: error }, 'sweeping failed; the next one catches up'));
  }, sweepEveryMs).unref();

  return {
    handlers: [
      handleAuth({ store, authentication, pageTokens: tokens, requestSecret: secrets.requests, now }),
      handleKeys(signer),
      handleOperator({ store, hasher, signer, now, newId }),
      handle(UserService, { ...accountMethods(rpc), ...addressMethods(rpc) }),
    ],
    database,
    engines,
    async close() {
      clearInterval(sweep);
      await store.close();
    },
  };
}

/** All in PostgreSQL; where there is a Redis, refreshes are decided there first. */
async function openStore(config: UserConfig, database: Database, log: Env['log']) {
  const store = createPostgresStore(database);
  const { REDIS_URL } = config;
  if (REDIS_URL === undefined) return { store, engines: [] };
  const { openRedis } = await import('#platform/connection.redis.ts');
  const { withSessionsInRedis } = await import('./sessions.redis.ts');
  const redis = await openRedis({ ...config, REDIS_URL }, log);
  return { store: withSessionsInRedis({ store, database, redis, log }), engines: [redis.state(false)] };
}
