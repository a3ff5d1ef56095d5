import type { Sql } from '#platform/database.postgres.ts';
import type { SigningKey } from './signing-key.ts';
import type { SigningKeys } from './store.ts';

type SigningKeyRow = {
  id: string;
  signs_from: Date;
  public_jwk: Record<string, string>;
  sealed_private_key: Buffer;
};

export function createSigningKeyTable(sql: Sql): SigningKeys {
  return {
    async list() {
      const rows = await sql.query<SigningKeyRow>(
        `SELECT id, signs_from, public_jwk, sealed_private_key FROM signing_key ORDER BY signs_from`,
      );
      return rows.map((row) => ({
        id: row.id,
        signsFrom: row.signs_from,
        publicJwk: row.public_jwk,
        sealedPrivateKey: row.sealed_private_key,
      }));
    },
    async lock() {
      await sql.query(`SELECT pg_advisory_xact_lock(hashtextextended('only2u user signing keys', 0))`);
    },
    async add(key: SigningKey) {
      await sql.query(
        `INSERT INTO signing_key (id, signs_from, public_jwk, sealed_private_key) VALUES ($1, $2, $3, $4)`,
        [key.id, key.signsFrom, key.publicJwk, key.sealedPrivateKey],
      );
    },
    async setSignsFrom(id, signsFrom) {
      await sql.query(`UPDATE signing_key SET signs_from = $2 WHERE id = $1`, [id, signsFrom]);
    },
    async remove(ids) {
      await sql.query(`DELETE FROM signing_key WHERE id = ANY ($1)`, [ids]);
    },
  };
}
