/** Statistics of one Envoy. */
export type Stats = {
  /** 0 for what was never counted. */
  count(name: string): number;
  /** Milliseconds that so many percent of the calls stayed below; undefined without calls. */
  quantile(name: string, percent: 50 | 99): number | undefined;
  /** Each name that the pattern matches, with what its groups caught. */
  matching(pattern: RegExp): readonly { readonly groups: readonly string[]; readonly value: number }[];
};

/** Reads what /stats answers: "name: 3", and "name: P0(nan,1.2) …" where the second number is of all calls since the start. */
export function parseStats(text: string): Stats {
  const numbers = new Map<string, number>();
  const histograms = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(': ');
    if (at === -1) continue;
    const [name, value] = [line.slice(0, at), line.slice(at + 2)];
    if (value.startsWith('P0(')) histograms.set(name, value);
    else if (/^\d+$/.test(value)) numbers.set(name, Number(value));
  }
  return {
    count: (name) => numbers.get(name) ?? 0,
    quantile(name, percent) {
      const said = new RegExp(`\\bP${percent}\\([^,]+,([^)]+)\\)`).exec(histograms.get(name) ?? '')?.[1];
      const ms = Number(said);
      return Number.isFinite(ms) ? ms : undefined;
    },
    matching(pattern) {
      return [...numbers].flatMap(([name, value]) => {
        const found = pattern.exec(name);
        return found === null ? [] : [{ groups: found.slice(1).map((group) => group ?? ''), value }];
      });
    },
  };
}
