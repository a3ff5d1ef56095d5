import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { z } from 'zod';

const root = resolve(import.meta.dirname, '..');

/** A checkout in which each file breaks the rule that it is named after. */
const checkout = realpathSync(mkdtempSync(join(tmpdir(), 'only2u-check-')));
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

const files: Readonly<Record<string, string>> = {
  // What each lint rule finds.
  'services/shoe/clock.ts': 'export const at = Date.now();',
  'services/shoe/new-date.ts': 'export const at = new Date();',
  'services/shoe/chance.ts': 'export const dice = Math.random();',
  'services/shoe/environment.ts': "export const home = process.env['HOME'];",
  'services/shoe/any.ts': 'export function size(shoe: any): void {\n  void shoe;\n}',
  'services/shoe/non-null.ts': 'export function first(sizes: number[]): number {\n  return sizes[0]!;\n}',
  'services/shoe/default-export.ts': 'const size = 1;\nexport default size;',
  'services/shoe/barrel.ts': "export * from './clock.ts';",
  'services/shoe/promise.ts': 'export function walk(): void {\n  Promise.resolve();\n}',
  'services/shoe/sleep.ts': "import { setTimeout } from 'node:timers/promises';\nexport const nap = setTimeout;",
  'services/shoe/console.ts': "console.log('a shoe');",
  'platform/clock.ts': 'export const at = Date.now();',
  // What each import rule finds.
  'services/shoe/other-service.ts': "import { sock } from '../sock/sock.ts';\nexport const pair = [sock];",
  'services/shoe/domain-with-contract.ts': "import { Shoe } from '#gen/shoe_pb.ts';\nexport const shoe = Shoe;",
  'services/shoe/rpc.ts': "import { Shoe } from '#gen/shoe_pb.ts';\nexport const shoe = Shoe;",
  'services/shoe/driver.ts': "import pg from 'pg';\nexport const pool = pg.Pool;",
  'services/shoe/store.postgres.ts': "import pg from 'pg';\nexport const pool = pg.Pool;",
  'services/shoe/cycle-a.ts': "import { b } from './cycle-b.ts';\nexport const a = (): unknown => b;",
  'services/shoe/cycle-b.ts': "import { a } from './cycle-a.ts';\nexport const b = (): unknown => a;",
  'services/shoe/needs-test.ts': "import { one } from './shoe.test.ts';\nexport const two = one;",
  'services/shoe/shoe.test.ts': 'export const one = 1;',
  'services/shoe/development-package.ts': "import fc from 'fast-check';\nexport const check = fc;",
  'services/shoe/missing.ts': "import { gone } from './gone.ts';\nexport const it = gone;",
  'services/sock/sock.ts': 'export const sock = 1;',
  'platform/knows-service.ts': "import { sock } from '#services/sock/sock.ts';\nexport const known = sock;",
  'gen/ts/shoe_pb.ts': 'export const Shoe = 1;',
};

for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(checkout, path)), { recursive: true });
  writeFileSync(join(checkout, path), `${text}\n`);
}
for (const each of ['package.json', 'tsconfig.json', 'eslint.config.ts', '.dependency-cruiser.js']) {
  cpSync(join(root, each), join(checkout, each));
}
symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));

/** One line a finding, such as "services/shoe/clock.ts no-restricted-properties Take the time …". */
const linted = z
  .array(
    z.object({
      filePath: z.string(),
      messages: z.array(z.object({ ruleId: z.string().nullable(), message: z.string() })),
    }),
  )
  .parse(run('eslint', '--flag', 'unstable_native_nodejs_ts_config', '--format', 'json', '.'))
  .flatMap(({ filePath, messages }) =>
    messages.map(({ ruleId, message }) => `${relative(checkout, filePath)} ${ruleId ?? ''} ${message}`),
  );

const cruised = z
  .object({
    summary: z.object({ violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })) }),
  })
  .parse(run('depcruise', '--config', '.dependency-cruiser.js', '--output-type', 'json', 'services', 'platform'));

function rulesBroken(file: string): string[] {
  return cruised.summary.violations.filter(({ from }) => from === file).map(({ rule }) => rule.name);
}

function run(tool: string, ...args: string[]): unknown {
  const { stdout, stderr } = spawnSync(join(root, 'node_modules/.bin', tool), args, {
    cwd: checkout,
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

test.each([
  ['services/shoe/clock.ts', 'Take the time from env.now()'],
  ['services/shoe/new-date.ts', 'Take the time from env.now()'],
  ['services/shoe/chance.ts', 'Take ids from env.newId()'],
  ['services/shoe/environment.ts', 'Take configuration from env.config'],
  ['services/shoe/any.ts', 'no-explicit-any'],
  ['services/shoe/non-null.ts', 'no-non-null-assertion'],
  ['services/shoe/default-export.ts', 'Named exports only'],
  ['services/shoe/barrel.ts', 'No barrels'],
  ['services/shoe/promise.ts', 'no-floating-promises'],
  ['services/shoe/sleep.ts', 'Nothing in a service sleeps'],
  ['services/shoe/console.ts', 'no-console'],
])('lint refuses %s: %s', (file, message) => {
  expect(linted.filter((line) => line.startsWith(file)).join('\n')).toContain(message);
});

test('the platform may read the clock', () => {
  expect(linted.filter((line) => line.startsWith('platform/clock.ts'))).toEqual([]);
});

test.each([
  ['services/shoe/other-service.ts', 'services-are-apart'],
  ['services/shoe/domain-with-contract.ts', 'domain-is-pure'],
  ['services/shoe/driver.ts', 'driver-of-postgres'],
  ['services/shoe/cycle-a.ts', 'no-cycles'],
  ['services/shoe/needs-test.ts', 'nothing-imports-tests'],
  ['services/shoe/development-package.ts', 'no-development-packages-in-the-shop'],
  ['services/shoe/missing.ts', 'no-unresolvable'],
  ['platform/knows-service.ts', 'platform-knows-no-service'],
])('imports refuses %s: %s', (file, rule) => {
  expect(rulesBroken(file)).toContain(rule);
});

test.each(['services/shoe/rpc.ts', 'services/shoe/store.postgres.ts'])('imports allows %s', (file) => {
  expect(rulesBroken(file)).toEqual([]);
});
