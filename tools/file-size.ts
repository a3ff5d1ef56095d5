import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Lines past which a file is named: a file is one noun, and one this long needs a reason. */
const long = 300;

/** Lines past which it fails: no noun is this long. */
const tooLong = 500;

const root = resolve(import.meta.dirname, '..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && !/(^|\/)gen\//.test(file));
const sizes = files
  .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length - 1 }))
  .filter(({ lines }) => lines > long)
  .sort((a, b) => b.lines - a.lines);
if (sizes.length > 0)
  console.log(`note: over ${long} lines: ${sizes.map(({ file, lines }) => `${file} (${lines})`).join(', ')}`);
if (sizes.some(({ lines }) => lines > tooLong)) {
  console.error(`A file of more than ${tooLong} lines holds more than one noun: split it.`);
  process.exitCode = 1;
}
