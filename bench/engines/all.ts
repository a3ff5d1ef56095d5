import { benchCart } from './cart.ts';
import { compareHeader, createCompare } from './compare.ts';
import { benchEdge } from './edge.ts';
import { benchEventBus } from './event-bus.ts';
import { benchLocksAndRankings } from './locks-rankings.ts';
import { benchMessageLog } from './message-log.ts';
import { benchSearch } from './search.ts';
import { inWorld, type World } from './world.ts';

const benches: Readonly<Record<string, (world: World) => Promise<void>>> = {
  cart: benchCart,
  bus: benchEventBus,
  locks: benchLocksAndRankings,
  log: benchMessageLog,
  edge: benchEdge,
  search: benchSearch,
};

/** The parts that `npm run bench -- engines` knows. */
export const enginesParts: readonly string[] = Object.keys(benches);

/** Ports through their adapters beside the bare drivers, and beside what the shop stands on by itself. All parts when none is named. */
export async function benchEngines(parts: readonly string[], seconds: number): Promise<void> {
  const unknown = parts.find((part) => !(part in benches));
  if (unknown !== undefined) throw new Error(`There is no part ${unknown}: ${enginesParts.join(', ')}`);
  const print = (text: string): void => console.log(text);
  const ending = new AbortController();
  const stopping = ending.signal;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => ending.abort(new Error('The bench was ended; what it made is deleted.')));
  const compare = createCompare(seconds, print, stopping);
  print(compareHeader);
  for (const [name, bench] of Object.entries(benches))
    if (parts.length === 0 || parts.includes(name)) await inWorld({ compare, stopping, print }, bench);
}
