import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { services } from '#services/all.ts';
import { freePorts } from '#platform/free-port.ts';

const startWithinMs = 120_000; // the first start unpacks a database and loads a catalog, on a busy machine too
const stopWithinMs = 10_000; // twice what a shop promises

export type RunningShop = {
  /** What finds it: ONLY2U_DATA and <SERVICE>_ADDRESS, GATEWAY_URL. */
  readonly env: Readonly<Record<string, string>>;
  readonly gatewayUrl: string;
  stop(): Promise<void>;
};

/** Starts a shop with data and ports of its own from the checkout at `root`, so that it meets no other. */
export async function openShop(root: string, names: readonly string[]): Promise<RunningShop> {
  const data = await mkdtemp(join(tmpdir(), 'only2u-shop-'));
  const [postgres, admin, ...ports] = await freePorts(names.length + 2);
  const places = names.map((name, index) => ({ variable: name.toUpperCase(), port: String(ports[index]) }));
  const child = spawn(process.execPath, ['services/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      ...Object.fromEntries(places.map(({ variable, port }) => [`${variable}_PORT`, port])),
      ONLY2U_DATA: data,
      POSTGRES_PORT: String(postgres),
      ADMIN_PORT: String(admin),
      LOG_LEVEL: 'warn',
    },
  });
  const ended = new Promise<void>((done) => child.once('close', done));
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const killing = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await ended;
    clearTimeout(killing);
    await rm(data, { recursive: true, force: true });
  };
  try {
    await ready(`http://127.0.0.1:${admin}/readyz`, () => child.exitCode !== null);
  } catch (error) {
    await stop();
    throw error;
  }
  const addresses = places.map(({ variable, port }): [string, string] => [`${variable}_ADDRESS`, `127.0.0.1:${port}`]);
  const gatewayUrl = `http://127.0.0.1:${String(ports[names.indexOf('gateway')])}`;
  return { env: { ...Object.fromEntries(addresses), ONLY2U_DATA: data, GATEWAY_URL: gatewayUrl }, gatewayUrl, stop };
}

async function ready(url: string, ended: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + startWithinMs;
  while (Date.now() < giveUpAt && !ended()) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (answer?.ok === true) return;
    await sleep(100);
  }
  throw new Error(
    ended() ? 'The shop ended instead of starting.' : `The shop was not ready after ${startWithinMs / 1000} s.`,
  );
}

/** node tools/with-shop.ts COMMAND…: runs a command against a shop of its own, and ends with its status. */
async function main(command: string, args: readonly string[]): Promise<number> {
  const names = services.map(({ name }) => name);
  const shop = await openShop(resolve(import.meta.dirname, '..'), names);
  try {
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...shop.env } });
    return await new Promise<number>((done, fail) => {
      child.once('error', fail);
      child.once('close', (code) => done(code ?? 1));
    });
  } finally {
    await shop.stop();
  }
}

if (import.meta.main) {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined) throw new Error('Usage: node tools/with-shop.ts COMMAND…');
  process.exitCode = await main(command, args);
}
