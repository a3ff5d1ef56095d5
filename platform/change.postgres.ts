import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf';
import { Fault } from './fault.ts';
import {
  assertInTime,
  type Coming,
  type EventHandler,
  eventInsertion,
  eventValues,
  outboxMark,
  remember,
} from './outbox.postgres.ts';
import { brokenUnique, type Database } from './pool.postgres.ts';
import type { Sql } from './statement.postgres.ts';
import { areSoon, taskInsertion, taskMark, type TaskToDo, taskValues } from './tasks.postgres.ts';
import { afterCommit } from './transaction.postgres.ts';

export type ChangeWith = {
  /** One INSERT, UPDATE or DELETE of constant text that returns a row for each row that it changed. */
  readonly text: string;
  /** Others that go with it, and may ask `changed` for what the first one returns. */
  readonly also?: string | readonly string[] | undefined;
  readonly values: readonly unknown[];
  /** What is told, as by `publish`. */
  readonly events?: readonly Message[];
  /** What is to be done, as by `schedule`. */
  readonly tasks?: readonly TaskToDo[];
  /** A task that is taken back, as by `unschedule`: not one of `tasks`. */
  readonly unschedule?: Pick<TaskToDo, 'kind' | 'key'> | undefined;
};

const races = 5; // as often as a transaction begins anew

/**
 * Makes a change, tells of it and plans what follows in one and the same statement: as a transaction does, without the round
 * trips of one (a fifth of what a checkout sent). Where nothing is changed nothing is told or planned. Answers whether it was. For
 * changes that need no look before, or that compare and set. By itself it isn't tried again after a deadlock, so it must lock no rows
 * in another order than others do; within a transaction it is a part of that.
 */
export async function changeWith(sql: Database | Sql, change: ChangeWith): Promise<boolean> {
  const { text, also, values, events = [], tasks = [], unschedule } = change;
  const carries = { events: events.length > 0, tasks: tasks.length > 0, unschedule: unschedule !== undefined };
  const changed = await sql.query(statementFor({ text, also, count: values.length, carries }), [
    ...values,
    ...(carries.events ? eventValues(sql, events) : []),
    ...(carries.tasks ? taskValues(tasks) : []),
    ...(unschedule === undefined ? [] : [unschedule.kind, unschedule.key]),
  ]);
  if (changed.length === 0) return false;
  if (carries.events) wake(sql, outboxMark);
  if (areSoon(tasks)) wake(sql, taskMark);
  return true;
}

function wake(sql: Database | Sql, name: string): void {
  if ('committed' in sql) sql.committed(name);
  else afterCommit(sql, name);
}

/**
 * Handles an event by one statement that also remembers it. `plan` looks and says what is to be changed, by comparing with what it saw;
 * undefined when nothing is. It is asked again when another was faster, so it does nothing but look.
 */
export function onChange<S extends DescMessage>(
  schema: S,
  plan: (sql: Sql, event: MessageShape<S>) => Promise<ChangeWith | undefined>,
): EventHandler {
  return {
    schema,
    async handle(event, coming) {
      for (let race = 0; race < races; race++) {
        const change = await plan(coming.database, event as MessageShape<S>);
        assertInTime(coming);
        if (change === undefined) return void (await remember(coming.database, coming));
        if (await changeOf(coming, change)) return;
      }
      throw new Fault('aborted', 'CONCURRENT_CHANGE', 'Others changed the same data at the same time; try again.');
    },
  };
}

/** Answers whether it was made, now or when the event came before. */
async function changeOf({ database, group, message }: Coming, change: ChangeWith): Promise<boolean> {
  const { also, values } = change;
  const [name, id] = [1, 2].map((place) => `$${values.length + place}`);
  const seen = `INSERT INTO inbox (group_name, event_id) SELECT ${name}, ${id} FROM (SELECT FROM changed LIMIT 1) AS any_row`;
  try {
    return await changeWith(database, {
      ...change,
      also: [also ?? [], seen].flat(),
      values: [...values, group, message.id],
    });
  } catch (error) {
    if (brokenUnique(error) === 'inbox_pkey') return true;
    throw error;
  }
}

type Statement = Pick<ChangeWith, 'text' | 'also'> & {
  /** How many values there are before those of what goes along. */
  readonly count: number;
  readonly carries: { readonly events: boolean; readonly tasks: boolean; readonly unschedule: boolean };
};

const statements = new Map<string, string>();

// What the change locks is locked before an event gets its number: `told` asks for its rows first. Parts that carry nothing are left out:
// with them the counting of an event took half as much again.
function statementFor({ text, also, count, carries }: Statement): string {
  const parts = [text, ...[also ?? []].flat()];
  const key = [Number(carries.events), Number(carries.tasks), Number(carries.unschedule), ...parts].join('\n');
  const known = statements.get(key);
  if (known !== undefined) return known;
  const wasMade = 'EXISTS (SELECT FROM changed)';
  const steps = parts.map((part, place) => `${place === 0 ? 'changed' : `along_${place}`} AS (${part})`);
  let next = count + 1;
  if (carries.events) {
    steps.push(`told AS (${eventInsertion(next, wasMade)})`);
    next += 5;
  }
  if (carries.tasks) {
    steps.push(`planned AS (${taskInsertion(next, wasMade)})`);
    next += 6;
  }
  if (carries.unschedule)
    steps.push(`taken_back AS (DELETE FROM task WHERE kind = $${next} AND key = $${next + 1} AND ${wasMade})`);
  const statement = `WITH ${steps.join(',\n')}\nSELECT FROM changed LIMIT 1`;
  statements.set(key, statement);
  return statement;
}
