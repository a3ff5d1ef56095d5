import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Logger } from 'pino';
import type { Certificate } from './listener.ts';

const pollMs = 10_000; // certificates are renewed days before they end

/** A certificate in two PEM files. Read again when they change; a pair that can't be read leaves the one before in place. */
export function openCertificate(
  files: { readonly cert: string; readonly key: string },
  log: Logger,
): Certificate & { close(): void } {
  const listeners = new Set<() => void>();
  let pair = read();

  function read() {
    return { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
  }

  function reload(): void {
    try {
      pair = read();
      for (const listener of listeners) listener();
      log.info('the certificate was renewed');
    } catch (error) {
      log.error({ err: error }, 'the renewed certificate can not be used; the one before stays');
    }
  }

  for (const file of [files.cert, files.key]) watchFile(file, { interval: pollMs, persistent: false }, reload);
  return {
    current: () => pair,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      for (const file of [files.cert, files.key]) unwatchFile(file, reload);
    },
  };
}
