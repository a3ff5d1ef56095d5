import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import { readsText, startReading } from './reads.ts';
import { must, push, signal, until, type World } from './world.ts';

const changes = 6;
const readersAtOnce = 4; // together under what the contract lets one address ask
const takesEffectWithinMs = 1_000;

function listenersOf(world: World): string {
  return join(world.rendered, 'envoy', world.form === 'one' ? 'one' : 'sidecars/cart', 'listeners.yaml');
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

/** A grant that is taken away and given back, as npm run generate would write it, counts on open connections within a second, in every plane. */
export async function policyChangesUnderTraffic(world: World): Promise<string> {
  const files = [listenersOf(world), join(world.rendered, 'policies.ts')];
  const good = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const without = [
    good[0]?.replace(/^.*url_path: .*CartService\/GetCart\}.*\n/m, '') ?? '',
    good[1]?.replace(/^( *'only2u\.cart\.v1\.CartService\/GetCart': \{ callers: )\['gateway'\]/m, '$1[]') ?? '',
  ];
  must(
    without.every((text, index) => text !== good[index]),
    'the grant is not found in what is rendered',
  );
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
  const timed = async (what: string, texts: readonly string[], holds: () => Promise<boolean>): Promise<number> => {
    for (const [index, file] of files.entries()) await push(file, texts[index] ?? '');
    const beganMs = performance.now();
    await until(what, 5_000, holds);
    return performance.now() - beganMs;
  };
  const goneMs = await timed('the grant is gone', without, async () => !(await isLetIn()));
  await until('the processes know', 5_000, () => world.said.some((line) => line.includes('new policies')));
  const backMs = await timed('the grant is back', good, isLetIn);
  // A connection that was open is told to go with the answer to its next call, so each may refuse one more.
  let inARow = 0;
  await until('every connection knows', 10_000, async () => {
    inARow = (await isLetIn()) ? inARow + 1 : 0;
    return inARow > 20;
  });
  must(Math.max(goneMs, backMs) < takesEffectWithinMs, `it took ${goneMs.toFixed(0)} and ${backMs.toFixed(0)} ms`);
  return `taken away in ${goneMs.toFixed(0)} ms, given back in ${backMs.toFixed(0)} ms`;
}

/** A listener is replaced again and again under customers who are signed in: none of their calls fails. */
export async function changesGoUnnoticed(world: World): Promise<string> {
  const file = listenersOf(world);
  const good = await readFile(file, 'utf8');
  const readings = Array.from({ length: readersAtOnce }, () => startReading(world, { patient: false }));
  const succeeded = (): number => readings.reduce((sum, reading) => sum + reading.succeeded(), 0);
  for (let round = 1; round <= changes; round += 1) {
    const told = world.said.length;
    await push(file, good.replaceAll('idle_timeout: 600s', `idle_timeout: ${600 + round}s`));
    await until('the Envoy has it', 5_000, () =>
      world.said.slice(told).some((line) => line.includes('new listeners.yaml')),
    );
    const since = succeeded();
    await until('reads after it', 10_000, () => succeeded() > since + 2 * readersAtOnce);
  }
  await push(file, good);
  const reads = await Promise.all(readings.map((reading) => reading.stop()));
  const failed = reads.flatMap((each) => each.failed);
  must(failed.length === 0, `${failed.length} reads failed: ${failed.slice(0, 3).join('; ')}`);
  return `${changes} changes, ${reads.reduce((sum, { calls }) => sum + calls, 0)} reads, none failed`;
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
