import { connectionOf, isDisconnected, type PostgresTarget, refusalOf } from './connection.postgres.ts';
import { isLoopback } from './engine-address.ts';
import type { Finding } from './engine.ts';
import { codeOf } from './error-code.ts';
import { Fault } from './fault.ts';
import { readMigrations } from './migrate.postgres.ts';
import { schemaName, withConnection } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import { StartError } from './start-error.ts';

/** A service's part of a database. */
export type ServiceSchema = {
  readonly service: string;
  readonly schema: string;
  readonly migrations: URL;
};

const oldest = 15;
const clockMs = 2_000; // leases and due times count by the database's clock, tokens and orders by ours
const platformMigrations = new URL('./migrations/', import.meta.url);

/** Looks at the PostgreSQL of some services, which share a role there. Changes nothing. */
export async function* examinePostgres(
  target: PostgresTarget,
  schemas: readonly ServiceSchema[],
  now: () => Date,
): AsyncGenerator<Finding> {
  yield* asking(target, 'DATABASE_URL', async function* (sql) {
    yield* server(sql, target);
    yield* await pooler(sql, target, schemas[0]?.schema ?? 'event_bus');
    for (const each of schemas) {
      yield await rights(sql, each);
      yield* await additions(sql, each);
      yield await migrated(sql, each);
    }
    yield await clock(sql, now);
  });
}

/** Looks at a standby, beside the primary that it should follow. */
export async function* examineReplica(target: PostgresTarget, primary: PostgresTarget): AsyncGenerator<Finding> {
  yield* asking(target, 'DATABASE_REPLICA_URL', async function* (sql) {
    yield* server(sql, target);
    const [state] = await sql.query<{ standby: boolean; lsn: string | null }>(
      'SELECT pg_is_in_recovery() AS standby, pg_last_wal_replay_lsn()::text AS lsn',
    );
    if (state?.standby !== true) {
      yield {
        about: 'schema',
        verdict: 'bad',
        text: 'it is no standby: let it follow the primary, or unset DATABASE_REPLICA_URL',
      };
      return;
    }
    const [behind] = await withConnection(primary, (own) =>
      own.query<{ bytes: bigint }>('SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::pg_lsn)::int8 AS bytes', [
        state.lsn,
      ]),
    );
    const bytes = Number(behind?.bytes ?? 0);
    yield bytes < 16 * 1024 * 1024
      ? { about: 'schema', verdict: 'good', text: `follows the primary, ${Math.max(0, bytes)} bytes behind` }
      : {
          about: 'schema',
          verdict: 'warning',
          text: `${Math.round(bytes / 1024 / 1024)} MiB behind the primary, or of another: while that is so it isn’t read from`,
        };
  });
}

async function* asking(
  target: PostgresTarget,
  variable: string,
  look: (sql: Sql) => AsyncGenerator<Finding>,
): AsyncGenerator<Finding> {
  const findings: Finding[] = [];
  try {
    await withConnection(target, async (sql) => {
      await sql.query("SELECT set_config('statement_timeout', '5000', false)");
      for await (const finding of look(sql)) findings.push(finding);
    });
  } catch (error) {
    findings.push({ about: 'reachable', verdict: 'bad', text: problemOf(error, variable) });
  }
  yield* findings;
}

function problemOf(error: unknown, variable: string): string {
  if (error instanceof StartError) return error.message;
  const cause = error instanceof Fault ? error.cause : error;
  const refusal = refusalOf(cause);
  if (refusal !== undefined)
    return `it refuses us: ${refusal.why}. Correct ${refusal.variable.replaceAll('DATABASE_URL', variable)}.`;
  const said = cause instanceof Error ? cause.message : '';
  if (sharesSessions(cause)) return sharing;
  if (isDisconnected(cause)) return `it can’t be reached (${said || 'no answer'}): start it, or correct ${variable}`;
  return `it stopped answering: ${said}`;
}

const sharing =
  'a PgBouncer in transaction mode gives our connections each other’s sessions: pool_mode = session (docs/engines.md, "PgBouncer")';

// A statement that another connection has prepared, or one of ours that is not there.
function sharesSessions(error: unknown): boolean {
  return ['42P05', '26000'].includes(codeOf(error));
}

// Two connections are open: where both have one process of the server, or not the settings they ask for, somebody stands between.
async function pooler(sql: Sql, target: PostgresTarget, schema: string): Promise<Finding[]> {
  const text = `SELECT pg_backend_pid() AS pid, replace(current_setting('search_path'), ' ', '') AS path`;
  type Session = { pid: number; path: string };
  const path = `${schemaName(schema)},public`;
  const url = new URL(target.url);
  url.searchParams.set('options', `-c search_path=${path}`);
  const [one] = await sql.query<Session>(text);
  const [other] = await withConnection({ ...target, url: url.href }, (second) => second.query<Session>(text));
  if (one?.pid === other?.pid) return [{ about: 'rights', verdict: 'bad', text: sharing }];
  if (other?.path === path) return [];
  const why = `a PgBouncer drops what a connection sets: ALTER ROLE … SET search_path = ${schema}, public; docs/engines.md, "PgBouncer", has the rest`;
  return [{ about: 'rights', verdict: 'bad', text: why }];
}

