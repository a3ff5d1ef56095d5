import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { findEnvoy } from '../../envoy/binary.ts';
import type { Form } from '../../envoy/node-files.ts';
import { expiredIsRefused, rotationGoesUnnoticed } from './certificates.ts';
import {
  badConfigurationIsRefused,
  changesGoUnnoticed,
  envoyIsStartedAgain,
  policyChangesUnderTraffic,
} from './configuration.ts';
import { killedMeshIsCleared } from './ended.ts';
import {
  databaseIsKilled,
  importIsNotRepeated,
  oneOfTwoIsKilled,
  ordersCountOnce,
  readsOutliveAKill,
} from './killed.ts';
import { rogueIsRefused } from './rogue.ts';
import { shadowOnlyCounts } from './shadowed.ts';
import { breakerOpens, slowOneIsLeftAlone } from './slow.ts';
import { openWorld, type World } from './world.ts';

const help = `Usage: npm run check:mesh -- [options]

Breaks what can break in a mesh of real Envoys while customers use the shop: processes, Envoys, certificates, configurations, policies, callers.
Says what it saw, and exits with 1 when anything was not as it must be.

  --form one|sidecars   one Envoy for all, or one for each workload (both)
  --only TEXT           only the faults whose names have it
  --help                this text
`;

const root = resolve(import.meta.dirname, '../..');
const both: readonly Form[] = ['one', 'sidecars'];

type Fault = { readonly name: string; readonly forms: readonly Form[]; run(world: World): Promise<string> };

const faults: readonly Fault[] = [
  { name: 'a customer buys through the Envoys', forms: both, run: buys },
  { name: 'a service is killed while customers look', forms: both, run: readsOutliveAKill },
  { name: 'one of two instances is killed', forms: both, run: oneOfTwoIsKilled },
  { name: 'services are killed while customers buy', forms: ['one'], run: ordersCountOnce },
  { name: 'a service is killed under an import', forms: ['one'], run: importIsNotRepeated },
  { name: 'a service is slow', forms: both, run: slowOneIsLeftAlone },
  { name: 'too many calls at a time', forms: ['one'], run: breakerOpens },
  { name: 'a certificate has expired', forms: both, run: expiredIsRefused },
  { name: 'certificates are rotated under traffic', forms: both, run: rotationGoesUnnoticed },
  { name: 'a rogue service tries every method', forms: both, run: rogueIsRefused },
  { name: 'a bad configuration is pushed', forms: both, run: badConfigurationIsRefused },
  { name: 'a policy changes under traffic', forms: both, run: policyChangesUnderTraffic },
  { name: 'listeners are replaced under traffic', forms: both, run: changesGoUnnoticed },
  { name: 'an Envoy is killed', forms: both, run: envoyIsStartedAgain },
  { name: 'the database is killed', forms: ['one'], run: databaseIsKilled },
];

/** What is done to the command itself, with one service. */
const commands = [
  ['a policy to come is in shadow', shadowOnlyCounts],
  ['mesh:up is killed', killedMeshIsCleared],
] as const;

const { values } = parseArgs({
  options: {
    form: { type: 'string' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(help);
else process.exitCode = await main();

async function main(): Promise<number> {
  const failures: string[] = [];
  const envoy = await findEnvoy();
  const check = async (name: string, run: () => Promise<string>): Promise<void> => {
    const beganMs = performance.now();
    const seconds = (): string => ((performance.now() - beganMs) / 1_000).toFixed(1);
    try {
      const saw = await run();
      console.log(`ok    ${name} (${seconds()} s): ${saw}`);
    } catch (error) {
      failures.push(name);
      console.log(
        `FAIL  ${name} (${seconds()} s): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
  };
  for (const form of both) {
    const chosen = faults.filter(({ name, forms }) => forms.includes(form) && name.includes(values.only));
    if ((values.form ?? form) !== form || chosen.length === 0) continue;
    console.log(`--- ${form === 'one' ? 'one Envoy' : 'an Envoy for each workload'}`);
    const world = await openWorld(form, envoy);
    try {
      for (const { name, run } of chosen) await check(name, () => run(world));
    } finally {
      await world.close();
    }
  }
  for (const [name, run] of commands) {
    if (values.form === undefined && name.includes(values.only)) await check(name, run);
  }
  console.log(
    failures.length === 0 ? 'All is as it must be.' : `${failures.length} not as it must be: ${failures.join('; ')}`,
  );
  return failures.length === 0 ? 0 : 1;
}

/** The README's own lines, against the edge's Envoy. */
async function buys({ url, data, portOf }: World): Promise<string> {
  const addresses = ['user', 'product', 'cart', 'coupon', 'order', 'payment'].map(
    (name) => [`${name.toUpperCase()}_ADDRESS`, `127.0.0.1:${portOf(name)}`] as const,
  );
  const env = { ...process.env, ...Object.fromEntries(addresses), GATEWAY_URL: url, ONLY2U_DATA: data.path };
  const { stdout } = await promisify(execFile)('bash', ['examples/buy.sh'], { cwd: root, env, timeout: 90_000 });
  return stdout.trim().split('\n').at(-1) ?? '';
}
