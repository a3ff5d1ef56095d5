import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.ts';

export type TestRedis = {
  readonly port: number;
  /** redis://… of the port, without a user. */
  readonly url: string;
  /** As a machine that loses power. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Answers nothing, and keeps its connections, until it is resumed. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
  close(): Promise<void>;
};

export type TestRedisOptions = {
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** More lines of redis.conf, such as users. */
  readonly lines?: readonly string[];
};

/** A Redis of one test's own, to be killed: `redis-server` from PATH, or REDIS_SERVER. Not started where `started` is false. */
export async function startTestRedis({ tls, lines = [] }: TestRedisOptions = {}, started = true): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'only2u-redis-'));
  const port = await freePort();
  const config = [
    'bind 127.0.0.1',
    'save ""',
    'appendonly no',
    `dir ${folder}`,
    ...(tls === undefined
      ? [`port ${port}`]
      : [
          'port 0',
          `tls-port ${port}`,
          'tls-auth-clients no',
          ...['ca-cert', 'cert', 'key'].map((name) => `tls-${name}-file ${folder}/${name}`),
        ]),
    ...lines,
  ];
  await writeFile(join(folder, 'redis.conf'), `${config.join('\n')}\n`);
  for (const [name, text] of Object.entries(
    tls === undefined ? {} : { 'ca-cert': tls.ca, cert: tls.cert, key: tls.key },
  ))
    await writeFile(join(folder, name), text);
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const server = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', [join(folder, 'redis.conf')], {
      stdio: 'ignore',
    });
    child = server;
    const failed = once(server, 'error').then(([error]) =>
      Promise.reject(error instanceof Error ? error : new Error()),
    );
    await Promise.race([failed, listening(port, server)]);
  }

  async function kill(): Promise<void> {
    const server = child;
    child = undefined;
    if (server === undefined) return;
    const ended = once(server, 'close');
    server.kill('SIGKILL');
    await ended;
  }

  if (started) await start();
  return {
    port,
    url: `${tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listening(port: number, server: ChildProcess): Promise<void> {
  while (server.exitCode === null) {
    const socket = connect({ host: '127.0.0.1', port });
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await sleep(10);
  }
  throw new Error(`redis-server ended with ${server.exitCode}; its configuration is refused`);
}
