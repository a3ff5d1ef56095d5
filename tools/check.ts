import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '..');
const env = {
  ...process.env,
  PATH: [join(root, 'node_modules/.bin'), dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
};

type Check = { readonly name: string; readonly command: readonly [string, ...string[]] };

/** The slowest first, so that they don't wait for the others. A line of output that begins with "note: " is shown though all is well. */
const checks: readonly Check[] = [
  { name: 'lint', command: ['eslint', '--flag', 'unstable_native_nodejs_ts_config', '.'] },
  { name: 'generated', command: ['node', 'tools/generated.ts'] },
  { name: 'mesh', command: ['node', 'mesh/main.ts', 'check'] },
  { name: 'types', command: ['tsc', '--project', '.'] },
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
  { name: 'dead-code', command: ['knip', '--no-progress'] },
  { name: 'imports', command: ['depcruise', '--config', '.dependency-cruiser.js', '.'] },
  { name: 'proto-lint', command: ['buf', 'lint'] },
  { name: 'proto-format', command: ['buf', 'format', '--diff', '--exit-code', '--path', 'proto/only2u'] },
  { name: 'proto-breaking', command: ['node', 'tools/breaking.ts'] },
  { name: 'migrations', command: ['node', 'tools/migrations.ts'] },
  { name: 'file-size', command: ['node', 'tools/file-size.ts'] },
];

type Result = { readonly name: string; readonly ok: boolean; readonly seconds: number; readonly output: string };

function run({ name, command: [command, ...args] }: Check): Promise<Result> {
  const start = performance.now();
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    const end = (ok: boolean): void =>
      done({ name, ok, seconds: (performance.now() - start) / 1000, output: Buffer.concat(chunks).toString() });
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (error) => {
      chunks.push(Buffer.from(error.message));
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** Runs all of them, as many at a time as there are cores, and prints each as it ends. */
async function runAll(waiting: Check[]): Promise<Result[]> {
  const results: Result[] = [];
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const result = await run(check);
      results.push(result);
      console.log(
        `${result.ok ? 'ok    ' : 'FAILED'}  ${result.name.padEnd(14)} ${result.seconds.toFixed(1).padStart(5)} s${notes(result)}`,
      );
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}

function notes(result: Result): string {
  const lines = result.output.split('\n').filter((line) => line.startsWith('note: '));
  return result.ok ? lines.map((line) => `  ${line.slice('note: '.length)}`).join('') : '';
}

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const asked = values.only?.split(',');
const chosen = checks.filter((check) => asked?.includes(check.name) ?? true);
const results = await runAll([...chosen]);
const failed = results.filter((result) => !result.ok);
for (const result of failed) console.log(`\n--- ${result.name} ---\n${result.output.trim()}`);
console.log(`\n${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 || results.length === 0 ? 1 : 0;
