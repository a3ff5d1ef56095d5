import { relative } from 'node:path';
import { KeyService } from '#gen/only2u/user/v1/auth_pb.ts';
import type { Variables } from '#platform/config.ts';
import { startShop, type Shop } from '#platform/run.ts';
import { StartError } from '#platform/start-error.ts';
import { stopOnSignals } from '#platform/stop-signals.ts';
import { services } from './all.ts';

const help = `Usage: npm start [-- [--engines] SERVICE…]

Starts the named services in one process, or all of them: ${services.map(({ name }) => name).join(', ')}.
Data is kept in .data/ (set ONLY2U_DATA to change that). docs/settings.md lists all settings.

  --engines   on real engines on this machine, which npm run engines -- down ends; docs/engines.md
`;

const options = process.argv.slice(2);
const names = options.filter((option) => option !== '--engines');
const onEngines = names.length < options.length;

if (names.some((name) => name === '--help' || name === '-h')) console.log(help);
else await main(names.length > 0 ? names : services.map(({ name }) => name));

async function main(chosen: readonly string[]): Promise<void> {
  const startedMs = Date.now();
  let shop: Shop | undefined;
  const starting = Promise.withResolvers<void>();
  const giveUp = new AbortController();
  const { stop } = stopOnSignals({
    async close() {
      giveUp.abort(); // it may wait for an engine
      await starting.promise; // what is half begun can't be ended in order
      await shop?.close();
    },
    say(text, error) {
      if (shop === undefined) console.error(error ?? `Only2U: ${text}`);
      else if (error === undefined) shop.log.info(text);
      else shop.log.fatal({ err: error }, text);
    },
  });
  let engines: readonly string[] = [];
  try {
    let variables: Variables = process.env;
    if (onEngines) {
      const { shopOnEngines } = await import('../engines/shop.ts'); // with all drivers, which the embedded shop needs not
      const all = await Promise.all(services.map(({ load }) => load()));
      ({ variables, engines } = await shopOnEngines(all, process.env, (text) => console.log(`Only2U: ${text}`)));
    }
    shop = await startShop({
      entries: services,
      names: chosen,
      variables,
      fetchKeys: async (dial) => (await dial(KeyService).getKeys({})).jwksJson,
      onProgress: (text) => console.log(`Only2U: ${text} …`),
      signal: giveUp.signal,
    });
  } catch (error) {
    if (giveUp.signal.aborted) return starting.resolve();
    console.error(error instanceof StartError ? `Only2U can’t start. ${error.message}` : error);
    process.exit(1);
  }
  starting.resolve();
  const { log, broken } = shop;
  void broken.then((reason) => {
    log.fatal({ err: reason }, 'the shop can’t go on');
    stop(1);
  });
  console.log(welcome(shop, Date.now() - startedMs, engines));
}

function welcome({ addresses, adminAddress, dataDir }: Shop, tookMs: number, engines: readonly string[]): string {
  const gateway = addresses.get('gateway');
  const lines = [`Only2U is ready after ${(tookMs / 1_000).toFixed(1)} s.`];
  if (gateway !== undefined) {
    lines.push(
      `  Shop      http://${gateway}`,
      `  Try       curl -s http://${gateway}/only2u.product.v1.ProductService/SearchProducts -H 'Content-Type: application/json' -d '{"query":"shirt"}'`,
      `  Methods   http://${gateway}/docs; README.md, "Buy something", goes the way of an order`,
    );
  }
  for (const { name } of services) {
    const address = addresses.get(name);
    if (address !== undefined && name !== 'gateway') lines.push(`  ${name.padEnd(9)} ${address} (gRPC, mutual TLS)`);
  }
  lines.push(`  Admin     http://${adminAddress}/readyz, /healthz, /metrics`);
  lines.push(...engines.map((engine) => `  Engine    ${engine}`));
  if (dataDir !== undefined) lines.push(`  Data      ${relative('', dataDir) || '.'}`);
  lines.push('  Ctrl-C stops it.');
  return lines.join('\n');
}
