import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type ChannelModel, connect } from 'amqplib';
import type { Logger } from 'pino';
import { engineAway, engineRefuses, type EngineState, tlsProblem } from './engine.ts';
import type { RabbitConfig } from './engine-config.ts';
import { codeOf } from './error-code.ts';
import type { StartError } from './start-error.ts';

export type AmqpConnection = {
  /** The connection that is open now. Throws a Fault of kind "unavailable" while there is none, or while RabbitMQ takes nothing. */
  current(): ChannelModel;
  isOpen(): boolean;
  /** The open connection, or the next one. Rejects when this is closed. */
  opened(): Promise<ChannelModel>;
  state(needed: boolean): EngineState;
  close(): Promise<void>;
};

const engine = 'RabbitMQ';
const connectTimeoutMs = 5_000; // TCP, TLS and the sign-in, each; a busy broker takes its time to refuse
const firstTryMs = 10_000; // a server that hangs is no reason not to start
const closeTimeoutMs = 2_000;
const heartbeatSeconds = 5; // a peer that vanished is given up after two

/**
 * Connects to RabbitMQ. Resolves when that is done, or when RabbitMQ is away: it is tried again in the background, for ever. Throws a
 * StartError where RabbitMQ answers and refuses: wrong password, virtual host or authority, plain text.
 */
export async function openAmqp(
  config: RabbitConfig & { readonly RABBITMQ_URL: string },
  log: Logger,
): Promise<AmqpConnection> {
  const closing = new AbortController();
  let model: ChannelModel | undefined;
  let blocked: string | undefined;
  let lastError: unknown;
  let next = Promise.withResolvers<ChannelModel>();
  next.promise.catch(() => undefined);
  const firstTried = Promise.withResolvers<void>();

  let isFirst = true; // what refuses us is said by who opens this
  function sayAway(error: unknown): void {
    log.warn({ err: error, engine }, 'an engine is away; trying again');
  }

  async function keepOpen(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; failures++) {
      const opening = await dial(config).catch((error: unknown) => {
        if (failures === 0 && !isFirst) sayAway(error);
        lastError = error;
        return undefined;
      });
      if (opening !== undefined) {
        if (failures > 0) log.info({ engine }, 'an engine is back');
        failures = -1; // counts from none again
        await useUntilClosed(opening);
      }
      firstTried.resolve();
      await sleep(Math.min(1_000, 50 * 2 ** Math.max(0, Math.min(failures, 10))), undefined, {
        signal: closing.signal,
      }).catch(() => undefined);
    }
  }

  async function useUntilClosed(opened: ChannelModel): Promise<void> {
    const closed = Promise.withResolvers<void>();
    opened.on('error', (error) => (lastError = error));
    opened.on('close', (error) => {
      if (!closing.signal.aborted) log.warn({ err: error ?? lastError, engine }, 'an engine has gone; trying again');
      lastError = error ?? lastError;
      closed.resolve();
    });
    opened.on('blocked', (reason) => {
      blocked = reason;
      log.warn({ engine, reason }, 'an engine takes nothing just now');
    });
    opened.on('unblocked', () => {
      blocked = undefined;
      log.info({ engine }, 'an engine takes all again');
    });
    model = opened;
    next.resolve(opened);
    firstTried.resolve();
    if (closing.signal.aborted) await end(opened);
    await closed.promise;
    model = undefined;
    blocked = undefined;
    next = Promise.withResolvers();
    next.promise.catch(() => undefined);
  }

  const keeping = keepOpen();
  const connection: AmqpConnection = {
    current() {
      if (model === undefined) throw engineAway(engine, lastError);
      if (blocked !== undefined) throw engineAway(engine, new Error(`it takes nothing just now: ${blocked}`));
      return model;
    },
    isOpen: () => model !== undefined,
    opened: () => next.promise,
    state: (needed) => ({
      name: engine,
      needed,
      async check() {
        connection.current();
      },
    }),
    async close() {
      closing.abort();
      next.reject(new Error('the connection to RabbitMQ was closed'));
      if (model !== undefined) await end(model);
      await keeping;
    },
  };
  await Promise.race([firstTried.promise, sleep(firstTryMs, undefined, { ref: false })]);
  if (model === undefined) {
    const refusal = await rabbitRefusal(config, lastError);
    if (refusal !== undefined) {
      await connection.close();
      throw refusal;
    }
    sayAway(lastError);
  }
  isFirst = false;
  return connection;
}

/** Connects once, as the settings say. */
export function dial({
  RABBITMQ_URL,
  RABBITMQ_CA,
}: RabbitConfig & { readonly RABBITMQ_URL: string }): Promise<ChannelModel> {
  const { protocol, hostname, port, username, password, pathname } = new URL(RABBITMQ_URL);
  return connect(
    {
      protocol: protocol.slice(0, -1),
      hostname: hostname.replace(/^\[|\]$/g, ''),
      ...(port !== '' && { port: Number(port) }),
      username: decodeURIComponent(username), // the driver would read them as Latin-1
      password: decodeURIComponent(password),
      vhost: pathname.slice(1),
      heartbeat: heartbeatSeconds,
    },
    {
      noDelay: true, // else each answer waits for an acknowledgement, up to 40 ms
      keepAlive: true,
      timeout: connectTimeoutMs,
      clientProperties: { connection_name: 'only2u' },
      ...(RABBITMQ_CA !== undefined && { ca: RABBITMQ_CA }),
    },
  );
}

// It may say goodbye as long as it likes; we have said ours.
async function end(model: ChannelModel): Promise<void> {
  await Promise.race([model.close().catch(() => undefined), sleep(closeTimeoutMs, undefined, { ref: false })]);
}

/** What a failure to connect means, where waiting won't help; undefined where RabbitMQ is merely away. */
export async function rabbitRefusal(
  { RABBITMQ_URL }: { readonly RABBITMQ_URL: string },
  error: unknown,
): Promise<StartError | undefined> {
  const text = error instanceof Error ? error.message : '';
  const refuses = (variable: string, why: string) => engineRefuses(engine, variable, why, error);
  if (text.includes('ACCESS_REFUSED') || text.includes('ACCESS-REFUSED'))
    return refuses('RABBITMQ_URL', 'user or password is wrong');
  if (text.includes('got <ConnectionClose'))
    return refuses('RABBITMQ_URL', 'there is no such virtual host, or it is closed to the user');
  const tls = tlsProblem(codeOf(error));
  if (tls !== undefined) return refuses('RABBITMQ_CA, or the address in RABBITMQ_URL', tls);
  if (
    (/closed abruptly|Frame/i.test(text) || codeOf(error) === 'ECONNRESET') &&
    RABBITMQ_URL.startsWith('amqp:') &&
    (await speaksTls(RABBITMQ_URL))
  )
    return refuses('RABBITMQ_URL', 'it speaks TLS there, not plain text (amqps://…)');
  return undefined;
}

async function speaksTls(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  // It is only asked whether it would speak; nothing is said to it.
  const socket: TLSSocket = connectTls({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 5_671),
    rejectUnauthorized: false,
    timeout: connectTimeoutMs,
  });
  const timedOut = once(socket, 'timeout').then(() => false);
  try {
    return await Promise.race([once(socket, 'secureConnect').then(() => true), timedOut]);
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
