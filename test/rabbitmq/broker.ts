import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '#platform/free-port.ts';

/** A RabbitMQ of its own, empty, on this machine. */
export type Broker = {
  readonly port: number;
  /** Runs rabbitmqctl; rejects with what it says when it fails. */
  ctl(...args: readonly string[]): Promise<string>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again, with what it had on its disk. */
  restart(): Promise<void>;
  close(): Promise<void>;
};

const startWithinSeconds = 90; // 3 to 6 on a quiet machine

/** Starts one from what is installed: RABBITMQ_HOME, or where Debian puts it. */
export async function openBroker(): Promise<Broker> {
  const bin = join(process.env['RABBITMQ_HOME'] ?? '/usr/lib/rabbitmq', 'bin');
  try {
    accessSync(join(bin, 'rabbitmq-server'));
  } catch {
    throw new Error(`There is no RabbitMQ at ${bin}: apt-get install rabbitmq-server, or set RABBITMQ_HOME.`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'only2u-rabbitmq-'));
  const [port, distribution, epmd] = [await freePort(), await freePort(), await freePort()];
  const env = {
    PATH: [bin, process.env['PATH'] ?? ''].join(delimiter),
    HOME: join(folder, 'home'),
    RABBITMQ_NODENAME: `only2u${process.pid}@localhost`,
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'), // what the machine's own broker is told is not for this one
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(epmd),
  };
  await mkdir(env.HOME);
  await writeFile(env.RABBITMQ_ENABLED_PLUGINS_FILE, '[].');
  await writeFile(
    env.RABBITMQ_CONFIG_FILE,
    `listeners.tcp.1 = 127.0.0.1:${port}\nvm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 50MB\n`,
  );
  const output = openSync(join(folder, 'output'), 'a');
  const start = () => spawn(join(bin, 'rabbitmq-server'), { env, stdio: ['ignore', output, output] });
  let server = start();
  let ended = once(server, 'exit');

  async function ctl(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(join(bin, 'rabbitmqctl'), [...args], { env });
    return stdout;
  }

  async function kill(): Promise<void> {
    process.kill(Number(await readFile(env.RABBITMQ_PID_FILE, 'utf8')), 'SIGKILL');
    await ended;
  }

  async function restart(): Promise<void> {
    await rm(env.RABBITMQ_PID_FILE, { force: true });
    server = start();
    ended = once(server, 'exit');
    await started();
  }

  async function started(): Promise<void> {
    await Promise.race([
      ctl('wait', env.RABBITMQ_PID_FILE, '--timeout', String(startWithinSeconds)),
      ended.then(() => Promise.reject(new Error('RabbitMQ has ended'))),
    ]);
  }

  async function close(): Promise<void> {
    if (server.exitCode === null && server.signalCode === null) {
      await ctl('stop').catch(() => server.kill());
      await ended;
    }
    // The name server that Erlang starts beside it outlives it.
    await promisify(execFile)('epmd', ['-port', String(epmd), '-kill'], { env }).catch(() => undefined);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    await started();
  } catch (cause) {
    const said = await readFile(join(folder, 'output'), 'utf8').catch(() => '');
    await close();
    throw new Error(`RabbitMQ does not start:\n${said.slice(-2_000)}`, { cause });
  }
  return { port, ctl, kill, restart, close };
}
