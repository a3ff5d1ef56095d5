import type { Logger } from 'pino';
import type { EventFailures } from './event-bus-failures.postgres.ts';
import {
  defaultAttempts,
  defaultRetryMs,
  errorText,
  type EventMessage,
  handleLimitMs,
  neverEnded,
  type Subscribing,
} from './event-bus.ts';

export type Delivered = {
  readonly message: EventMessage;
  /** Whether it was delivered before, to whomever: then its attempts are looked up. */
  readonly again: boolean;
  /** Aborted when another may get it. */
  readonly signal: AbortSignal;
};

/** What became of an event: "cut short" says nothing about it. */
export type Outcome = 'handled' | 'dead' | 'cut short' | { readonly retryInMs: number };

export type HandlingOptions = {
  readonly subscribing: Subscribing;
  readonly failures: EventFailures;
  readonly log: Logger;
};

const failuresAwayMs = 1_000;

/**
 * How a group handles an event that an engine brought, where the engine counts no failures. One that is delivered again costs two
 * statements, since it may be what ended the process before; any other none. Never throws.
 */
export function createHandling({
  subscribing,
  failures,
  log,
}: HandlingOptions): (given: Delivered) => Promise<Outcome> {
  const { group, attempts = defaultAttempts, retryMs = defaultRetryMs } = subscribing;

  async function handle({ message, again, signal }: Delivered): Promise<Outcome> {
    const event = { group, id: message.id };
    const known = again ? await failures.attempts(event) : undefined;
    const waitMs = (known?.dueTime.getTime() ?? 0) - Date.now();
    if (waitMs > 0) return { retryInMs: waitMs };
    const count = (known?.count ?? 0) + 1;
    if (count > attempts) return bury(message, count - 1, new Error(neverEnded));
    if (again) await failures.keepAttempts(event, { count, dueTime: new Date() });
    const error = await run(message, signal);
    if (error === undefined) {
      if (again) await failures.forgetAttempts(event).catch(() => undefined); // it is handled; old ones are cleared in time
      return 'handled';
    }
    if (signal.aborted) {
      if (again) await failures.keepAttempts(event, { count: count - 1, dueTime: new Date() });
      return 'cut short';
    }
    if (count >= attempts) return bury(message, count, error.cause);
    const retryInMs = Math.round(retryMs(count));
    log.warn({ group, topic: message.topic, eventId: message.id, attempts: count, err: error.cause }, failed);
    await failures.keepAttempts(event, { count, dueTime: new Date(Date.now() + retryInMs) });
    return { retryInMs };
  }

  async function run(message: EventMessage, stopped: AbortSignal): Promise<{ readonly cause: unknown } | undefined> {
    // By hand, since AbortSignal.any took a fifth of what an event costs.
    const ending = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      ending.abort();
      reject(new Error(`not handled within ${handleLimitMs / 1_000} s`));
    }, handleLimitMs);
    const onStopped = (): void => ending.abort(stopped.reason);
    if (stopped.aborted) onStopped();
    stopped.addEventListener('abort', onStopped);
    try {
      await Promise.race([subscribing.handle(message, ending.signal), promise]);
      return undefined;
    } catch (cause) {
      return { cause };
    } finally {
      clearTimeout(timer);
      stopped.removeEventListener('abort', onStopped);
    }
  }

  async function bury(message: EventMessage, count: number, error: unknown): Promise<Outcome> {
    log.error({ group, topic: message.topic, eventId: message.id, attempts: count, err: error }, dead);
    await failures.bury({ ...message, group, attempts: count, error: errorText(error) });
    return 'dead';
  }

  return (given) =>
    handle(given).catch((error: unknown) => {
      log.warn(
        { group, eventId: given.message.id, err: error },
        'what became of an event can’t be kept; it is tried again',
      );
      return given.signal.aborted ? 'cut short' : { retryInMs: failuresAwayMs };
    });
}

const failed = 'an event failed; it will come again';
const dead = 'an event failed for the last time; it is a dead letter now';
