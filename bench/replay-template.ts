import { createHash } from 'node:crypto';
import { newId } from '#platform/ids.ts';
import type { Sent } from './statements.ts';

/** A checkout's statements, to be sent again with ids of their own and with what the database made up meanwhile. */
export type Template = {
  /** In the order of their begin; what belongs to one transaction stays together, though the shop does several at a time. */
  readonly units: readonly (readonly Step[])[];
  /** The buyer's cart as it was found. */
  readonly cart: Readonly<Record<string, unknown>>;
};

export type Step = Sent & {
  readonly name: string;
  /** Its values for another checkout. */
  fill(replay: Replay): unknown[];
};

/**
 * One replay: other ids for those of the recorded checkout, other hashes by its buyer, other queue numbers and claims for those that it
 * was given.
 */
export type Replay = {
  readonly buyer: string;
  readonly ids: ReadonlyMap<string, string>;
  readonly made: Map<string, unknown>;
};

const shared = /^(var|prd|ven|adr|cat)_/; // of the catalog and the account: the same for every checkout
const idPattern = /[a-z]{2,8}_([0-9a-z]{26})/g;
const hash = /^[0-9a-f]{64}$/; // such as what a provider's event is remembered by
const hashBytes = [16, 32]; // such as what a quote is known by
const madeByDatabase = ['seq', 'claim', 'generation'] as const;

export function templateOf(statements: readonly Sent[]): Template {
  const [cart] = statements.find(({ schema }) => schema === 'cart')?.rows ?? [];
  if (cart === undefined) throw new Error('the checkout does not begin with a cart');
  const ids = ownIds(statements);
  const made = new Set<string>();
  for (const { schema, rows } of statements) {
    for (const row of rows)
      for (const name of madeByDatabase) if (isMade(row[name])) made.add(keyOf(schema, row[name]));
  }
  const names = new Map<string, string>();
  const open = new Map<number, Step[]>();
  const units: Step[][] = [];
  for (const sent of statements) {
    const name = names.get(sent.text) ?? `replay_${names.size}`;
    names.set(sent.text, name);
    // Accounts are nobody's own here: all replays send theirs to the same address.
    const fills = sent.values.map((value) =>
      fillOf(value, sent.schema === 'user_service' ? [] : ids, sent.schema, made),
    );
    const step: Step = { ...sent, name, fill: (replay) => fills.map((fill) => fill(replay)) };
    const unit = open.get(sent.connection);
    if (unit !== undefined) unit.push(step);
    else if (sent.text.startsWith('BEGIN')) {
      const begun = [step];
      units.push(begun);
      open.set(sent.connection, begun);
    } else units.push([step]);
    if (/^(COMMIT|ROLLBACK)/.test(sent.text)) open.delete(sent.connection);
  }
  return { units, cart };
}

/** Ids for a replay whose buyer has this one. */
export function freshIds(statements: readonly Sent[], buyer: string, cart: Template['cart']): Map<string, string> {
  const ids = new Map(ownIds(statements).map((id) => [id, newId('any').slice(-26)]));
  for (const name of ['id', 'userId']) ids.set(String(cart[name]).slice(-26), buyer);
  return ids;
}

/** Takes from an answer what the database made up, row by row as they belong together. */
export function learn(step: Step, answers: readonly Readonly<Record<string, unknown>>[], replay: Replay): void {
  for (const recorded of step.rows) {
    if (madeByDatabase.every((name) => !isMade(recorded[name]))) continue;
    const expected = ['id', 'kind', 'key'].map((name) => replaced(recorded[name], replay));
    const answer = answers.find((row) => ['id', 'kind', 'key'].every((name, index) => row[name] === expected[index]));
    if (answer === undefined) continue;
    for (const name of madeByDatabase) {
      if (isMade(recorded[name])) replay.made.set(keyOf(step.schema, recorded[name]), answer[name]);
    }
  }
}

function isMade(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function replaced(value: unknown, { ids }: Replay): unknown {
  if (typeof value !== 'string') return value;
  return value.replaceAll(/[0-9a-z]{26}/g, (id) => ids.get(id) ?? id);
}

function keyOf(schema: string, value: unknown): string {
  return `${schema} ${String(value)}`;
}

function ownIds(statements: readonly Sent[]): string[] {
  const own = new Set<string>();
  const others = new Set<string>();
  for (const { values, rows } of statements) {
    for (const text of textsOf([values, rows])) {
      for (const [whole, id = ''] of text.matchAll(idPattern)) (shared.test(whole) ? others : own).add(id);
    }
  }
  return [...own].filter((id) => !others.has(id));
}

function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (value instanceof Uint8Array) yield Buffer.from(value).toString('latin1');
  else if (Array.isArray(value)) for (const item of value) yield* textsOf(item);
  else if (typeof value === 'object' && value !== null && !(value instanceof Date))
    yield* textsOf(Object.values(value));
}

type Fill = (replay: Replay) => unknown;

// Worked out once, so that the replay costs next to nothing but its statements.
function fillOf(value: unknown, ids: readonly string[], schema: string, made: ReadonlySet<string>): Fill {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => fillOf(item, ids, schema, made));
    return (replay) => items.map((fill) => fill(replay));
  }
  if (typeof value === 'string' || typeof value === 'bigint') {
    const key = keyOf(schema, value);
    if (made.has(key)) return (replay) => replay.made.get(key) ?? value;
  }
  if (typeof value === 'string' && hash.test(value)) return (replay) => rehashed(value, replay).toString('hex');
  if (typeof value === 'string') {
    const places = placesOf(value, ids);
    if (places.length === 0) return () => value;
    return (replay) => {
      let [text, end] = ['', 0];
      for (const { at, id } of places) {
        text += value.slice(end, at) + (replay.ids.get(id) ?? id);
        end = at + id.length;
      }
      return text + value.slice(end);
    };
  }
  if (value instanceof Uint8Array && hashBytes.includes(value.byteLength))
    return (replay) => rehashed(value, replay).subarray(0, value.byteLength);
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    const places = placesOf(bytes.toString('latin1'), ids);
    return (replay) => {
      const copy = Buffer.from(bytes);
      for (const { at, id } of places) copy.write(replay.ids.get(id) ?? id, at, 'latin1');
      return copy;
    };
  }
  return () => value;
}

function rehashed(value: string | Uint8Array, { buyer }: Replay): Buffer {
  return createHash('sha256').update(value).update(buyer).digest();
}

function placesOf(text: string, ids: readonly string[]): { readonly at: number; readonly id: string }[] {
  const places: { at: number; id: string }[] = [];
  for (const id of ids) for (let at = text.indexOf(id); at >= 0; at = text.indexOf(id, at + 1)) places.push({ at, id });
  return places.sort((a, b) => a.at - b.at);
}
