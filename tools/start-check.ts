import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { services } from '#services/all.ts';
import { freePorts } from '#platform/free-port.ts';
import { memoryOf, processesOf, type StartedShop, startShop, type StartOptions, treeOf } from './started-shop.ts';

/**
 * npm run check:start: starts and stops the shop in every way that it must bear. As root it also tries other users, root's own
 * home and broken disks; as an ordinary user it says what it left out.
 */
const root = resolve(import.meta.dirname, '..');
const isRoot = process.getuid?.() === 0;
const secondStartSeconds = 3;
const stopSeconds = 5;
const memoryMegabytes = 350;

const work = mkdtempSync(join(tmpdir(), 'only2u-start-'));
chmodSync(work, 0o711);
const mounts: string[] = [];
const failures: string[] = [];
const started: StartedShop[] = [];
let ports: Record<string, string> = {};

async function check(name: string, run: () => Promise<string | void>): Promise<void> {
  const startedMs = Date.now();
  try {
    const note = await run();
    console.log(`ok    ${name}${note ? `: ${note}` : ''} (${((Date.now() - startedMs) / 1_000).toFixed(1)} s)`);
  } catch (error) {
    failures.push(name);
    for (const shop of started) if (!shop.hasEnded()) await shop.end('SIGKILL');
    console.log(`FAIL  ${name}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function start(data: string, options: Partial<StartOptions> = {}): StartedShop {
  const env = { ...ports, ONLY2U_DATA: data, ...options.env };
  const shop = startShop({ folder: root, data, ...options, env });
  started.push(shop);
  return shop;
}

async function stop(shop: StartedShop, data: string, signal: NodeJS.Signals = 'SIGINT'): Promise<string> {
  const { seconds, code, output } = await shop.end(signal);
  must(seconds <= stopSeconds, `It took ${seconds.toFixed(1)} s to stop.\n${output}`);
  // npm ends by the signal itself, once the shop has ended.
  must(code === 0 || (code === null && signal === 'SIGINT'), `It ended with ${code}.\n${output}`);
  must(!/fatal|error|too long/.test(output), output);
  const left = processesOf(data);
  must(
    left.length === 0,
    `Processes are left: ${left.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).join(', ')}`,
  );
  return `stopped after ${seconds.toFixed(1)} s`;
}

/** The start must fail, with one line that says why. */
async function refused(data: string, saying: RegExp, options: Partial<StartOptions> = {}): Promise<string> {
  const { code, output } = await start(data, { through: 'node', ...options }).ended;
  const lines = output.split('\n').filter((line) => line !== '' && !line.includes('making the database'));
  must(code !== 0 && code !== null, `It ended with ${code}.\n${output}`);
  must(lines.length === 1 && saying.test(lines[0] ?? ''), `It said:\n${output}`);
  must(processesOf(data).length === 0, 'Processes are left.');
  return (lines[0] ?? '').replaceAll(work, '…');
}

async function call(path: string, body: unknown): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${ports['GATEWAY_PORT']}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  must(response.ok, `${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

async function countProducts(): Promise<number> {
  const found = await call('only2u.product.v1.ProductService/ListProducts', { pageSize: 100 });
  return typeof found === 'object' && found !== null && 'products' in found && Array.isArray(found.products)
    ? found.products.length
    : 0;
}

/** Buys as the README does, so that every service has worked. */
function buy(data: string): void {
  const addresses = services.map(({ name }) => name.toUpperCase());
  const env = {
    ...process.env,
    ...Object.fromEntries(addresses.map((name) => [`${name}_ADDRESS`, `127.0.0.1:${ports[`${name}_PORT`]}`])),
    ONLY2U_DATA: data,
    GATEWAY_URL: `http://127.0.0.1:${ports['GATEWAY_PORT']}`,
  };
  execFileSync('bash', ['examples/buy.sh'], { cwd: root, env, stdio: 'pipe', timeout: 120_000 });
}

/** The checkout at another place, as if it had been cloned there. */
function copyTo(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(root, file)));
  for (const file of files) cpSync(join(root, file), join(folder, file));
  execFileSync('cp', ['-al', join(root, 'node_modules'), folder]); // hard links: a second instead of a minute
  return folder;
}

function freshData(name: string): string {
  return join(mkdtempSync(join(work, `${name}-`)), 'data');
}

/** A made cluster to be broken, copied from one that was stopped. */
function copyOf(data: string, name: string): string {
  const copy = freshData(name);
  execFileSync('cp', ['-a', data, copy]);
  return copy;
}

function mountTmpfs(name: string, size: string): string {
  const folder = join(work, name);
  mkdirSync(folder);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  mounts.push(folder);
  return folder;
}

async function listenOn(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  return server;
}

async function portsOfShop(): Promise<Record<string, string>> {
  const names = ['POSTGRES_PORT', 'ADMIN_PORT', ...services.map(({ name }) => `${name.toUpperCase()}_PORT`)];
  const free = await freePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [name, String(free[index])] as const));
}

