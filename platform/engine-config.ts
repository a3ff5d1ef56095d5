import { z } from 'zod';

/**
 * The variables that move a port to its production engine. A service spreads those it can use into its own `config`. Without the
 * first of each the embedded default holds. As every variable each may come from a file (REDIS_URL_FILE), which is how passwords and
 * authorities are given.
 */
export const redisVariables = {
  /** redis://… or rediss://USER:PASSWORD@HOST:PORT/DATABASE; rediss is TLS. */
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  /** Whom to trust with rediss, in PEM; without it the system's authorities. */
  REDIS_CA: z.string().optional(),
  /** What all keys and channels begin with. */
  REDIS_PREFIX: z
    .string()
    .regex(/^[a-z0-9._:-]{1,32}$/, 'is no prefix: up to 32 small letters, digits and . _ : -')
    .default('only2u:'),
};

export type RedisConfig = z.infer<z.ZodObject<typeof redisVariables>>;
