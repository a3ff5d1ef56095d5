import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { openClone } from './clone.ts';
import { openShop } from './with-shop.ts';

/** A code block of the page, and the file that the words before it name. */
type Block = { readonly language: string; readonly text: string; readonly file: string | undefined };

/** Follows docs/add-a-service.md word for word in a clean clone: writes its files, makes its changes, runs its commands. */
async function main(): Promise<void> {
  const clone = openClone();
  try {
    const page = readFileSync(join(clone.path, 'docs/add-a-service.md'), 'utf8');
    const steps = page.match(/^## \d+\. /gm)?.length ?? 0;
    if (steps >= 10) throw new Error(`The page has ${steps} steps: a service is added in fewer than ten.`);
    const blocks = blocksOf(page);
    const start = blocks.findIndex(({ text }) => text.trim() === 'npm start');
    if (start < 0) throw new Error('The page never starts the shop.');
    for (const block of blocks.slice(0, start)) follow(block, clone.path);
    await callIt(blocks.slice(start + 1), clone.path);
    console.log(`The page's ${steps} steps lead to a service that answers.`);
  } finally {
    clone.close();
  }
}

async function callIt(blocks: readonly Block[], root: string): Promise<void> {
  const names = [...readFileSync(join(root, 'services/all.ts'), 'utf8').matchAll(/name: '([a-z]+)'/g)];
  const shop = await openShop(
    root,
    names.map(([, name = '']) => name),
  );
  try {
    const output = blocks
      .map(({ text }) => run(text.replaceAll('http://127.0.0.1:8080', shop.gatewayUrl), root))
      .join('');
    if (!/"wishes":\s*\[\s*\{\s*"productId":\s*"prd_/.test(output)) throw new Error('ListWishes answers no wish.');
  } finally {
    await shop.stop();
  }
}

function blocksOf(page: string): Block[] {
  const parts = page.split(/^```/m);
  return parts.flatMap((part, index) => {
    if (index % 2 === 0) return [];
    const end = part.indexOf('\n');
    const [file] = /`[\w./-]+\/[\w.-]+`(?=[^`]*$)/.exec(parts[index - 1] ?? '') ?? [];
    return [{ language: part.slice(0, end), text: part.slice(end + 1), file: file?.slice(1, -1) }];
  });
}

function follow({ language, text, file }: Block, root: string): void {
  if (language === 'sh') return void run(text, root);
  if (file === undefined) throw new Error(`The page names no file for:\n${text}`);
  const path = join(root, file);
  if (language === 'diff') return writeFileSync(path, change(readFileSync(path, 'utf8'), text, file));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Finds the lines that a diff leaves or takes away, which must stand there once, and writes what it says instead. */
function change(before: string, diff: string, file: string): string {
  const lines = diff.trimEnd().split('\n');
  const side = (sign: string): string =>
    lines
      .filter((line) => line.startsWith(' ') || line.startsWith(sign))
      .map((line) => line.slice(1))
      .join('\n');
  const parts = before.split(side('-'));
  if (parts.length !== 2) throw new Error(`${file} has what the page changes ${parts.length - 1} times:\n${diff}`);
  return parts.join(side('+'));
}

function run(script: string, root: string): string {
  console.log(`$ ${script.trim()}`);
  const env = { ...process.env, PATH: [join(root, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter) };
  const { status, stdout } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: root,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  console.log(stdout);
  if (status !== 0) throw new Error(`The page's command failed with ${String(status)}.`);
  return stdout;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
