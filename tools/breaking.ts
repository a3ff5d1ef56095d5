import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

/**
 * Fails when the contracts break what was there before: at work the last commit; in CI, where the last commit is the one
 * under test, the one before it. BREAKING_AGAINST names another commit, such as the branch that a change goes to.
 */
function main(): number {
  const against = process.env['BREAKING_AGAINST'] ?? (process.env['CI'] === 'true' ? 'HEAD~1' : 'HEAD');
  const commit = git('rev-parse', '--verify', '--quiet', `${against}^{commit}`);
  if (commit === '' || git('ls-tree', commit, 'proto') === '') {
    console.log(`note: nothing to compare with: ${against} is not in this clone, or has no contracts`);
    return 0;
  }
  const source = `${git('rev-parse', '--path-format=absolute', '--git-common-dir')}#ref=${commit}`;
  const buf = join(root, 'node_modules/.bin/buf');
  return spawnSync(buf, ['breaking', '--against', source], { cwd: root, stdio: 'inherit' }).status ?? 1;
}

function git(...args: readonly string[]): string {
  return spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
}

process.exitCode = main();
