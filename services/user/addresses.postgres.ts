import type { Sql } from '#platform/database.postgres.ts';
import type { Address } from './address.ts';
import type { Addresses } from './store.ts';

type AddressRow = {
  id: string;
  user_id: string;
  recipient: string;
  lines: string[];
  city: string;
  region: string;
  postal_code: string;
  country_code: string;
  phone: string;
  create_time: Date;
  update_time: Date;
  revision: number;
};

export function createAddressTable(sql: Sql): Addresses {
  return {
    async find(userId, id) {
      const rows = await sql.query<AddressRow>(`SELECT * FROM address WHERE id = $1 AND user_id = $2`, [id, userId]);
      return rows.map(toAddress)[0];
    },
    async lock(userId, id) {
      const rows = await sql.query<AddressRow>(`SELECT * FROM address WHERE id = $1 AND user_id = $2 FOR UPDATE`, [
        id,
        userId,
      ]);
      return rows.map(toAddress)[0];
    },
    async list(userId, { after, limit }) {
      // Ids grow with time.
      const rows = await sql.query<AddressRow>(
        `SELECT * FROM address WHERE user_id = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
        [userId, after, limit],
      );
      return rows.map(toAddress);
    },
    async count(userId) {
      const rows = await sql.query<{ count: number }>(`SELECT count(*)::int AS count FROM address WHERE user_id = $1`, [
        userId,
      ]);
      return rows[0]?.count ?? 0;
    },
    async add(address) {
      await sql.query(
        `INSERT INTO address (id, user_id, recipient, lines, city, region, postal_code, country_code, phone, create_time,
          update_time, revision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
        [address.id, address.userId, ...values(address), address.createTime, address.updateTime, address.revision],
      );
    },
    async save(address) {
      await sql.query(
        `UPDATE address SET recipient = $3, lines = $4, city = $5, region = $6, postal_code = $7, country_code = $8, phone = $9,
          update_time = $10, revision = $11
        WHERE id = $1 AND user_id = $2`,
        [address.id, address.userId, ...values(address), address.updateTime, address.revision],
      );
    },
    async remove(userId, id) {
      await sql.query(`DELETE FROM address WHERE id = $1 AND user_id = $2`, [id, userId]);
    },
  };
}

function values({ fields }: Address): unknown[] {
  const { recipient, lines, city, region, postalCode, countryCode, phone } = fields;
  return [recipient, lines, city, region, postalCode, countryCode, phone];
}

function toAddress(row: AddressRow): Address {
  return {
    id: row.id,
    userId: row.user_id,
    fields: {
      recipient: row.recipient,
      lines: row.lines,
      city: row.city,
      region: row.region,
      postalCode: row.postal_code,
      countryCode: row.country_code,
      phone: row.phone,
    },
    createTime: row.create_time,
    updateTime: row.update_time,
    revision: row.revision,
  };
}
