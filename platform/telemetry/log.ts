import { Writable } from 'node:stream';
import { type DestinationStream, type Logger, pino } from 'pino';

export type LogOptions = {
  readonly level: string;
  /** "json" for machines, one object a line; "pretty" for people at a terminal. */
  readonly format: 'json' | 'pretty';
  /** Where lines go; standard output when left out. */
  readonly destination?: DestinationStream;
};

/** Names that never reach a log line, wherever a service puts them by mistake. */
const secret = ['password', 'token', 'accessToken', 'refreshToken', 'authorization', 'secret', 'key', 'cookie'];

/** The process's log. Each service gets a child of it: `log.child({ service: 'product' })`. */
export function createLog({ level, format, destination }: LogOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: shownError },
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...secret, ...secret.map((name) => `*.${name}`)], censor: '[redacted]' },
    },
    format === 'pretty'
      ? prettyStream(destination ?? process.stdout)
      : (destination ?? pino.destination({ dest: 1, sync: true })),
  );
}

/** A log that writes nothing, for tests. */
export function silentLog(): Logger {
  return pino({ level: 'silent' });
}

/** Prints "16:20:11 warn  product  message  key=value", and an error's stack below it. */
function prettyStream(out: { write(text: string): unknown }): Writable {
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      out.write(prettyLine(line));
      done();
    },
  });
}

/** One JSON line as a person reads it. */
export function prettyLine(line: string): string {
  const entry: unknown = JSON.parse(line);
  const { time, level, service, msg, err, ...rest } = { ...(entry as Record<string, unknown>) };
  const values = Object.entries(rest).map(([name, value]) => `${name}=${shown(value)}`);
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${String(err.stack)}` : '';
  const head = [String(time).slice(11, 19), String(level).padEnd(5), service, msg, ...values];
  return `${head
    .filter((part) => part !== undefined && part !== '')
    .map(String)
    .join(' ')}${stack}\n`;
}

/** Quoted unless it is one plain word, so that no value can look like another line or move the terminal's cursor. */
function shown(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
}

/**
 * What a line says of an error: type, text, stack with its causes, and a code. Not its other properties, where drivers put what
 * was written: PostgreSQL's `detail` says "Key (email)=(ann@example.com) already exists."
 */
function shownError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = pino.stdSerializers.err(error);
  return { type, message, stack, ...('code' in error ? { code: error.code } : {}) };
}
