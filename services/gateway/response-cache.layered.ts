import type { EngineGuard } from './engine-guard.ts';
import type { Answer, Making, ResponseCache } from './response-cache.ts';

export type LayeredOptions = {
  /** This process's own, asked first. */
  readonly own: ResponseCache;
  /** All gateways', which rejects while its engine is away. */
  readonly shared: ResponseCache;
  readonly guard: EngineGuard;
};

/**
 * The answers of this process before those of all. While the shared ones are away it goes on by its own. Each gateway drops in both, its own first: so
 * none can bring back to all what another has dropped.
 */
export function createLayeredResponseCache({ own, shared, guard }: LayeredOptions): ResponseCache {
  async function lookUp(key: string, nowMs: number): Promise<Answer | undefined> {
    const copying = await own.begin(key, nowMs); // what is dropped while it comes is not kept here
    const found = await guard.ask(async () => shared.get(key, nowMs));
    if (found !== undefined && 'keep' in copying) await copying.keep(found);
    return found;
  }

  return {
    get(key, nowMs) {
      const kept = own.get(key, nowMs);
      return kept === undefined && guard.open ? lookUp(key, nowMs) : kept;
    },
    async begin(key, nowMs) {
      const here = await own.begin(key, nowMs);
      if ('body' in here || !guard.open) return here;
      const there = await guard.ask(async () => shared.begin(key, nowMs));
      if (there === undefined) return here;
      if ('body' in there) {
        await here.keep(there);
        return there;
      }
      return both(here, there);
    },
    async drop(tags) {
      await own.drop(tags);
      if (guard.open) await guard.ask(async () => shared.drop(tags));
    },
    dropOwn: () => own.dropOwn(),
    async close() {
      await Promise.all([own.close(), shared.close()]);
    },
  };

  // An answer is given to its caller whether or not it could be kept.
  function both(here: Making, there: Making): Making {
    return {
      async keep(answer) {
        await here.keep(answer);
        await guard.ask(async () => there.keep(answer));
      },
      async giveUp() {
        await here.giveUp();
        await guard.ask(async () => there.giveUp());
      },
    };
  }
}
