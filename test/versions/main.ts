import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openDataFolder } from '#platform/data-folder.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { freePort } from '#platform/free-port.ts';
import { services } from '#services/all.ts';
import { audit, untilSettled } from '../audit.ts';
import { checkOut, reasonOf, type Outcome } from '../kills/buyer.ts';
import { openMarket } from '../kills/market.ts';
import { planOf } from '../kills/plan.ts';
import { startShopProcesses } from '../shop-processes.ts';

const help = `Usage: npm run check:versions -- [options]

A rolling upgrade: buyers check out while the version before runs alone, then beside this one on the same data, then this one alone. Calls
go from either version to either. Then: is every order paid and confirmed, or closed with everything given back?

  --from REF       the version before (the last commit without the newest migrations)
  --which          only says which version before that is; fails where this clone knows none
  --checkouts N    how many orders are tried in each of the three phases (40)
  --buyers N       how many buy at a time (6)
  --help           this text
`;

const { values } = parseArgs({
  options: {
    from: { type: 'string' },
    which: { type: 'boolean', default: false },
    checkouts: { type: 'string', default: '40' },
    buyers: { type: 'string', default: '6' },
    help: { type: 'boolean', default: false },
  },
});

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const names = services.map(({ name }) => name);
const settleWithinMs = 120_000;
const migrations = '*/migrations/*.sql';

if (values.help) console.log(help);
else if (values.which) console.log(await versionBefore());
else process.exitCode = await main();

async function git(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', [...args], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

/** The last commit without some of today's migrations whose own are as they were: what was changed before it was released never ran anywhere. */
async function versionBefore(): Promise<string> {
  const added = await git('log', '--diff-filter=A', '--format=%H', '--', migrations);
  for (const commit of added.split('\n').filter(Boolean)) {
    const parent = await git('rev-parse', '--quiet', '--verify', `${commit}~1^{commit}`).catch(() => '');
    if (parent === '') break;
    const changed = await git('diff', '--diff-filter=MDR', '--name-only', parent, 'HEAD', '--', migrations);
    if (changed === '') return parent;
  }
  throw new Error('this clone knows no version before the newest migration: name one by --from');
}

async function main(): Promise<number> {
  const from = await git('rev-parse', '--verify', `${values.from ?? (await versionBefore())}^{commit}`);
  console.log(`the version before is ${await git('log', '-1', '--format=%h (%cs): %s', from)}`);
  const folder = await mkdtemp(join(tmpdir(), 'only2u-versions-'));
  const before = join(folder, 'before');
  await git('worktree', 'add', '--detach', before, from);
  await symlink(join(root, 'node_modules'), join(before, 'node_modules'));
  const [port, data] = [await freePort(), await openDataFolder(join(folder, 'data'))];
  const embedded = createEmbeddedPostgres({ data, port });
  const postgres = await embedded.start([...names, 'event-bus']);
  const running: { close(): Promise<void> }[] = [];
  try {
    const variables = {
      HOME: process.env['HOME'],
      POSTGRES_PORT: String(port),
      ONLY2U_DATA: data.path,
      GATEWAY_RATE_LIMITS: 'off',
      LOG_LEVEL: 'error',
      LOG_FORMAT: 'json',
      PAYMENT_WINDOW_SECONDS: '10',
    };
    const old = await startShopProcesses({ names, variables, instances: 1, root: before });
    running.push(old);
    const urls: [string, ...string[]] = [`http://${old.addressOf('gateway')}`];
    const addresses = Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_ADDRESS`, old.addressOf(name)]));
    const market = await openMarket({
      env: { ...variables, ...addresses },
      gatewayUrls: urls,
      buyers: Number(values.buyers),
    });
    running.push(market);
    const outcomes: Outcome[] = [];
    const failures: string[] = [];

    async function phase(name: string, meanwhile: () => Promise<void>): Promise<void> {
      const { checkouts } = planOf(Math.floor(Math.random() * 2 ** 31), Number(values.checkouts), 0);
      let next = 0;
      const buy = async (buyer: number): Promise<void> => {
        for (let index = next++; index < checkouts.length; index = next++) {
          const plan = checkouts[index];
          if (plan === undefined) return;
          try {
            outcomes.push(await checkOut(plan, market.shoppingOf(buyer, `${name}-${index}`)));
          } catch (error) {
            failures.push(`${name}, checkout ${index}: ${reasonOf(error)}: ${String(error)}`);
          }
        }
      };
      await Promise.all([meanwhile(), ...Array.from({ length: Number(values.buyers) }, (_, buyer) => buy(buyer))]);
      console.log(`  ${name}: ${checkouts.length} checkouts`);
    }

    const nothing = () => Promise.resolve();
    await phase('the version before', nothing);
    await phase('this one starts beside it', async () => {
      const now = await startShopProcesses({ names, variables, instances: 1, beside: old });
      running.push(now);
      urls.push(`http://${now.addressOf('gateway')}`);
    });
    await phase('both', nothing);
    urls.shift();
    await phase('the one before ends', () => old.close());
    await phase('this one', nothing);

    const open = await untilSettled(embedded.urlOf, settleWithinMs);
    const books = await audit(embedded.urlOf);
    const problems = [...failures, ...open, ...books.problems];
    console.log(`  ${outcomes.length} checkouts at their end; ${books.summary}`);
    for (const problem of problems) console.error(`  WRONG ${problem}`);
    console.log(problems.length === 0 ? 'Everything agrees.' : `${problems.length} wrong`);
    return problems.length === 0 ? 0 : 1;
  } finally {
    for (const each of running.reverse()) await each.close();
    await postgres.close();
    await git('worktree', 'remove', '--force', before);
    await rm(folder, { recursive: true, force: true });
  }
}
