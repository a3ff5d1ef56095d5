import type { Graph } from './graph.ts';

/** Where a workload is drawn: its upper left corner. */
export type Place = { readonly name: string; readonly x: number; readonly y: number };

/** A line between two, as an SVG path. */
export type Line = {
  readonly from: string;
  readonly to: string;
  readonly kind: 'call' | 'event';
  readonly path: string;
};

export type Layout = {
  readonly width: number;
  readonly height: number;
  readonly places: readonly Place[];
  readonly lines: readonly Line[];
};

export const box = { width: 156, height: 54 } as const;
const gap = { x: 110, y: 40 } as const;
const margin = 28;
const sweeps = 8; // the order of a mesh of twenty stands still after four

/** Layers from left to right: whoever calls stands left of whom it calls. Within one, near those that it is tied to. */
export function layoutOf(names: readonly string[], { calls, events }: Graph): Layout {
  const ties = [
    ...calls.map((edge) => ({ ...edge, kind: 'call' as const })),
    ...events.map((edge) => ({ ...edge, kind: 'event' as const })),
  ].filter(({ from, to }) => from !== to);
  const layers = ordered(layered(names, calls), ties);
  const tallest = Math.max(...layers.map(({ length }) => length));
  const height = tallest * (box.height + gap.y) - gap.y;
  const places = layers.flatMap((layer, column) => {
    const top = (height - (layer.length * (box.height + gap.y) - gap.y)) / 2;
    return layer.map((name, row) => ({
      name,
      x: margin + column * (box.width + gap.x),
      y: margin + top + row * (box.height + gap.y),
    }));
  });
  return {
    width: layers.length * (box.width + gap.x) - gap.x + 2 * margin,
    height: height + 2 * margin + gap.y, // lines that go back pass below
    places,
    lines: linesOf(places, ties),
  };
}

type Tie = { readonly from: string; readonly to: string; readonly kind: Line['kind'] };

function layered(names: readonly string[], calls: Graph['calls']): string[][] {
  const depths = new Map<string, number>();
  const depthOf = (name: string, above: readonly string[]): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    const callers = calls.filter(({ to, from }) => to === name && from !== name && !above.includes(from));
    const depth = Math.max(-1, ...callers.map(({ from }) => depthOf(from, [...above, name]))) + 1;
    depths.set(name, depth);
    return depth;
  };
  const layers = Map.groupBy(names, (name) => depthOf(name, []));
  return [...layers].sort(([a], [b]) => a - b).map(([, layer]) => [...layer].sort());
}

/** Each sweep puts a workload at the average height of those that it is tied to. */
function ordered(layers: readonly (readonly string[])[], ties: readonly Tie[]): readonly (readonly string[])[] {
  let current = layers;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const heights = new Map(
      current.flatMap((layer) => layer.map((name, row) => [name, (row + 0.5) / layer.length] as const)),
    );
    const wanted = (name: string): number => {
      const others = ties.flatMap(({ from, to }) => (from === name ? [to] : to === name ? [from] : []));
      const all = others.map((other) => heights.get(other) ?? 0.5);
      return all.length === 0 ? 0.5 : all.reduce((sum, each) => sum + each, 0) / all.length;
    };
    current = current.map((layer) => [...layer].sort((a, b) => wanted(a) - wanted(b) || (a < b ? -1 : 1)));
  }
  return current;
}

function linesOf(places: readonly Place[], ties: readonly Tie[]): readonly Line[] {
  const at = new Map(places.map((place) => [place.name, place]));
  const known = ties.flatMap((tie) => {
    const [from, to] = [at.get(tie.from), at.get(tie.to)];
    return from === undefined || to === undefined ? [] : [{ ...tie, start: from, end: to }];
  });
  const port = (
    place: Place,
    own: readonly (typeof known)[number][],
    tie: (typeof known)[number],
    other: 'start' | 'end',
  ) => {
    const sorted = [...own].sort((a, b) => a[other].y - b[other].y || a[other].x - b[other].x);
    return place.y + (box.height * (sorted.indexOf(tie) + 1)) / (sorted.length + 1);
  };
  return known.map((tie) => {
    const { start, end, from, to, kind } = tie;
    const forward = (each: (typeof known)[number]) => each.end.x > each.start.x;
    if (!forward(tie)) return { from, to, kind, path: below(start, end) };
    const y1 = port(
      start,
      known.filter((each) => each.start === start && forward(each)),
      tie,
      'end',
    );
    const y2 = port(
      end,
      known.filter((each) => each.end === end && forward(each)),
      tie,
      'start',
    );
    const [x1, x2] = [start.x + box.width, end.x];
    const bend = Math.max(40, (x2 - x1) / 2);
    return {
      from,
      to,
      kind,
      path: `M${x1} ${round(y1)}C${x1 + bend} ${round(y1)} ${x2 - bend} ${round(y2)} ${x2} ${round(y2)}`,
    };
  });
}

/** Back to a layer at the left, or within one. */
function below(start: Place, end: Place): string {
  const x1 = start.x + box.width / 3;
  const x2 = end.x + (box.width * 2) / 3;
  if (start.x === end.x) {
    const x = start.x + box.width;
    const [y1, y2] = [start.y + box.height / 2, end.y + box.height / 2];
    return `M${x} ${round(y1)}C${x + 60} ${round(y1)} ${x + 60} ${round(y2)} ${x} ${round(y2)}`;
  }
  const [y1, y2] = [start.y + box.height, end.y + box.height];
  const deep = Math.max(y1, y2) + gap.y;
  return `M${round(x1)} ${round(y1)}C${round(x1)} ${round(deep)} ${round(x2)} ${round(deep)} ${round(x2)} ${round(y2)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
