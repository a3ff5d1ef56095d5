import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openClone } from './clone.ts';

/**
 * Breaks a clean clone in a way that each check must find, runs `npm run check` there, and fails when one of them passes.
 * A check that can't fail checks nothing.
 */
function main(): void {
  const clone = openClone();
  try {
    breakAll(clone.path);
    const env = { ...process.env, BREAKING_AGAINST: 'HEAD' };
    const { stdout } = spawnSync(process.execPath, ['tools/check.ts'], { cwd: clone.path, env, encoding: 'utf8' });
    const ran = [...stdout.matchAll(/^(?:ok|FAILED) +([a-z-]+)/gm)].map(([, name = '']) => name);
    const blind = ran.filter((name) => !outputOf(name, stdout).includes(traces[name] ?? 'no trace is known'));
    if (ran.length === 0 || blind.length > 0)
      throw new Error(`Didn't find what was broken: ${blind.join(', ')}\n${stdout}`);
    console.log(`Each of the ${ran.length} checks found what was broken for it.`);
  } finally {
    clone.close();
  }
}

/** What of the breakage each check must mention. */
const traces: Readonly<Record<string, string>> = {
  lint: 'no-explicit-any',
  generated: 'gen/ts/only2u/type/v1/money_pb.ts',
  mesh: 'grant-without-call',
  types: 'platform/broken.ts',
  format: 'platform/broken.ts',
  'dead-code': 'platform/broken.ts',
  imports: 'platform-knows-no-service: platform/broken.ts',
  'proto-lint': 'badly_named',
  'proto-format': 'badly_named',
  'proto-breaking': 'on message "Money" was deleted',
  'file-size': 'platform/broken.ts',
  migrations: 'takes away',
};

/** What a failed check printed, up to the next one. */
function outputOf(name: string, stdout: string): string {
  const parts = stdout.split(/^--- ([a-z-]+) ---$/m);
  return parts[parts.indexOf(name) + 1] ?? '';
}

function breakAll(root: string): void {
  const badly = [
    "import { services } from '#services/all.ts';", // imports: the platform knows no service
    'export const count: number = services;', // types
    'export const size: any = 1;', // lint
    'export  const  unformatted = 1;', // format; and dead-code: nobody imports this file
    ...Array.from({ length: 500 }, (_, line) => `export const line${line} = ${line};`), // file-size
  ];
  writeFileSync(join(root, 'platform/broken.ts'), `${badly.join('\n')}\n`);
  writeFileSync(join(root, 'platform/migrations/9999_broken.sql'), 'DROP TABLE outbox;\n'); // migrations
  const money = join(root, 'proto/only2u/type/v1/money.proto');
  // generated, and proto-breaking: a field has a new number.
  writeFileSync(money, readFileSync(money, 'utf8').replace('string currency = 2', 'string currency = 22'));
  appendFileSync(money, 'message    badly_named {}\n'); // proto-lint and proto-format
  const cart = join(root, 'proto/only2u/cart/v1/cart.proto');
  const granted = 'callers: ["gateway", "payment"]'; // mesh: payment never calls it
  writeFileSync(cart, readFileSync(cart, 'utf8').replace('callers: ["gateway"]', granted));
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
