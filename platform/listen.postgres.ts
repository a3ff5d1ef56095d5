import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';

export type ListenOptions = {
  readonly connection: pg.ClientConfig;
  readonly channel: string;
  readonly listener: (payload: string) => void;
  readonly log: Logger | undefined;
};

/**
 * Listens on a connection of its own, and makes a new one when that is lost. The listener is then called with "", since what was
 * sent meanwhile is gone. Returns how to stop.
 */
export async function listenOn({ connection, channel, listener, log }: ListenOptions): Promise<() => Promise<void>> {
  const stopped = new AbortController();
  let client: pg.Client | undefined;
  async function connect(): Promise<void> {
    const next = new pg.Client(connection);
    next.on('notification', ({ payload }) => listener(payload ?? ''));
    next.on('error', () => undefined); // 'end' follows
    await next.connect();
    try {
      await next.query(`LISTEN ${next.escapeIdentifier(channel)}`);
    } catch (error) {
      await next.end().catch(() => undefined);
      throw error;
    }
    next.on('end', () => void reconnect());
    client = next;
    if (stopped.signal.aborted) await next.end();
  }
  async function reconnect(): Promise<void> {
    for (let attempt = 0; !stopped.signal.aborted; attempt++) {
      await sleep(Math.min(5_000, 100 * 2 ** attempt), undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      try {
        await connect();
        return listener('');
      } catch (error) {
        log?.warn({ err: error, channel }, 'listening to the database failed; trying again');
      }
    }
  }
  await connect();
  return async () => {
    stopped.abort();
    await client?.end().catch(() => undefined);
  };
}