async function* server(sql: Sql, target: PostgresTarget): AsyncGenerator<Finding> {
  const url = new URL(target.url);
  yield { about: 'reachable', verdict: 'good', text: `answers at ${url.host}` };
  const [row] = await sql.query<{ version: string; number: number }>(
    "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number",
  );
  const major = Math.floor((row?.number ?? 0) / 10_000);
  yield major >= oldest
    ? { about: 'version', verdict: 'good', text: row?.version ?? '' }
    : { about: 'version', verdict: 'bad', text: `${row?.version} is too old: ${oldest} or later is needed` };
  const [tls] = await sql.query<{ version: string | null }>(
    'SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
  );
  const verified = connectionOf(target).ssl !== false;
  if (verified)
    yield { about: 'tls', verdict: 'good', text: `${tls?.version ?? 'TLS'}, and its certificate is trusted` };
  else if (isLoopback(url.hostname))
    yield { about: 'tls', verdict: 'good', text: 'plain text, which stays on this machine' };
  else yield { about: 'tls', verdict: 'warning', text: 'plain text: say sslmode=verify-full, and DATABASE_CA_FILE' };
}

// What the service's migrations add to the database, which only some users may.
async function additions(sql: Sql, { service, migrations }: ServiceSchema): Promise<Finding[]> {
  const texts = (await readMigrations(migrations)).map(({ text }) => text);
  const wanted = texts.flatMap((text) =>
    [...text.matchAll(/create extension (?:if not exists )?(\w+)/gi)].map(([, name]) => name),
  );
  if (wanted.length === 0) return [];
  const [row] = await sql.query<{ missing: string[]; absent: string[]; may: boolean }>(
    `SELECT ARRAY(SELECT name FROM unnest($1::text[]) AS wanted (name)
                  WHERE NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = wanted.name)) AS missing,
            ARRAY(SELECT name FROM unnest($1::text[]) AS wanted (name)
                  WHERE NOT EXISTS (SELECT FROM pg_available_extensions a WHERE a.name = wanted.name)) AS absent,
            has_database_privilege(current_database(), 'CREATE') AS may`,
    [wanted],
  );
  const { missing = [], absent = [], may = false } = row ?? {};
  const found = (verdict: Finding['verdict'], text: string): Finding[] => [{ about: 'rights', verdict, text }];
  if (missing.length === 0) return found('good', `${service} finds ${wanted.join(', ')}`);
  if (absent.length > 0) return found('bad', `there is no ${absent.join(', ')}: install PostgreSQL’s contrib package`);
  return may
    ? found('good', `${service} may add ${missing.join(', ')}`)
    : found('bad', `${service} lacks ${missing.join(', ')}: let a superuser CREATE EXTENSION each`);
}

async function rights(sql: Sql, { service, schema }: ServiceSchema): Promise<Finding> {
  const [row] = await sql.query<{ there: boolean; mayUse: boolean | null; mayMake: boolean }>(
    `SELECT to_regnamespace($1) IS NOT NULL AS there,
            CASE WHEN to_regnamespace($1) IS NOT NULL THEN has_schema_privilege($1, 'USAGE, CREATE') END AS "mayUse",
            has_database_privilege(current_database(), 'CREATE') AS "mayMake"`,
    [schemaName(schema)],
  );
  if (row?.there === true)
    return row.mayUse === true
      ? { about: 'rights', verdict: 'good', text: `${service} may use and change the schema ${schema}` }
      : {
          about: 'rights',
          verdict: 'bad',
          text: `the schema ${schema} is another’s: ALTER SCHEMA ${schema} OWNER TO ${service}’s user`,
        };
  return row?.mayMake === true
    ? { about: 'rights', verdict: 'good', text: `${service} may make its schema ${schema}` }
    : {
        about: 'rights',
        verdict: 'bad',
        text: `${service} may not make its schema ${schema}: GRANT CREATE ON DATABASE to its user`,
      };
}

async function migrated(sql: Sql, { service, schema, migrations }: ServiceSchema): Promise<Finding> {
  const [found] = await sql.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `${schema}.migrations`,
  ]);
  const sets = { platform: await readMigrations(platformMigrations), service: await readMigrations(migrations) };
  const known = Object.entries(sets).flatMap(([set, files]) => files.map((file) => ({ set, ...file })));
  if (found?.there !== true)
    return {
      about: 'schema',
      verdict: 'good',
      text: `${service} is new there: its first start runs ${known.length} migrations`,
    };
  const ran = await sql.query<{ set: string; number: number; checksum: string }>(
    `SELECT set, number, checksum FROM "${schemaName(schema)}".migrations`,
  );
  const seen = new Map(ran.map((row) => [`${row.set} ${row.number}`, row.checksum]));
  const changed = known.filter(({ set, number, checksum }) => (seen.get(`${set} ${number}`) ?? checksum) !== checksum);
  const waiting = known.filter(({ set, number }) => !seen.has(`${set} ${number}`));
  const newer = ran.length - (known.length - waiting.length);
  if (changed.length > 0)
    return {
      about: 'schema',
      verdict: 'bad',
      text: `${changed.map(({ file }) => file).join(', ')} of ${service} changed after it ran: put it back, and write a new migration`,
    };
  if (newer > 0)
    return { about: 'schema', verdict: 'warning', text: `${service} has ${newer} migrations of a newer version` };
  return {
    about: 'schema',
    verdict: 'good',
    text: `${service}: ${ran.length} migrations ran, the next start runs ${waiting.length}`,
  };
}

async function clock(sql: Sql, now: () => Date): Promise<Finding> {
  const beganMs = now().getTime();
  const [row] = await sql.query<{ time: Date }>('SELECT clock_timestamp() AS time');
  const differenceMs = Math.round((row?.time.getTime() ?? 0) - (beganMs + now().getTime()) / 2);
  return Math.abs(differenceMs) <= clockMs
    ? { about: 'clock', verdict: 'good', text: `${Math.abs(differenceMs)} ms from ours` }
    : { about: 'clock', verdict: 'bad', text: `${differenceMs} ms from ours: let both machines follow a time server` };
}
