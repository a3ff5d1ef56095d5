import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from 'pino';
import { Fault } from './fault.ts';
import { StartError } from './start-error.ts';

/** An engine that a service stands on, as readiness shows it. */
export type EngineState = {
  /** "PostgreSQL", "Redis"… */
  readonly name: string;
  /** Whether the service can do its work without it. What it does then stands in docs/engines.md. */
  readonly needed: boolean;
  /** Resolves while it answers; rejects with what is the matter. */
  check(): Promise<void>;
};

/** What `npm run doctor` found out about an engine: one line of its answer. */
export type Finding = {
  readonly about: 'reachable' | 'version' | 'tls' | 'rights' | 'schema' | 'memory' | 'clock';
  /** "warning" for what works and shouldn't stay so, such as plain text. */
  readonly verdict: 'good' | 'warning' | 'bad';
  /** What is so, and where it is bad, what to do. Never holds a secret. */
  readonly text: string;
};

/** Looks at an engine with the settings of a service. Stops at the first thing without which nothing else can be asked. */
export type Examination = () => AsyncIterable<Finding>;

/** An engine is away. The caller may try again; so do the platform's own loops. */
export function engineAway(engine: string, cause: unknown): Fault {
  const name = engine.toUpperCase();
  return new Fault('unavailable', `${name}_UNAVAILABLE`, `${engine} can’t be reached just now; try again.`, {
    cause,
    retryAfterMs: 1_000,
    metadata: { engine },
  });
}

/** The engine answers and will not have us: no waiting helps, so the process says what to set and ends. */
export function engineRefuses(engine: string, variable: string, why: string, cause: unknown): StartError {
  return new StartError(`${engine} refuses us: ${why}. Correct ${variable}.`, { cause });
}

const tlsErrors: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself, and is not in the CA file',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not in the CA file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority that is not in the CA file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not in the CA file',
  CERT_SIGNATURE_FAILURE: 'its certificate comes from an authority that is not in the CA file',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it speaks plain text there, not TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it speaks plain text there, not TLS',
};

/** What is wrong with a TLS connection, by the code of Node's error; undefined for any other error. */
export function tlsProblem(code: string): string | undefined {
  return tlsErrors[code];
}

/** Who opens something wants to know what it waits for, and may give up. */
export type Opening = {
  readonly signal: AbortSignal;
  /** Told of each failure, and with undefined once the engine is there. */
  waitsFor(engine: string, failure: Fault | undefined): void;
};

const openings = new AsyncLocalStorage<Opening>();

/** Has each `whenReachable` inside `work` tell what it waits for, and end when `opening` is given up. */
export function whileOpening<T>(opening: Opening, work: () => Promise<T>): Promise<T> {
  return openings.run(opening, work);
}

const sayEveryMs = 5_000;

/** Does what needs an engine, again and again while that is away: it may start after us. Every other error is thrown at once. */
export async function whenReachable<T>(work: () => Promise<T>, options: WaitOptions): Promise<T> {
  const opening = openings.getStore();
  const { engine, log, signal = opening?.signal } = options;
  let saidMs = -Infinity;
  for (let failures = 0; ;) {
    try {
      const done = await work();
      if (failures > 0) opening?.waitsFor(engine, undefined);
      return done;
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'unavailable' || signal?.aborted === true) throw error;
      failures++;
      if (performance.now() - saidMs > sayEveryMs) {
        log.warn({ err: error, engine }, 'waiting for an engine');
        saidMs = performance.now();
      }
      opening?.waitsFor(engine, error);
      options.onWait?.(error);
      await pause(Math.min(1_000, 50 * 2 ** failures), signal);
    }
  }
}

export type WaitOptions = {
  readonly engine: string;
  readonly log: Logger;
  readonly signal?: AbortSignal;
  readonly onWait?: (error: Fault) => void;
};

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    if (signal?.aborted === true) done();
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
