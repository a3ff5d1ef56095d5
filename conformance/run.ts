// npm run conformance: holds platform/rpc to the official Connect conformance suite, as a server and as a client. With --envoy the calls go through
// two real Envoys with mutual TLS between them, rendered as the shop's are, and as many must pass as without.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findEnvoy } from '../envoy/binary.ts';

const version = 'v1.0.7';
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const bin = here('../.tools/bin/');
const tool = `${bin}connectconformance`;

if (!existsSync(tool)) {
  console.log(`installing connectconformance ${version} into .tools/bin`);
  const installed = spawnSync('go', ['install', `connectrpc.com/conformance/cmd/connectconformance@${version}`], {
    env: { ...process.env, GOBIN: bin },
    stdio: 'inherit',
  });
  if (installed.status !== 0) {
    console.error('The conformance suite needs Go 1.24 or later in PATH: https://go.dev/dl');
    process.exit(1);
  }
}

const viaEnvoys = process.argv.includes('--envoy');
if (viaEnvoys) console.log(`with ${await findEnvoy(console.log)}`);
const flaky = ['--known-flaky', `@${here('known-flaky-client.txt')}`];

let failed = false;
for (const [mode, ...flags] of [['server'], ['client', ...flaky]]) {
  if (mode === undefined) continue;
  const plain = run(mode, viaEnvoys ? 'config-envoy.yaml' : 'config.yaml', flags, []);
  if (!viaEnvoys) continue;
  const through = run(mode, 'config-envoy.yaml', flags, ['--envoy']);
  // What is known to fail now and then may do so in one of the two.
  const same = through.cases === plain.cases && (mode === 'client' || through.passed === plain.passed);
  if (!same) console.log(`${mode}: not as many as without Envoys`);
  failed ||= !same;
}
process.exit(failed ? 1 : 0);

function run(mode: string, config: string, flags: readonly string[], more: readonly string[]) {
  const under = [process.execPath, here(`${mode}.ts`), ...more];
  const ran = spawnSync(tool, ['--conf', here(config), '--mode', mode, ...flags, '--', ...under], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000, // it takes 5 s
  });
  const output = `${ran.stdout}${ran.stderr}`.trim();
  const ok = ran.status === 0;
  const name = more.length === 0 ? mode : `${mode}, through two Envoys with mutual TLS`;
  console.log(
    `${name}: ${ok ? 'conforms' : 'does not conform'}\n${ok ? /^Total cases:[^]*$/m.exec(output)?.[0] : output}`,
  );
  failed ||= !ok;
  return { cases: /Total cases: (\d+)/.exec(output)?.[1], passed: /(\d+) passed/.exec(output)?.[1] };
}
