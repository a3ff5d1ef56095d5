import { constants } from 'node:os';

const stopLimitMs = 4_500; // npm and people give up after five seconds

/**
 * Owns the end of the process: SIGINT, SIGTERM and SIGHUP close in order and exit with 0, a bug that nobody caught is told
 * and exits with 1. A second signal, or a close that takes too long, ends the process at once; what it leaves is cleared by
 * the watchdog of the database.
 */
export function stopOnSignals(options: {
  close(): Promise<void>;
  /** Told what happens, and the error when it is one. */
  say(text: string, error?: unknown): void;
}): { readonly stop: (exitCode: number) => void } {
  let stopping = false;
  function stop(exitCode: number): void {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      options.say('stopping took too long; ending at once');
      process.exit(1);
    }, stopLimitMs).unref();
    options.close().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        options.say('stopping failed', error);
        process.exit(1);
      },
    );
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    let lastMs = 0;
    process.on(signal, () => {
      // npm passes Ctrl-C on although the terminal has sent it to us too: twice at once is one.
      const nowMs = Date.now();
      if (nowMs - lastMs < 300) return;
      lastMs = nowMs;
      if (stopping) process.exit(128 + constants.signals[signal]);
      options.say('stopping');
      stop(0);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      options.say(
        event === 'uncaughtException' ? 'an error that nobody caught' : 'a rejection that nobody caught',
        error,
      );
      stop(1);
    });
  }
  return { stop };
}
