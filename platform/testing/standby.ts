import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { appendFile, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment, findLauncher, type Launcher } from '../postgres-launcher.ts';
import { freePort } from '../free-port.ts';

const run = promisify(execFile);
const installed = '/usr/lib/postgresql';

export type TestServer = { readonly url: string; start(): Promise<void>; kill(): Promise<void> };

/** A primary and a standby that follows it by streaming, of the PostgreSQL that this machine has, for a test alone. */
export async function openStandbyPair(): Promise<{ primary: TestServer; standby: TestServer; close(): Promise<void> }> {
  const bin = programs();
  const folder = await mkdtemp(join(tmpdir(), 'only2u-standby-'));
  const launcher = await findLauncher(join(bin, 'initdb'), folder);
  const give = async (path: string): Promise<void> => {
    if (launcher.uid !== undefined && launcher.gid !== undefined) await chown(path, launcher.uid, launcher.gid);
  };
  await give(folder);
  const one = await serverIn(folder, 'primary');
  const other = await serverIn(folder, 'standby');
  await as(launcher, [join(bin, 'initdb'), `--pgdata=${one.data}`, '--username=postgres', '--auth=trust', '--no-sync']);
  await appendFile(
    join(one.data, 'postgresql.conf'),
    "listen_addresses='127.0.0.1'\nunix_socket_directories=''\nfsync=off\nhot_standby_feedback=on\nwal_keep_size='64MB'\n",
  );
  await one.server.start();
  await as(launcher, [
    ...[join(bin, 'pg_basebackup'), `--dbname=${one.server.url}`, `--pgdata=${other.data}`],
    ...['--write-recovery-conf', '--checkpoint=fast', '--wal-method=stream', '--no-sync'],
  ]);
  await other.server.start();

  async function serverIn(parent: string, name: string): Promise<{ data: string; server: TestServer }> {
    const data = join(parent, name);
    await mkdir(data, { mode: 0o700 });
    await give(data);
    const port = await freePort();
    const control = (...args: string[]): Promise<void> =>
      as(launcher, [join(bin, 'pg_ctl'), `--pgdata=${data}`, '--wait', ...args]);
    return {
      data,
      server: {
        url: `postgres://postgres@127.0.0.1:${port}/postgres`,
        start: () => control(`--log=${data}/server.log`, `--options=-p ${port}`, 'start'),
        kill: () => control('--mode=immediate', 'stop'),
      },
    };
  }

  return {
    primary: one.server,
    standby: other.server,
    async close() {
      await other.server.kill().catch(() => undefined); // it may be dead already
      await one.server.kill().catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function as({ command }: Launcher, [program = '', ...args]: readonly string[]): Promise<void> {
  const [first = '', ...rest] = [...command, program, ...args];
  await run(first, rest, { env: childEnvironment(), cwd: '/' });
}

function programs(): string {
  const folders = existsSync(installed) ? readdirSync(installed) : [];
  const bin = folders
    .map((version) => join(installed, version, 'bin'))
    .find((path) => existsSync(join(path, 'pg_basebackup')));
  if (bin === undefined)
    throw new Error(`There is no PostgreSQL in ${installed}: npm run engines -- up postgres installs one`);
  return bin;
}
