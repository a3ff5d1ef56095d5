import { createHash } from 'node:crypto';
import pg from 'pg';
import { databaseFault } from './connection.postgres.ts';
import type { createStatementTimes } from './telemetry/database-metrics.ts';

const namedStatements = 500; // a connection keeps each prepared statement in memory for as long as it lives

/** Asks PostgreSQL. `$1`, `$2`… stand for the values. int8 comes back as bigint, timestamptz as Date, date and numeric as text. */
export type Sql = {
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
};

type Asked = Pick<pg.Pool | pg.ClientBase, 'query'>;

/** Where it is counted how long statements take. */
export type StatementTimes = ReturnType<typeof createStatementTimes> | undefined;

/** Asks one statement, prepared where there is room. What is the database's to settle becomes a Fault; see `databaseFault`. */
export async function ask<R extends object>(
  on: Asked,
  times: StatementTimes,
  text: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  const beganMs = performance.now();
  try {
    const result = await on.query<R>({ name: statementName(text), text, values: [...values] });
    return result.rows;
  } catch (error) {
    if (isPlannedAnew(error)) {
      prepareAnew(text);
      if (on instanceof pg.Pool) return await ask(on, undefined, text, values); // a transaction runs again from its start
    }
    throw databaseFault(error) ?? error;
  } finally {
    times?.took(performance.now() - beganMs);
  }
}

const names = new Map<string, string>();

// A named statement is parsed and planned once a connection. Texts beyond the bound (built from optional parts) go unnamed.
function statementName(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= namedStatements) return known;
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 32);
  names.set(text, name);
  return name;
}

/** Whether a migration has changed the type of what a prepared statement answers. It was not run then. */
export function isPlannedAnew(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '0A000' && error.message.includes('cached plan');
}

// Under another name, since every connection may have the old one, and the driver believes it to be good.
function prepareAnew(text: string): void {
  const name = names.get(text);
  if (name !== undefined) names.set(text, `${name.slice(0, 32)}-${Date.now().toString(36)}`);
}

const int8Array = 1016;
const textArray = 1009;

/** How the driver reads a value: nothing is rounded, and a day has no time. */
export function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === pg.types.builtins.INT8) return BigInt;
  if (oid === pg.types.builtins.DATE) return String;
  const parse = pg.types.getTypeParser(oid === int8Array ? textArray : oid, format) as (value: string) => unknown;
  if (oid !== int8Array) return parse;
  return (value) => {
    const items = parse(value);
    return Array.isArray(items)
      ? items.map((item: unknown) => (typeof item === 'string' ? BigInt(item) : null))
      : items;
  };
}
