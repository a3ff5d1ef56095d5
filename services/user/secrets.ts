import { hkdfSync } from 'node:crypto';

/** One key for each use, so that none can be turned against another. */
export type Secrets = {
  readonly passwordSalts: Buffer;
  readonly refreshTokens: Buffer;
  readonly signingKeys: Buffer;
  readonly attempts: Buffer;
  readonly requests: Buffer;
  readonly pageTokens: Buffer;
};

/**
 * The service's keys, from its one secret (HKDF, RFC 5869). With another secret nobody can sign in any more and the signing
 * keys can't be opened: it is as much a part of the data as the database is, and must be kept as safely, elsewhere.
 */
export function deriveSecrets(secret: string): Secrets {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', secret, 'only2u user service', use, 32));
  return {
    passwordSalts: derive('password salts'),
    refreshTokens: derive('refresh tokens'),
    signingKeys: derive('signing keys'),
    attempts: derive('attempts'),
    requests: derive('requests'),
    pageTokens: derive('page tokens'),
  };
}
