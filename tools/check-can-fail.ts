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
    const verdicts = [...stdout.matchAll(/^(ok|FAILED) +([a-z-]+)/gm)].map(([, verdict, name]) => ({ verdict, name }));
    const blind = verdicts.filter(({ verdict }) => verdict === 'ok').map(({ name }) => name);
    if (verdicts.length === 0) throw new Error(`The checks didn't run:\n${stdout}`);
    if (blind.length > 0) throw new Error(`Passed though it should have failed: ${blind.join(', ')}`);
    console.log(`Each of the ${verdicts.length} checks found what was broken for it.`);
  } finally {
    clone.close();
  }
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
  const money = join(root, 'proto/only2u/type/v1/money.proto');
  // generated, and proto-breaking: a field has a new number.
  writeFileSync(money, readFileSync(money, 'utf8').replace('string currency = 2', 'string currency = 22'));
  appendFileSync(money, 'message    badly_named {}\n'); // proto-lint and proto-format
}

main();
