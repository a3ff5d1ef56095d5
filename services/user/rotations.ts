import type { Logger } from 'pino';
import type { Session } from './session.ts';

export type RotationsOptions = {
  /** Records many in one statement; the same again does no harm. */
  record(rotated: readonly Session[]): Promise<void>;
  readonly log: Logger;
};

/** Rotations on their way to PostgreSQL: the latest of each session. */
export type Rotations = {
  add(session: Session): void;
  /** The one that is not recorded yet. */
  get(sessionId: string): Session | undefined;
  /** Resolves when all that was added before is recorded. */
  flush(): Promise<void>;
  /** Records what is left, or says that it could not. */
  close(): Promise<void>;
};

const batch = 500;
const retryMs = 250;

/** Records rotations one statement after the other, each with all that have come meanwhile, and keeps them until it is done. */
export function createRotations({ record, log }: RotationsOptions): Rotations {
  const waiting = new Map<string, Session>();
  let running: Promise<void> | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const some = [...waiting.values()].slice(0, batch);
      await record(some);
      for (const session of some) if (waiting.get(session.id) === session) waiting.delete(session.id);
    }
  }

  function flush(): Promise<void> {
    running ??= run().finally(() => (running = undefined));
    return running;
  }

  function begin(): void {
    flush().catch((error: unknown) => {
      log.warn({ err: error, rotations: waiting.size }, 'refreshed sessions wait to be recorded; trying again');
      retry ??= setTimeout(() => {
        retry = undefined;
        begin();
      }, retryMs);
    });
  }

  return {
    add(session) {
      waiting.set(session.id, session);
      if (running === undefined && retry === undefined) begin();
    },
    get: (sessionId) => waiting.get(sessionId),
    flush,
    async close() {
      clearTimeout(retry);
      await flush().catch((error: unknown) =>
        log.error({ err: error, rotations: waiting.size }, 'refreshed sessions are known to Redis alone'),
      );
    },
  };
}
