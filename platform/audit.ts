import { create, toBinary } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Logger } from 'pino';
import { AuditEntrySchema } from '#gen/only2u/operation/v1/audit_pb.ts';
import {
  type CallEnd,
  type EndedCall,
  endCalls,
  endedCalls,
  forgetCalls,
  keepCall,
  lapseCalls,
} from './audit-call.postgres.ts';
import { Fault } from './fault.ts';
import type { LogKind, MessageLog } from './message-log.ts';
import { newEntryId } from './message-log-id.ts';
import type { Database } from './pool.postgres.ts';
import type { Audit } from './rpc/auditing.ts';

/** The log of audited calls: a thread a service, its entries AuditEntry messages. Kept for good. */
export const auditLog: LogKind = { name: 'audit', prefix: 'aud' };

export type AuditOptions = {
  /** Whose calls these are. */
  readonly service: string;
  /** Where a call is written before it runs: the service's own. */
  readonly database: Database;
  /** Where it goes once it has ended. */
  readonly entries: MessageLog;
  readonly log: Logger;
  now(): Date;
};

const relayEveryMs = 30_000; // an end wakes the relay; this finds what was killed, and tries again while the log is away
const relayBatch = 100;
const graceMs = 5 * 60_000; // for a handler that goes on past its deadline
const longestMs = 24 * 3_600_000; // a call without a timeout

/**
 * Keeps calls: each is a row in the service's database before it runs and gets its end there, and a relay hands ended ones to the log,
 * which knows an entry by its id. So whatever is killed, none is lost and none comes twice. Close it before the database and the log.
 */
export function openAudit({ service, database, entries, log, now }: AuditOptions): Audit & { close(): Promise<void> } {
  let ends: CallEnd[] = [];
  let isAway = false;
  let closed = false;
  let woken = false;
  let wakeUp = (): void => undefined;

  /** Hands over what has ended; answers whether there may be more. */
  async function relay(): Promise<boolean> {
    const told = [...ends]; // more may end meanwhile
    if (told.length > 0) {
      await endCalls(database, told);
      ends = ends.slice(told.length);
    }
    await lapseCalls(database, now());
    const calls = await endedCalls(database, relayBatch);
    const handed: string[] = [];
    try {
      for (const call of calls) if (await handOver(call)) handed.push(call.id);
    } finally {
      if (handed.length > 0) await forgetCalls(database, handed);
    }
    return handed.length === relayBatch;
  }

  async function handOver(call: EndedCall): Promise<boolean> {
    try {
      await entries.append(service, entryOf(call));
      return true;
    } catch (error) {
      if (error instanceof Fault && error.reason === 'ENTRY_AHEAD') return false; // the clock was set back: later
      throw error;
    }
  }

  async function round(): Promise<boolean> {
    try {
      const more = await relay();
      isAway = false;
      return more;
    } catch (error) {
      if (!isAway) log.warn({ err: error }, 'audited calls can’t be handed to the log; they are kept and tried again');
      isAway = true;
      return false;
    }
  }

  async function work(): Promise<void> {
    while (!closed) {
      if (!woken) await untilWoken();
      woken = false;
      while (!closed && (await round()));
    }
    if (ends.length > 0) await round(); // what ended last need not wait for the next start
  }

  async function untilWoken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wakeUp = resolve;
    const timer = setTimeout(resolve, relayEveryMs).unref();
    await promise;
    clearTimeout(timer);
  }

  function wake(): void {
    woken = true;
    wakeUp();
  }

  const worker = work();
  return {
    async begin({ timeoutMs = longestMs, ...call }) {
      const beginTime = now();
      const id = newEntryId(auditLog.prefix, beginTime.getTime());
      await keepCall(database, { ...call, id, beginTime }, new Date(beginTime.getTime() + timeoutMs + graceMs)).catch(
        (error: unknown) => {
          throw unwritten(error);
        },
      );
      return (code) => {
        ends.push({ id, code, endTime: now() });
        wake();
      };
    },
    async close() {
      closed = true;
      wake();
      await worker;
    },
  };
}

function unwritten(cause: unknown): unknown {
  if (!(cause instanceof Fault) || cause.kind !== 'unavailable') return cause;
  const text = 'The call can’t be recorded for the audit just now, so nothing was done; try again.';
  return new Fault('unavailable', 'AUDIT_UNAVAILABLE', text, { cause, retryAfterMs: cause.retryAfterMs ?? 1_000 });
}

function entryOf({ beginTime, endTime, code, ...call }: EndedCall) {
  const body = create(AuditEntrySchema, {
    ...call,
    beginTime: timestampFromDate(beginTime),
    ...(endTime !== null && { endTime: timestampFromDate(endTime) }),
    ...(code !== null && { code }),
  });
  const author = call.userId === '' ? call.caller : call.userId;
  return { id: call.id, author, type: call.method, body: toBinary(AuditEntrySchema, body) };
}
