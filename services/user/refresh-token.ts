import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** Which refresh token: one of a session's, by its place in the line. */
export type RefreshTokenClaims = { readonly sessionId: string; readonly generation: number };

export type RefreshTokens = {
  /** The token that `requestId` makes. The same arguments give the same token, so a lost answer can be given again without storing it. */
  make(claims: RefreshTokenClaims, requestId: string): string;
  /** What an authentic token claims, or undefined for anything that this service didn't make. */
  read(token: string): RefreshTokenClaims | undefined;
};

/**
 * Opaque refresh tokens: `<session>.<generation>.<nonce>.<mac>`.
 *
 * The nonce depends on the request that asked for the token, and the MAC covers everything, so that
 * - a made-up token is told without asking the store, and can't end somebody's session by looking like a used one;
 * - a used token is known for authentic however old it is, though only the hash of the latest is stored: one row a session;
 * - whoever reads the database can't make a token (it lacks the secret), and whoever reads the secret can't either (it lacks
 *   the request id that went into the nonce, hence the hash that the store asks for).
 */
export function createRefreshTokens(secret: Buffer): RefreshTokens {
  const mac = (...parts: readonly (string | number)[]) =>
    createHmac('sha256', secret).update(JSON.stringify(parts)).digest();

  return {
    make({ sessionId, generation }, requestId) {
      const nonce = mac('nonce', sessionId, generation, requestId).toString('base64url');
      return [sessionId, generation, nonce, mac('token', sessionId, generation, nonce).toString('base64url')].join('.');
    },
    read(token) {
      const [sessionId, generationText, nonce, tag, ...rest] = token.split('.');
      if (sessionId === undefined || generationText === undefined || nonce === undefined || tag === undefined)
        return undefined;
      if (rest.length > 0 || !/^(0|[1-9][0-9]{0,8})$/.test(generationText)) return undefined;
      const generation = Number(generationText);
      const given = Buffer.from(tag, 'base64url');
      const right = mac('token', sessionId, generation, nonce);
      if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
      // Base64 leaves room for several spellings of the same bytes; only ours is the token.
      return tag === right.toString('base64url') ? { sessionId, generation } : undefined;
    },
  };
}

/** What is stored of a refresh token. It has 256 random-looking bits, so that a plain hash is enough. */
export function hashRefreshToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
