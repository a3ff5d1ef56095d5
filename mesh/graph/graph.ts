import { type MeshModel, type Method, openAt } from '../model.ts';

/** One workload may call another. */
export type CallEdge = { readonly from: string; readonly to: string; readonly methods: readonly Method[] };

/** One tells events that another hears. */
export type EventEdge = { readonly from: string; readonly to: string; readonly topics: readonly string[] };

export type Graph = {
  readonly calls: readonly CallEdge[];
  readonly events: readonly EventEdge[];
  /** What clients from outside reach. */
  readonly open: readonly Method[];
};

/**
 * Who calls whom and who hears of whom. What every workload may call, and what every one serves (health, keys, dead letters), is left
 * out: it leads everywhere.
 */
export function graphOf(model: MeshModel): Graph {
  const calls = model.methods
    .filter(({ everybody, servedBy }) => !everybody && servedBy.length === 1)
    .flatMap((method) => method.policy.callers.flatMap((from) => method.servedBy.map((to) => ({ from, to, method }))));
  const events = model.events.flatMap(({ topic, publisher, subscribers }) =>
    subscribers.map((to) => ({ from: publisher, to, topic })),
  );
  return {
    calls: grouped(calls).map(({ from, to, all }) => ({ from, to, methods: all.map(({ method }) => method) })),
    events: grouped(events).map(({ from, to, all }) => ({ from, to, topics: all.map(({ topic }) => topic) })),
    open: model.methods.filter((method) => openAt(model, method).length > 0),
  };
}

function grouped<T extends { readonly from: string; readonly to: string }>(edges: readonly T[]) {
  return [...Map.groupBy(edges, ({ from, to }) => `${from} ${to}`)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, all]) => {
      const [from = '', to = ''] = key.split(' ');
      return { from, to, all };
    });
}

/** "OrderConfirmed" of "only2u.order.v1.OrderConfirmed" */
export function simpleName(name: string): string {
  return name.split('.').at(-1) ?? name;
}
