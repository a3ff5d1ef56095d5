import type { Message } from '@bufbuild/protobuf';
import { eventInsertion, eventValues, outboxMark } from './outbox.postgres.ts';
import { afterCommit, type Database, type Sql } from './pool.postgres.ts';
import { areSoon, taskInsertion, taskMark, type TaskToDo, taskValues } from './tasks.postgres.ts';

export type ChangeWith = {
  /** One INSERT, UPDATE or DELETE of constant text that returns a row for each row that it changed. */
  readonly text: string;
  /** Others that go with it, always the same ones, and may ask `changed` for what the first one returns. */
  readonly also?: string | readonly string[] | undefined;
  readonly values: readonly unknown[];
  /** What is told, as by `publish`. */
  readonly events?: readonly Message[];
  /** What is to be done, as by `schedule`. */
  readonly tasks?: readonly TaskToDo[];
  /** A task that is taken back, as by `unschedule`: not one of `tasks`. */
  readonly unschedule?: Pick<TaskToDo, 'kind' | 'key'> | undefined;
};

/**
 * Makes a change, tells of it and plans what follows in one and the same statement: as a transaction does, without the round
 * trips of one (a fifth of what a checkout sent). Where nothing is changed nothing is told or planned. Answers whether it was. For
 * changes that need no look before, or that compare and set. By itself it isn't tried again after a deadlock, so it must lock no rows
 * in another order than others do; within a transaction it is a part of that.
 */
export async function changeWith(sql: Database | Sql, change: ChangeWith): Promise<boolean> {
  const { text, also, values, events = [], tasks = [], unschedule } = change;
  const changed = await sql.query(statementFor({ text, also, count: values.length }), [
    ...values,
    ...eventValues(events),
    ...taskValues(tasks),
    unschedule?.kind ?? null,
    unschedule?.key ?? null,
  ]);
  if (changed.length === 0) return false;
  if (events.length > 0) wake(sql, outboxMark);
  if (areSoon(tasks)) wake(sql, taskMark);
  return true;
}

function wake(sql: Database | Sql, name: string): void {
  if ('committed' in sql) sql.committed(name);
  else afterCommit(sql, name);
}

const statements = new Map<string, string>();

// What the change locks is locked before an event gets its number: `told` asks for its rows first.
function statementFor({ text, also, count }: Pick<ChangeWith, 'text' | 'also'> & { readonly count: number }): string {
  const known = statements.get(text);
  if (known !== undefined) return known;
  const wasMade = 'EXISTS (SELECT FROM changed)';
  const along = [also ?? []].flat().map((each, place) => ` along_${place + 1} AS (${each}),`);
  const statement = `WITH changed AS (${text}),${along.join('')}
   told AS (${eventInsertion(count + 1, wasMade)}),
   planned AS (${taskInsertion(count + 6, wasMade)}),
   taken_back AS (DELETE FROM task WHERE kind = $${count + 12}::text AND key = $${count + 13}::text AND ${wasMade})
   SELECT FROM changed LIMIT 1`;
  statements.set(text, statement);
  return statement;
}
