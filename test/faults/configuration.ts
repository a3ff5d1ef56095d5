import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { folderOf } from '../../envoy/node-files.ts';
import { readsText, startReading } from './reads.ts';
import { must, signal, until, type World } from './world.ts';

const takesEffectWithinMs = 1_000;

function listenersOf(world: World): string {
  return join(folderOf(world.form === 'one' ? 'one' : 'cart', world.run), 'listeners.yaml');
}

async function push(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** A configuration that can't be is refused in Envoy's words, and the one before goes on. */
export async function badConfigurationIsRefused(world: World): Promise<string> {
  const file = listenersOf(world);
  const good = await readFile(file, 'utf8');
  const reading = startReading(world, { patient: false });
  const rejectedOf = async () => (await world.report()).envoys.reduce((sum, { rejected }) => sum + rejected, 0);
  const before = await rejectedOf();
  const told = world.said.length;
  await push(file, good.replace(/cluster: cart_app\b/, 'cluster: nowhere'));
  await until('mesh:status counts it', 5_000, async () => (await rejectedOf()) > before);
  const words = await until('mesh:up says it', 5_000, () =>
    world.said.slice(told).find((line) => line.includes('refuses')),
  );
  const since = reading.succeeded();
  await until('reads go on', 5_000, () => reading.succeeded() > since + 5);
  await push(file, good);
  const reads = await reading.stop();
  must(reads.failed.length === 0, `reads failed: ${reads.failed.join('; ')}`);
  return `"${words.slice(0, 200)}"; ${readsText(reads)}, none failed`;
}

/** A grant that is taken away, and given back, takes effect on open connections within a second. */
export async function policyChangesUnderTraffic(world: World): Promise<string> {
  const file = listenersOf(world);
  const good = await readFile(file, 'utf8');
  const cart = world.market.shoppingOf(0, 'policy').buyer.dial(CartService);
  const isLetIn = (): Promise<boolean> =>
    cart.getCart({}).then(
      () => true,
      (error: unknown) => {
        const { code } = ConnectError.from(error);
        // What a service refuses the gateway is no refusal of the customer's: the gateway has a bug, then.
        must(code === Code.PermissionDenied || code === Code.Internal, `it fails with ${Code[code]}`);
        return false;
      },
    );
  must(await isLetIn(), 'it is let in before');
  const withoutGrant = good.replace(/^.*url_path: .*CartService\/GetCart\}.*\n/m, '');
  must(withoutGrant !== good, 'the grant is not found in what is rendered');
  let beganMs = performance.now();
  await push(file, withoutGrant);
  await until('the grant is gone', 5_000, async () => !(await isLetIn()));
  const goneMs = performance.now() - beganMs;
  beganMs = performance.now();
  await push(file, good);
  await until('the grant is back', 5_000, isLetIn);
  const backMs = performance.now() - beganMs;
  must(Math.max(goneMs, backMs) < takesEffectWithinMs, `it took ${goneMs.toFixed(0)} and ${backMs.toFixed(0)} ms`);
  return `taken away in ${goneMs.toFixed(0)} ms, given back in ${backMs.toFixed(0)} ms`;
}

/** An Envoy dies: it is started again, and traffic goes on. */
export async function envoyIsStartedAgain(world: World): Promise<string> {
  const name = world.form === 'one' ? 'envoy' : 'envoy-cart';
  const reading = startReading(world, { patient: true });
  await until('the first reads', 10_000, () => reading.succeeded() > 3);
  const told = world.said.length;
  const beganMs = performance.now();
  signal(world, name, 'SIGKILL');
  await until(`${name} is back`, 20_000, () =>
    world.said.slice(told).some((line) => line.startsWith(`${name} is back`)),
  );
  const tookMs = performance.now() - beganMs;
  const since = reading.succeeded();
  await until('reads after it', 20_000, () => reading.succeeded() > since + 5);
  const reads = await reading.stop();
  must(reads.failed.length === 0, `reads failed: ${reads.failed.join('; ')}`);
  return `${name} was back after ${(tookMs / 1_000).toFixed(1)} s; ${readsText(reads)}`;
}
