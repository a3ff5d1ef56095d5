// npm run conformance: holds platform/rpc to the official Connect conformance suite, as a server and as a client.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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

let failed = false;
for (const [mode, ...flags] of [['server'], ['client', '--known-flaky', `@${here('known-flaky-client.txt')}`]]) {
  if (mode === undefined) continue;
  const under = [process.execPath, here(`${mode}.ts`)];
  const ran = spawnSync(tool, ['--conf', here('config.yaml'), '--mode', mode, ...flags, '--', ...under], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    timeout: 300_000, // it takes 5 s
  });
  const output = `${ran.stdout}${ran.stderr}`.trim();
  const ok = ran.status === 0;
  console.log(
    `${mode}: ${ok ? 'conforms' : 'does not conform'}\n${ok ? output.split('\n').slice(-2).join('\n') : output}`,
  );
  failed ||= !ok;
}
process.exit(failed ? 1 : 0);
