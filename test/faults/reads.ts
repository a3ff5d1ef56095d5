import { setTimeout as pause } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { CartService } from '#gen/only2u/cart/v1/cart_pb.ts';
import type { World } from './world.ts';

const everyMs = 100; // under what the contract lets one address ask
const giveUpMs = 20_000;
// What says that nobody answered, so that an app may ask again.
const away: readonly Code[] = [Code.Unavailable, Code.DeadlineExceeded, Code.Unknown, Code.Aborted];

export type Reads = {
  readonly calls: number;
  /** Calls that an app had to send again, the mesh's own attempts not counted. */
  readonly repeated: number;
  /** Codes of calls that stayed without an answer. */
  readonly failed: readonly string[];
  readonly longestMs: number;
};

export type Reading = {
  /** How many have succeeded so far. */
  succeeded(): number;
  stop(): Promise<Reads>;
};

/** A customer who looks at the cart ten times a second; `patient` ones ask again when nobody answers, as apps do. */
export function startReading(world: World, { patient }: { readonly patient: boolean }): Reading {
  const cart = world.market.shoppingOf(0, 'reads').buyer.dial(CartService);
  const failed: string[] = [];
  let stopped = false;
  let [calls, repeated, longestMs] = [0, 0, 0];
  async function readOnce(): Promise<void> {
    const beganMs = performance.now();
    for (let tries = 0; ; tries += 1) {
      try {
        await cart.getCart({});
        repeated += tries > 0 ? 1 : 0;
        break;
      } catch (error) {
        const { code, rawMessage } = ConnectError.from(error);
        if (!patient || !away.includes(code) || performance.now() - beganMs > giveUpMs) {
          failed.push(`${Code[code]}: ${rawMessage}`);
          break;
        }
        await pause(50 + 50 * tries);
      }
    }
    calls += 1;
    longestMs = Math.max(longestMs, performance.now() - beganMs);
  }
  const working = (async () => {
    while (!stopped) {
      await readOnce();
      await pause(everyMs);
    }
  })();
  return {
    succeeded: () => calls - failed.length,
    async stop() {
      stopped = true;
      await working;
      return { calls, repeated, failed, longestMs };
    },
  };
}

/** "57 reads, 3 of them sent again, the longest 1.4 s" */
export function readsText({ calls, repeated, longestMs }: Reads): string {
  return `${calls} reads, ${repeated} of them sent again, the longest ${(longestMs / 1_000).toFixed(1)} s`;
}
