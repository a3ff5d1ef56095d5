import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { StartError } from '#platform/start-error.ts';
import { renderDryRun } from '../mesh/istio/istio.ts';
import { loadContracts } from '../mesh/load.ts';
import { createModel } from '../mesh/model.ts';
import { settings } from '../mesh/shop-settings.ts';
import { findIstioctl } from './istioctl.ts';

const root = resolve(import.meta.dirname, '..');
const rendered = ['gen/mesh/istio', 'gen/mesh/kubernetes'];

type Ran = { readonly passed: boolean; readonly said: string };

/**
 * npm run check:istio: istioctl's own checks over what is rendered, a dry run too, and over the policy written by hand; then over
 * copies with a mistake in them, which it must find.
 */
async function main(): Promise<void> {
  const istioctl = await findIstioctl((line) => console.log(line));
  const work = mkdtempSync(join(tmpdir(), 'only2u-istio-'));
  const failures: string[] = [];

  function run(args: readonly string[]): Ran {
    const { status, stdout, stderr, error } = spawnSync(istioctl, args, { cwd: root, encoding: 'utf8' });
    if (error !== undefined) throw error;
    return { passed: status === 0, said: `${stdout}${stderr}`.trim() };
  }
  const validate = (...folders: readonly string[]) => run(['validate', ...folders.flatMap((each) => ['-f', each])]);
  // Without -A it looks at almost nothing.
  const analyze = (...folders: readonly string[]) =>
    run(['analyze', '-A', '--use-kube=false', '--color=false', '--failure-threshold=Info', ...folders]);

  function must(name: string, { passed, said }: Ran): void {
    if (!passed) failures.push(name);
    console.log(`${passed ? 'ok  ' : 'FAIL'}  ${name}\n${said.replace(/^/gm, '        ')}`);
  }

  function mustFind(name: string, { passed, said }: Ran, mistake: RegExp): void {
    const line = said.split('\n').find((each) => mistake.test(each));
    if (passed || line === undefined) failures.push(name);
    console.log(`${passed || line === undefined ? 'FAIL' : 'ok  '}  ${name}\n        ${line ?? said}`);
  }

  /** What is rendered, with a mistake. */
  function mistaken(name: string, file: string, change: (text: string) => string): string {
    const folder = join(work, name);
    for (const each of rendered) cpSync(join(root, each), join(folder, each), { recursive: true });
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    if (change(text) === text) throw new Error(`${file} has nothing to mistake for ${name}`);
    writeFileSync(path, change(text));
    return folder;
  }

  try {
    must('istioctl validate: what is rendered', validate(...rendered));
    must('istioctl analyze -A: what is rendered', analyze(...rendered));
    for (const { path, text } of renderDryRun(createModel(loadContracts('proto')), settings)) {
      writeFileSync(join(work, path.replace('/', '-')), text);
    }
    must('istioctl validate: a dry run', validate(work));
    must('istioctl validate: written by hand', validate('docs/by-hand'));
    const cart = 'gen/mesh/istio/cart.yaml';
    mustFind(
      'validate finds a misspelt field',
      validate(mistaken('field', cart, (text) => text.replace('requestPrincipals', 'requestPrincipal'))),
      /unknown field "requestPrincipal"/,
    );
    mustFind(
      'validate finds a reason to try again that is none',
      validate(mistaken('reason', cart, (text) => text.replace('unavailable,', 'unavailble,'))),
      /unavailble/,
    );
    mustFind(
      'analyze finds a route for a gateway that is not there',
      analyze(
        mistaken('gateway', 'gen/mesh/istio/gateway.yaml', (text) =>
          text.replace('gateways: [gateway]', 'gateways: [edge]'),
        ),
      ),
      /IST0101.*edge/,
    );
    mustFind(
      'analyze finds two routes for one host',
      analyze(mistaken('host', cart, (text) => text.replace('hosts: [cart.', 'hosts: [order.'))),
      /IST0109/,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (failures.length > 0) throw new StartError(`${failures.length} failed: ${failures.join('; ')}`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exitCode = 1;
}
