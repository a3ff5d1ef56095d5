import pg from 'pg';
import { currentCall } from '#platform/rpc/call.ts';

/** A statement that the shop sent to PostgreSQL, and what came back. */
export type Sent = {
  /** Whose it is, such as "order_service". */
  readonly schema: string;
  /** Which of the process's connections it went through. */
  readonly connection: number;
  readonly text: string;
  readonly values: readonly unknown[];
  rows: readonly Readonly<Record<string, unknown>>[];
  /** Whether it belongs to a call, rather than to what goes on behind. */
  readonly asked: boolean;
};

/** What its parent tells a shop that this was loaded into (`node --import`). It answers each with what it has since the last. */
export type RecorderOrder = 'count' | 'record';
export type Recorded = { readonly count: number; readonly statements: readonly Sent[] };

let order: RecorderOrder = 'count';
let count = 0;
let statements: Sent[] = [];
const connections = new Map<pg.Client, number>();

process.on('message', (next: RecorderOrder) => {
  const recorded: Recorded = { count, statements };
  process.send?.(recorded);
  order = next;
  count = 0;
  statements = [];
});
process.channel?.unref();

type Config = { readonly text: string; readonly values?: readonly unknown[] };
type Result = { readonly rows: Sent['rows'] };
type Callback = (error: unknown, result: Result | undefined) => void;

const send = pg.Client.prototype.query as (...args: unknown[]) => unknown;

function query(
  this: pg.Client & { readonly connectionParameters?: { readonly application_name?: string } },
  ...args: unknown[]
) {
  count += 1;
  if (order === 'count') return send.apply(this, args);
  const [first, second] = args;
  const { text, values = [] } =
    typeof first === 'string' ? { text: first, values: Array.isArray(second) ? second : [] } : (first as Config);
  const name = this.connectionParameters?.application_name ?? '';
  const connection = connections.get(this) ?? connections.size;
  connections.set(this, connection);
  const caller = currentCall()?.caller ?? '';
  const sent: Sent = { schema: name.replace('only2u ', ''), connection, text, values, rows: [], asked: caller !== '' };
  statements.push(sent);
  const last = args.at(-1);
  if (typeof last === 'function') {
    const callback = last as Callback;
    const told: Callback = (error, result) => {
      sent.rows = result?.rows ?? [];
      callback(error, result);
    };
    return send.apply(this, [...args.slice(0, -1), told]);
  }
  return (send.apply(this, args) as Promise<Result>).then((result) => {
    sent.rows = result.rows;
    return result;
  });
}

Object.defineProperty(pg.Client.prototype, 'query', { value: query, configurable: true, writable: true });
