import { brokenUnique, type Sql } from '#platform/database.postgres.ts';
import { Fault } from '#platform/fault.ts';
import { normaliseEmail, roles, type Account } from './account.ts';
import type { Accounts } from './store.ts';

export type AccountRow = {
  id: string;
  email: string;
  email_verified: boolean;
  display_name: string;
  roles: string[];
  create_time: Date;
  update_time: Date;
  revision: number;
};

export const accountColumns = `a.id, a.email, a.email_verified, a.display_name, a.roles, a.create_time, a.update_time, a.revision`;

export function createAccountTable(sql: Sql): Accounts {
  return {
    async get(id) {
      const rows = await sql.query<AccountRow>(
        `SELECT ${accountColumns} FROM account a WHERE a.id = $1 AND a.delete_time IS NULL`,
        [id],
      );
      return rows.map(toAccount)[0];
    },
    async getAll(ids) {
      const rows = await sql.query<AccountRow>(
        `SELECT ${accountColumns} FROM account a WHERE a.id = ANY ($1) AND a.delete_time IS NULL`,
        [ids],
      );
      return rows.map(toAccount);
    },
    async list({ after, limit }) {
      const rows = await sql.query<AccountRow>(
        `SELECT ${accountColumns} FROM account a
        WHERE a.delete_time IS NULL AND (a.create_time, a.id) < (coalesce($1::timestamptz, 'infinity'), coalesce($2, ''))
        ORDER BY a.create_time DESC, a.id DESC LIMIT $3`,
        [after?.createTime, after?.id, limit],
      );
      return rows.map(toAccount);
    },
    async lock(id) {
      const rows = await sql.query<AccountRow & { password_hash: Buffer | null }>(
        `SELECT ${accountColumns}, a.password_hash FROM account a WHERE a.id = $1 AND a.delete_time IS NULL FOR UPDATE`,
        [id],
      );
      const [row] = rows;
      return row && { account: toAccount(row), passwordHash: row.password_hash ?? undefined };
    },
    async hold({ email, passwordHash }) {
      // Found by comparing hashes in an index, whose timing tells nothing: the hash is argon2id under a salt that only the
      // server can compute, so nobody can steer a guess towards it byte by byte.
      const rows = await sql.query<AccountRow>(
        `SELECT ${accountColumns} FROM account a WHERE a.email_key = $1 AND a.password_hash = $2 FOR SHARE`,
        [normaliseEmail(email), passwordHash],
      );
      return rows.map(toAccount)[0];
    },
    async add(account, { email, passwordHash }) {
      const rows = await sql.query(
        `INSERT INTO account (id, email, email_key, email_verified, password_hash, display_name, roles, create_time,
          update_time, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT ON CONSTRAINT account_key DO NOTHING RETURNING id`,
        [
          account.id,
          account.email,
          normaliseEmail(email),
          account.emailVerified,
          passwordHash,
          account.displayName,
          account.roles,
          account.createTime,
          account.updateTime,
          account.revision,
        ],
      );
      return rows.length > 0;
    },
    async save(account) {
      await sql.query(
        `UPDATE account SET display_name = $2, roles = $3, update_time = $4, revision = $5 WHERE id = $1`,
        [account.id, account.displayName, account.roles, account.updateTime, account.revision],
      );
    },
    async setPassword(account, { email, passwordHash }) {
      try {
        await sql.query(`UPDATE account SET email_key = $2, password_hash = $3 WHERE id = $1`, [
          account.id,
          normaliseEmail(email),
          passwordHash,
        ]);
      } catch (error) {
        if (brokenUnique(error) !== 'account_key') throw error;
        throw new Fault(
          'already-exists',
          'PASSWORD_NOT_AVAILABLE',
          'Choose another password: this one can’t be used here.',
          {
            cause: error,
          },
        );
      }
    },
    async erase(id, now) {
      const sessions = await sql.query<{ id: string }>(`DELETE FROM session WHERE user_id = $1 RETURNING id`, [id]);
      await sql.query(`DELETE FROM address WHERE user_id = $1`, [id]);
      await sql.query(
        `UPDATE account SET email = '', email_key = NULL, email_verified = false, password_hash = NULL, display_name = '',
          roles = '{}', update_time = $2, delete_time = $2, revision = revision + 1
        WHERE id = $1`,
        [id, now],
      );
      return sessions.map((session) => session.id);
    },
  };
}

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email_verified,
    displayName: row.display_name,
    roles: roles.filter((role) => row.roles.includes(role)),
    createTime: row.create_time,
    updateTime: row.update_time,
    revision: row.revision,
  };
}
