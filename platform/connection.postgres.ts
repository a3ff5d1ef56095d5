import { readFileSync } from 'node:fs';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import type pg from 'pg';
import { sslModeOf, sslModes } from './engine-address.ts';
import { engineRefuses, tlsProblem } from './engine.ts';
import { codeOf } from './error-code.ts';
import { Fault } from './fault.ts';
import { StartError } from './start-error.ts';

/** Where a PostgreSQL is, and whom to trust there. */
export type PostgresTarget = {
  /** postgres://USER:PASSWORD@HOST:PORT/DATABASE; libpq's sslmode, sslrootcert, sslcert and sslkey are understood. */
  readonly url: string;
  /** The authorities that may have signed its certificate, in PEM. Wins over sslrootcert; without both the system's. */
  readonly ca?: string | undefined;
};

export const postgresEngine = 'PostgreSQL';
const tlsParameters = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslnegotiation'];
const keepAliveAfterMs = 5_000; // and ten seconds of questions: a cut cable is noticed after 15 s where nothing is asked

/** The driver's settings for a target. Throws a StartError where the URL asks for a TLS that isn't safe, or for a file that isn't there. */
export function connectionOf(target: PostgresTarget): pg.ClientConfig {
  const url = new URL(target.url);
  const ssl = tlsOf(url, target.ca);
  for (const parameter of tlsParameters) url.searchParams.delete(parameter); // the driver reads them in its own way
  return {
    connectionString: url.href,
    ssl,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
  };
}

function tlsOf(url: URL, ca: string | undefined): ConnectionOptions | false {
  const mode = sslModeOf(url, ca !== undefined);
  if (mode === undefined)
    throw new StartError(`DATABASE_URL: sslmode is one of ${sslModes.join(', ')}; TLS is always verified.`);
  if (mode === 'disable') return false;
  const file = (parameter: string): string | undefined => {
    const path = url.searchParams.get(parameter);
    if (path === null || path === 'system') return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw new StartError(`DATABASE_URL: ${parameter}, the file ${path}, can’t be read.`, { cause });
    }
  };
  const [authority, cert, key] = [ca ?? file('sslrootcert'), file('sslcert'), file('sslkey')];
  return {
    ...(authority !== undefined && { ca: authority }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    // "require" asks more here than elsewhere: a certificate that nobody looks at protects from nobody.
    checkServerIdentity: mode === 'verify-ca' ? () => undefined : checkServerIdentity,
  };
}

export type Refusal = { readonly variable: string; readonly why: string };

/** Why PostgreSQL won't have us, where it has said so and waiting doesn't help; undefined for any other error. */
export function refusalOf(error: unknown): Refusal | undefined {
  const code = codeOf(error);
  const said = error instanceof Error ? error.message : '';
  const inUrl = (why: string): Refusal => ({ variable: 'DATABASE_URL', why });
  if (code === '28P01') return inUrl('user or password is wrong');
  if (code === '28000' && said.includes('no encryption'))
    return inUrl('it demands TLS (sslmode=verify-full, with its authority in DATABASE_CA_FILE), or lets nobody in');
  if (code.startsWith('28')) return inUrl(`it doesn’t let this user in (${said})`);
  if (code === '3D000') return inUrl('there is no such database');
  if (code === '42501') return inUrl(`the user may not do what the shop needs (${said})`);
  if (said.includes('unsupported startup parameter'))
    return inUrl('a PgBouncer there refuses a connection’s settings: docs/engines.md, "PgBouncer", says what it needs');
  if (said.includes('does not support SSL')) return inUrl('it speaks plain text there, not TLS');
  const tls = tlsProblem(code);
  return tls === undefined ? undefined : { variable: 'DATABASE_CA_FILE, or the host in DATABASE_URL', why: tls };
}

/** The StartError for a refusal of what the schema stands on; undefined for any other error. */
export function refusedStart(error: unknown, schema: string): StartError | undefined {
  const cause = error instanceof Fault ? error.cause : error;
  const refusal = refusalOf(cause);
  return refusal && engineRefuses(`${postgresEngine} (schema ${schema})`, refusal.variable, refusal.why, cause);
}

const networkErrors = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN'],
]);
const driverErrors =
  /Connection terminated|timeout exceeded|timeout expired|connection timeout|Query read timeout|not queryable|Client was closed/i;

/** Whether the connection is gone, or was never there: what was asked on it may have been done. */
export function isDisconnected(error: unknown): boolean {
  const code = codeOf(error);
  // 57P01..03: the server is stopping or starting; 53300: too many connections; 08…: the connection broke. The driver's own carry no code.
  if (networkErrors.has(code) || /^(57P0[1235]|53300|08...)$/.test(code)) return true;
  // An AggregateError holds one error for each address of the host.
  if (error instanceof AggregateError) return error.errors.some(isDisconnected);
  return error instanceof Error && code === '' && driverErrors.test(error.message);
}

/** Whether a wait for a connection was given up, be it for one that is taken or for a new one: the words are pg-pool's. */
export function isLateConnection(error: unknown): boolean {
  return error instanceof Error && error.message === 'timeout exceeded when trying to connect';
}

/** What a driver's error means to a caller; undefined for one that is a bug of ours, or a rule of the schema. */
export function databaseFault(error: unknown): Fault | undefined {
  if (error instanceof Fault) return undefined;
  const code = codeOf(error);
  const wait = { cause: error, retryAfterMs: 1_000 };
  // 57014: statement time-out; 55P03: lock time-out; 25P03: idle in a transaction for too long.
  if (code === '57014' || code === '55P03' || code === '25P03')
    return new Fault('unavailable', 'DATABASE_SLOW', 'The database took too long; try again.', wait);
  // PostgreSQL's text and jsonb can't hold U+0000, whatever a contract allows in a string.
  if (code === '22021' || code === '22P05') {
    return new Fault('invalid-argument', 'CHARACTER_NOT_ALLOWED', 'A text holds the character U+0000; leave it out.', {
      cause: error,
    });
  }
  // 25006: what was the primary is a standby now. 28…, TLS: it let us in before, so somebody is changing it.
  const changing = code === '25006' || code.startsWith('28') || code === '3D000' || tlsProblem(code) !== undefined;
  if (changing || isDisconnected(error))
    return new Fault('unavailable', 'DATABASE_UNAVAILABLE', 'The database can’t be reached just now; try again.', wait);
  return undefined;
}
