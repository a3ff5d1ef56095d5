import { createHash } from 'node:crypto';
import type { Database, Sql } from '#platform/database.postgres.ts';
import { newId } from '#platform/ids.ts';
import { runDueTasks } from '#platform/tasks.postgres.ts';
import { silentLog } from '#platform/telemetry/log.ts';
import { openTestDatabase } from '#platform/testing/database.ts';
import { createCashProvider } from './cash-provider.ts';
import { refundTask } from './changing.postgres.ts';
import { createPayments, type Payments } from './payments.ts';
import type { Provider } from './provider.ts';
import { createSettling } from './settling.ts';
import type { PaymentStore } from './store.ts';
import { createPostgresPayments, migrations } from './store.postgres.ts';
import { createTestEvents } from './test-events.ts';
import { parseFaults, withFaults } from './test-faults.ts';
import { createTestProvider, readTestSecret, testEventTask, type TestProvider } from './test-provider.postgres.ts';
import { createWebhooks, type HandleWebhook } from './webhook.ts';

export type BenchOptions = {
  readonly faults?: string;
  /** Stands between, to count, stop or break. */
  readonly wrapStore?: (store: PaymentStore) => PaymentStore;
  readonly wrapProvider?: (provider: Provider) => Provider;
  /** Instead of the test provider for what is paid online. */
  readonly online?: Provider;
};

/** Payments as the service puts them together, with a clock and tasks that the test moves. For tests alone. */
export type Bench = {
  readonly database: Database;
  readonly store: PaymentStore;
  readonly test: TestProvider;
  readonly payments: Payments;
  readonly handleWebhook: HandleWebhook;
  /** What was asked of the database so far, in the words of `explain`. */
  readonly statements: string[];
  now(): Date;
  pass(ms: number): void;
  /** Does all that is due. Answers what tasks threw. */
  settle(): Promise<readonly unknown[]>;
  /** Asks providers about payments that are due for it. */
  check(): Promise<void>;
  close(): Promise<void>;
};

export const windowMs = 3 * 24 * 3_600_000;

export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const opened = await openTestDatabase('payment', migrations);
  const statements: string[] = [];
  const database = counting(opened, statements);
  let time = Date.now();
  const now = (): Date => new Date(time);
  const faults = parseFaults(options.faults ?? '');
  if (faults === undefined) throw new Error('these faults can’t be read');
  const test = createTestProvider({ database, secret: await readTestSecret(database), faults, now });
  const cash = createCashProvider();
  const store = (options.wrapStore ?? same)(createPostgresPayments(database));
  const online = (options.wrapProvider ?? same)(options.online ?? withFaults(test, faults));
  const providers = new Map([
    [cash.name, cash],
    [online.name, online],
  ]);
  const log = silentLog();
  const given = { store, providers, windowMs, log, now, newId };
  const payments = createPayments({ ...given, providerFor: { online, cash } });
  const handleWebhook = createWebhooks(given);
  const settling = createSettling(given);
  statements.length = 0;
  return {
    database,
    store,
    test,
    payments,
    handleWebhook,
    statements,
    now,
    pass: (ms) => void (time += ms),
    async settle() {
      const handlers = { [refundTask]: settling.refunds, [testEventTask]: createTestEvents(test, handleWebhook) };
      return (await runDueTasks({ database, now, handlers })).errors;
    },
    async check() {
      await settling.checks.run({ kind: '', key: '', body: undefined, attempts: 1 }, AbortSignal.timeout(20_000));
    },
    close: () => opened.close(),
  };
}

function same<T>(value: T): T {
  return value;
}

function counting(database: Database, statements: string[]): Database {
  const count = (sql: Sql): Sql => ({
    query(text, values) {
      statements.push(text);
      return sql.query(text, values);
    },
  });
  return {
    ...database,
    ...count(database),
    async transaction(work, options) {
      statements.push('begin');
      const result = await database.transaction((tx) => {
        const counted = count(tx);
        return work(counted);
      }, options);
      statements.push('commit');
      return result;
    },
  };
}

/** A request id that is the same each time. */
export function idOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}

export type LedgerSums = { readonly captured: bigint; readonly refunded: bigint };

/** What the ledger says of a payment; throws when it is out of balance, or says something else than the payment. */
export async function ledgerOf(database: Database, paymentId: string): Promise<LedgerSums> {
  const [sums] = await database.query<LedgerSums & { balance: bigint }>(
    `select coalesce(sum(amount), 0)::int8 as balance,
       coalesce(sum(amount) filter (where account <> 'customer' and kind = 1), 0)::int8 as captured,
       coalesce(-sum(amount) filter (where account <> 'customer' and kind = 2), 0)::int8 as refunded
     from ledger_entry where payment_id = $1`,
    [paymentId],
  );
  const [payment] = await database.query<LedgerSums>('select captured, refunded from payment where id = $1', [
    paymentId,
  ]);
  if (sums === undefined || payment === undefined) throw new Error('there is no such payment');
  const { balance, captured, refunded } = sums;
  if (balance !== 0n || captured !== payment.captured || refunded !== payment.refunded) {
    throw new Error(`the ledger of ${paymentId} is off: ${captured} − ${refunded}, balance ${balance}`);
  }
  return { captured, refunded };
}
