import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { lookAtMesh } from './look.ts';
import { reportText } from './report-text.ts';
import { runFolderOf } from './run-folder.ts';

const help = `Usage: npm run mesh:status [-- --json|--watch]

How the mesh of npm run mesh:up goes: who is up, who called whom, what was refused and why, what was tried again, who was left alone,
how long certificates last, which configurations were refused, and what a policy to come would refuse (mesh:up --shadow).

  --json    for programs
  --watch   again every two seconds
  --help    this text

ONLY2U_DATA says which shop. It exits with 1 when no mesh runs there.
`;

const everyMs = 2_000;
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    watch: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) console.log(help);
else process.exitCode = await main();

async function main(): Promise<number> {
  const run = runFolderOf(resolve(process.env['ONLY2U_DATA'] ?? '.data'));
  for (;;) {
    const report = await lookAtMesh(run);
    if (report === undefined || report.envoys.every(({ up }) => !up)) {
      console.error('No mesh runs here: start it with npm run mesh:up, or say where by ONLY2U_DATA.');
      return 1;
    }
    if (values.watch) process.stdout.write('\x1b[2J\x1b[H');
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : reportText(report));
    if (!values.watch) return 0;
    await sleep(everyMs);
  }
}
