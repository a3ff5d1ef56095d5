import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from '../mesh/istio/compare.ts';
import { loadContracts } from '../mesh/load.ts';
import { createModel } from '../mesh/model.ts';
import { rolesIn, shopRoles } from '../mesh/roles.ts';
import { settings } from '../mesh/shop-settings.ts';

const usual = ['docs/by-hand/istio.yaml', 'docs/by-hand/istio-by-caller.yaml', 'gen/mesh/istio'];

/**
 * npm run mesh:compare: how policies for Istio in some files or folders differ from what the contracts grant, as a table. Fails where what
 * is rendered does. With --list it names each difference.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { list: { type: 'boolean' } }, allowPositionals: true });
  const contracts = loadContracts('proto');
  const model = createModel(contracts);
  const roles = rolesIn(contracts, shopRoles);
  console.log('| policy | lines | pairs granted | excess | missing | answers by user | excess | missing |');
  console.log('|---|---:|---:|---:|---:|---:|---:|---:|');
  for (const path of positionals.length > 0 ? positionals : usual) {
    const { lines, pairs, users } = await compare({ texts: textsIn(path), model, settings, roles });
    const counts = [lines, pairs.granted, pairs.excess.length, pairs.missing.length];
    const byUser = [users.asked, users.excess.length, users.missing.length];
    console.log(`| ${[path, ...[...counts, ...byUser].map((count) => count.toLocaleString('en'))].join(' | ')} |`);
    const all = [...pairs.excess, ...users.excess].map((each) => `more: ${each}`);
    all.push(...[...pairs.missing, ...users.missing].map((each) => `less: ${each}`));
    if (values.list === true) for (const each of all) console.log(`  ${each}`);
    if (path.startsWith('gen/') && all.length > 0) process.exitCode = 1;
  }
}

function textsIn(path: string): string[] {
  const files = statSync(path).isFile() ? [path] : readdirSync(path).map((name) => join(path, name));
  return files.filter((file) => file.endsWith('.yaml')).map((file) => readFileSync(file, 'utf8'));
}

await main();
