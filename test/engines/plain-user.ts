import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

// Run by CI: engines without root, in a folder with a space in its name. As root it becomes somebody who owns nothing.
const run = promisify(execFile);
const nobody = 65_534;
const names = ['postgres', 'redis', 'kafka'];
const main = resolve(import.meta.dirname, '../../engines/main.ts');
const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
const data = await mkdtemp(join(tmpdir(), 'only2u plain user-'));

type Said = { readonly code: number; readonly text: string };

async function engines(args: readonly string[], path = process.env['PATH']): Promise<Said> {
  const env = { ...process.env, HOME: data, ENGINES_DATA: join(data, 'engines'), PATH: path };
  const options = { ...user, env, cwd: '/', timeout: 240_000, killSignal: 'SIGINT' } as const;
  const said = await run(process.execPath, [main, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
    (error: unknown) => ({ code: 1, text: Object.values(error as Record<string, unknown>).join('\n') }),
  );
  process.stdout.write(`${said.text}\n`);
  return said;
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

try {
  if (user.uid !== undefined) await chown(data, nobody, nobody);
  must((await engines(['up', '--no-docker', ...names])).code === 0, 'They do not come up.');
  const { text } = await engines(['status']);
  must(text.split('healthy').length - 1 === names.length, 'Not all are healthy.');
  // A version that nobody has, where there is no sudo: one line, and no stack.
  const missing = await engines(
    ['up', '--no-docker', '--data', join(data, 'other'), '--version', 'postgres=99', 'postgres'],
    dirname(process.execPath),
  );
  must(missing.code === 1 && missing.text.includes('As root: apt-get'), 'What is missing is not said.');
  must(!missing.text.includes('    at '), 'A stack trace is shown.');
  process.stdout.write(`They run without root, and what only root can install is said.\n`);
} finally {
  await engines(['down', '--purge']);
  await rm(data, { recursive: true, force: true });
}
