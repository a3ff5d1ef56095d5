import { Fault } from '#platform/fault.ts';
import { outsideCall } from '#platform/rpc/call.ts';
import { maxItems } from './cart.ts';
import type { FindOffers } from './carts.ts';
import type { Offer } from './offer.ts';

type Waiting = {
  readonly variantIds: readonly string[];
  /** Undefined when it has to ask alone. */
  resolve(offers: readonly Offer[] | undefined): void;
  reject(reason: unknown): void;
};

/**
 * Looks up together what calls ask for in the same turn of the event loop. Nobody gets an older answer or waits longer for it, and
 * a busy process asks several times less often: a call to another service costs more than all else that a cart does. A lookup
 * answers at least what was asked for, and may hold more.
 */
export function gatherLookups(findOffers: FindOffers): FindOffers {
  let waiting: Waiting[] = [];

  function lookUp(): void {
    const groups = inGroups(waiting);
    waiting = [];
    for (const group of groups) void lookUpFor(group);
  }

  async function lookUpFor(group: readonly Waiting[]): Promise<void> {
    const variantIds = [...new Set(group.flatMap((one) => one.variantIds))];
    try {
      // What several wait for must not end with the one that came first.
      const offers = group.length === 1 ? undefined : await outsideCall(() => findOffers(variantIds));
      for (const { resolve } of group) resolve(offers);
    } catch (error) {
      const away = error instanceof Fault && error.kind === 'unavailable';
      for (const { resolve, reject } of group) {
        if (away) reject(error);
        else resolve(undefined); // nobody fails for what another asked
      }
    }
  }

  return async (variantIds) => {
    const shared = await new Promise<readonly Offer[] | undefined>((resolve, reject) => {
      waiting.push({ variantIds, resolve, reject });
      if (waiting.length === 1) setImmediate(lookUp);
    });
    return shared ?? findOffers(variantIds);
  };
}

/** As many together as one lookup takes. */
function inGroups(waiting: readonly Waiting[]): Waiting[][] {
  const groups: Waiting[][] = [];
  let ids = new Set<string>();
  for (const one of waiting) {
    const together = new Set([...ids, ...one.variantIds]);
    const last = groups.at(-1);
    if (last !== undefined && together.size <= maxItems) {
      last.push(one);
      ids = together;
    } else {
      groups.push([one]);
      ids = new Set(one.variantIds);
    }
  }
  return groups;
}
