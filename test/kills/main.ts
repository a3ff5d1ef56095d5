import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { services } from '#services/all.ts';
import { openDataFolder } from '#platform/data-folder.ts';
import { createEmbeddedPostgres } from '#platform/embedded-postgres.ts';
import { audit, untilSettled } from '../audit.ts';
import { checkOut, reasonOf, type Outcome } from './buyer.ts';
import { openMarket } from './market.ts';
import { planOf } from './plan.ts';
import { startKillable, type KillableProcess } from './processes.ts';

const help = `Usage: npm run check:kills -- [options]

Buyers check out while the processes of the shop are killed with SIGKILL, and the payment provider fails, delays, repeats and
reorders. Then: is every order paid and confirmed, or closed with everything given back?

  --seed N         what happens; the same seed plans the same run (random)
  --checkouts N    how many orders are tried (300)
  --kills N        how many times a process is killed at most (60)
  --buyers N       how many buy at a time (12)
  --apart          a process for each service, killed one by one; else one process for all
  --help           this text
`;

const basePort = 19_100;
const killWithinMs = 2_000;
const settleWithinMs = 360_000; // a refund that failed often waits up to five minutes for its next try
// What the provider does; the issue of it all.
const faults = 'fail=0.08,lose-answer=0.08,delay=0.2,repeat=0.3,reorder=0.3,max-delay=1500';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    checkouts: { type: 'string', default: '300' },
    kills: { type: 'string', default: '60' },
    buyers: { type: 'string', default: '12' },
    apart: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(help);
else process.exitCode = await main();

function whole(name: 'checkouts' | 'kills' | 'buyers'): number {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < 0) throw new Error(`--${name} is a whole number`);
  return number;
}

async function main(): Promise<number> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const plan = planOf(seed, whole('checkouts'), whole('kills'));
  const names = services.map(({ name }) => name);
  console.log(
    `seed ${seed}: ${plan.checkouts.length} checkouts, ${values.apart ? 'a process a service' : 'one process'}`,
  );
  const folder = await mkdtemp(join(tmpdir(), 'only2u-kills-'));
  const env = environment(folder, names, seed);
  const data = await openDataFolder(folder);
  const embedded = createEmbeddedPostgres({ data, port: basePort });
  const postgres = await embedded.start(names); // so that it outlives the processes that are killed
  const processes: KillableProcess[] = [];
  try {
    for (const group of values.apart ? names.map((name) => [name]) : [[]]) {
      processes.push(await startKillable(group, { ...env, ADMIN_PORT: String(basePort + 50 + processes.length) }));
    }
    const market = await openMarket({
      env,
      gatewayUrls: [`http://127.0.0.1:${basePort + 1}`],
      buyers: whole('buyers'),
    });
    const before = await audit(embedded.urlOf);
    if (before.problems.length > 0)
      throw new Error(`the books are wrong before it begins: ${before.problems.join('; ')}`);

    const outcomes: Outcome[] = [];
    const failures: string[] = [];
    let next = 0;
    async function buy(buyer: number): Promise<void> {
      for (let index = next++; index < plan.checkouts.length; index = next++) {
        const checkout = plan.checkouts[index];
        if (checkout === undefined) return;
        try {
          outcomes.push(await checkOut(checkout, market.shoppingOf(buyer, `${seed}-${index}`)));
        } catch (error) {
          failures.push(`checkout ${index}: ${reasonOf(error)}: ${String(error)}`);
        }
        if ((index + 1) % 50 === 0) console.log(`  ${index + 1} checkouts begun`);
      }
    }
    const buying = Promise.all(Array.from({ length: whole('buyers') }, (_, buyer) => buy(buyer)));
    let buyingEnded = false;
    void buying.then(() => (buyingEnded = true));
    let kills = 0;
    for (const kill of plan.kills) {
      if (buyingEnded) break;
      const victim = processes[kill.process % processes.length];
      // A process of its own sends a part of all statements.
      const statement = Math.ceil(kill.statement / processes.length);
      await victim?.kill({ ...kill, statement }, killWithinMs);
      kills += 1;
    }
    await buying;
    console.log(`  ${kills} kills, ${outcomes.length} checkouts at their end; waiting until every order is, too`);

    const open = await untilSettled(embedded.urlOf, settleWithinMs);
    const books = await audit(embedded.urlOf);
    const provider = await market.reconcile();
    const problems = [...failures, ...open, ...books.problems, ...provider.differences];
    console.log(
      `  refusals: ${JSON.stringify(Object.fromEntries(tally(outcomes.map(({ refusal }) => refusal ?? 'none'))))}`,
    );
    console.log(`  ${books.summary}; ${provider.compared} movements are the provider's too`);
    for (const problem of problems) console.error(`  WRONG ${problem}`);
    console.log(problems.length === 0 ? 'Everything agrees.' : `${problems.length} wrong; again with --seed ${seed}`);
    await market.close();
    return problems.length === 0 ? 0 : 1;
  } finally {
    for (const each of processes.reverse()) await each.close();
    await postgres.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function environment(folder: string, names: readonly string[], seed: number): NodeJS.ProcessEnv {
  const ports = names
    .filter((name) => name !== 'gateway')
    .map((name, index) => [`${name.toUpperCase()}_PORT`, String(basePort + 2 + index)]);
  return {
    ...process.env,
    ...Object.fromEntries(ports),
    GATEWAY_PORT: String(basePort + 1),
    POSTGRES_PORT: String(basePort),
    ONLY2U_DATA: folder,
    GATEWAY_RATE_LIMITS: 'off',
    LOG_LEVEL: 'error',
    LOG_FORMAT: 'json',
    PAYMENT_WINDOW_SECONDS: '10',
    TEST_PROVIDER_FAULTS: `seed=${seed},${faults}`,
  };
}

function tally(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