async function startAndStop(options: Partial<StartOptions> & { readonly data: string }): Promise<string> {
  const shop = start(options.data, options);
  const seconds = await shop.ready();
  must((await countProducts()) > 0, 'There are no products.');
  return `ready after ${seconds.toFixed(1)} s, ${await stop(shop, options.data)}`;
}

async function ordinaryLife(data: string): Promise<void> {
  await check('the first start, from nothing, loads a catalog', () => startAndStop({ data }));
  await check(`the next start is ready within ${secondStartSeconds} s`, async () => {
    const times: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const shop = start(data);
      times.push(await shop.ready());
      await stop(shop, data);
      if (Math.min(...times) <= secondStartSeconds) break; // another try for a machine that is busy with other things
    }
    const best = Math.min(...times);
    must(best <= secondStartSeconds, `It took ${times.map((time) => time.toFixed(1)).join(', ')} s.`);
    return `${best.toFixed(1)} s`;
  });
  await check(`all processes together stay under ${memoryMegabytes} MB, npm included`, async () => {
    const shop = start(data);
    await shop.ready();
    for (let round = 0; round < 50; round++) {
      await Promise.all(
        ['shirt', 'mug', 'blue', 'gift'].map((query) =>
          call('only2u.product.v1.ProductService/SearchProducts', { query }),
        ),
      );
    }
    try {
      for (let purchase = 0; purchase < 2; purchase++) buy(data);
    } catch (error) {
      throw new Error(`A purchase failed. The shop said:\n${shop.output()}`, { cause: error });
    }
    const megabytes = memoryOf(treeOf(shop.pid));
    await stop(shop, data);
    must(megabytes > 0 && megabytes < memoryMegabytes, `They use ${megabytes.toFixed(0)} MB.`);
    return `${megabytes.toFixed(0)} MB`;
  });
  await check('SIGTERM stops it in order too', async () => {
    const shop = start(data, { through: 'node' });
    await shop.ready();
    return stop(shop, data, 'SIGTERM');
  });
  await check('Ctrl-C while it starts leaves nothing behind', async () => {
    const other = freshData('early');
    const shop = start(other, { through: 'node' });
    while (!shop.output().includes('making the database')) await sleep(5);
    const { seconds } = await shop.end('SIGINT');
    must(seconds <= stopSeconds, `It took ${seconds.toFixed(1)} s to stop.`);
    for (let wait = 0; wait < 100 && processesOf(other).length > 0; wait++) await sleep(20);
    must(processesOf(other).length === 0, 'Processes are left.');
    return startAndStop({ data: other });
  });
  await check('after SIGKILL the next start works, and what was answered is there', async () => {
    const shop = start(data);
    await shop.ready();
    const email = `${process.pid}@example.com`;
    const account = {
      email,
      password: 'correct horse battery',
      displayName: 'Start check',
      requestId: `start-check-${process.pid}`,
    };
    await call('only2u.user.v1.AuthService/SignUp', account);
    await shop.end('SIGKILL');
    const next = start(data);
    const seconds = await next.ready();
    await call('only2u.user.v1.AuthService/SignIn', {
      email,
      password: account.password,
      requestId: `${account.requestId}-in`,
    });
    return `ready again after ${seconds.toFixed(1)} s, ${await stop(next, data)}`;
  });
  await check('also when its database lost its watchdog and lives on', async () => {
    const shop = start(data, { through: 'node' });
    await shop.ready();
    for (const pid of processesOf(data)) {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('only2u-watchdog')) process.kill(pid, 'SIGKILL');
    }
    await shop.end('SIGKILL');
    return startAndStop({ data });
  });
  await check('a service in a process of its own shares the database of the others', async () => {
    const first = start(data, { args: ['user', 'gateway'] });
    await first.ready();
    const second = start(data, { args: ['product'], env: { ADMIN_PORT: '0' } });
    await second.ready();
    must((await countProducts()) > 0, 'There are no products.');
    await first.end('SIGINT');
    must(processesOf(data).length > 0, 'The database ended with the first.');
    return stop(second, data);
  });
  await check('a second shop on the same data and ports is refused', async () => {
    const shop = start(data);
    await shop.ready();
    const { code, output } = await start(data, { through: 'node' }).ended;
    must(
      code === 1 && /^Only2U can’t start\. Port \d+ for \w+ is in use.*\n$/.test(output),
      `It ended with ${code}:\n${output}`,
    );
    must((await countProducts()) > 0, 'The first shop suffered.');
    await stop(shop, data);
    return output.trim();
  });
  await check('a service that does not exist is refused', () =>
    refused(data, /no service nothing/, { args: ['nothing'] }),
  );
}

async function portsInUse(data: string): Promise<void> {
  for (const [variable, port] of Object.entries(ports)) {
    await check(`${variable} in use`, async () => {
      const other = await listenOn(Number(port));
      try {
        return await refused(data, new RegExp(`Port ${port} for .* is in use.*${variable}`));
      } finally {
        other.close();
      }
    });
  }
}

async function brokenFolders(data: string): Promise<void> {
  const postgres = (copy: string, ...path: string[]): string => join(copy, 'postgres', ...path);
  const ways: readonly [string, RegExp, (copy: string) => void][] = [
    ['of another PostgreSQL', /made by PostgreSQL 15/, (copy) => writeFileSync(postgres(copy, 'PG_VERSION'), '15\n')],
    ['without PG_VERSION', /not a PostgreSQL folder/, (copy) => rmSync(postgres(copy, 'PG_VERSION'))],
    [
      'with garbage in pg_control',
      /damaged/,
      (copy) => writeFileSync(postgres(copy, 'global/pg_control'), Buffer.alloc(8_192, 7)),
    ],
    ['without its log', /damaged/, (copy) => rmSync(postgres(copy, 'pg_wal'), { recursive: true })],
    ['without its databases', /Restore|restore/, (copy) => rmSync(postgres(copy, 'base'), { recursive: true })],
    ['with another secret', /Restore/, (copy) => rmSync(join(copy, 'secret'))],
    ['with a damaged secret', /secret is damaged/, (copy) => writeFileSync(join(copy, 'secret'), '?')],
    ['with a damaged certificate authority', /CA/, (copy) => writeFileSync(join(copy, 'ca/key.pem'), '?')],
  ];
  for (const [name, saying, spoil] of ways) {
    await check(`a data folder ${name}`, () => {
      const copy = copyOf(data, 'broken');
      spoil(copy);
      return refused(copy, saying);
    });
  }
  await check('a file in place of the data folder', () => {
    const file = freshData('file');
    writeFileSync(file, '');
    return refused(file, /a file is in its place/);
  });
}

async function disks(data: string): Promise<void> {
  await check('a read-only data folder', () => {
    const folder = mountTmpfs('read-only', '200m');
    execFileSync('cp', ['-a', `${data}/.`, folder]);
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    return refused(folder, /read-only/);
  });
  await check('a disk that is full at the first start', () => refused(mountTmpfs('small', '20m'), /disk is full/));
  await check('a disk that is full at a later start', () => {
    const folder = mountTmpfs('full', '200m');
    execFileSync('cp', ['-a', `${data}/.`, folder]);
    execFileSync('sh', ['-c', `cat /dev/zero > "$0/filler" 2>/dev/null; true`, folder]);
    return refused(folder, /disk is full/);
  });
}

async function places(): Promise<void> {
  const nobody = {
    uid: Number(execFileSync('id', ['-u', 'nobody'])),
    gid: Number(execFileSync('id', ['-g', 'nobody'])),
  };
  const home = join(work, 'home of nobody');
  mkdirSync(home, { mode: 0o700 });
  const theirs = copyTo(join(home, 'only 2 u'));
  for (const path of [home, theirs]) chownSync(path, nobody.uid, nobody.gid);
  const their = { folder: theirs, user: nobody, data: join(theirs, '.data'), env: { HOME: home, ONLY2U_DATA: '' } };
  await check('as an ordinary user, in a home closed to others, in a folder with a space', () => startAndStop(their));
  await check('there as root afterwards', () => startAndStop({ ...their, user: undefined }));
  await check('and as that user again', () => startAndStop(their));
  await check('a data folder of somebody else’s', () => {
    const other = join(work, 'of root');
    mkdirSync(other, { mode: 0o755 });
    return refused(other, /belongs to another user/, { ...their, env: { HOME: home, ONLY2U_DATA: other } });
  });

  const own = mkdtempSync(join(homedir(), 'only2u start '));
  try {
    chmodSync(own, 0o700);
    const folder = copyTo(join(own, 'only 2 u'));
    const here = { folder, data: join(folder, '.data'), env: { ONLY2U_DATA: '' } };
    await check('as root, in a home closed to others', () => startAndStop(here));
    await check('there without a user "postgres"', () => {
      const passwd = join(work, 'passwd');
      const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
      writeFileSync(passwd, lines.filter((line) => !line.startsWith('postgres:')).join('\n'));
      rmSync(here.data, { recursive: true });
      const prefix = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/passwd && exec "$@"', passwd];
      return startAndStop({ ...here, prefix });
    });
    await check('there where setpriv is missing', () => {
      const tools = join(work, 'tools');
      mkdirSync(tools);
      for (const tool of ['sh', 'npm', 'node', 'unshare', 'mkfifo', 'env']) {
        symlinkSync(execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), join(tools, tool));
      }
      rmSync(here.data, { recursive: true });
      return startAndStop({ ...here, env: { ...here.env, PATH: tools } });
    });
    await check('and with setpriv again', () => startAndStop(here));
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

try {
  ports = await portsOfShop();
  const data = freshData('shop');
  await ordinaryLife(data);
  await portsInUse(data);
  await brokenFolders(data);
  if (isRoot) {
    await disks(data);
    await places();
  } else {
    console.log('left out: other users, root’s home and broken disks, which only root can try');
  }
} finally {
  for (const shop of started) if (!shop.hasEnded()) await shop.end('SIGKILL');
  for (const mount of mounts) execFileSync('umount', ['--lazy', mount]);
  rmSync(work, { recursive: true, force: true });
}
console.log(
  failures.length === 0
    ? 'All starts and stops are as they must be.'
    : `${failures.length} failed: ${failures.join('; ')}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
