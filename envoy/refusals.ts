import { rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

/** Calls that were refused for one reason. */
export const refusalSchema = z.object({
  /** The listener that refused: "inbound_cart", "outbound_order", "edge". */
  at: z.string(),
  /** Who called, by the certificate; "" where the listener is the caller's own. */
  caller: z.string(),
  /** "/only2u.cart.v1.CartService/GetCart" */
  method: z.string(),
  /** Envoy's name of the reason, such as "rbac_access_denied_matched_policy[none]". */
  rule: z.string(),
  count: z.number(),
});
export type Refusal = z.infer<typeof refusalSchema>;

/** Counts what Envoys refuse, from a line a call. */
export type Refusals = { read(line: string): void; all(): readonly Refusal[]; close(): Promise<void> };

const accessSchema = z.object({
  at: z.string(),
  caller: z.string().nullish(),
  method: z.string().nullish(),
  rule: z.string().nullish(),
});

// What Envoy decided itself, and not the process behind it.
const byEnvoy = /"rule":"(?:rbac_|jwt_authn_|direct_response|request_rate_limited|[^"]*overflow)/;
const mostKinds = 2_000; // a caller that tries names of methods at random must not fill the memory
const writeEveryMs = 200;

/** Counts, and keeps `file` up to date for whoever asks. */
export function createRefusals(file: string): Refusals {
  const counts = new Map<string, Refusal>();
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  function write(): void {
    timer = undefined;
    const text = JSON.stringify([...counts.values()]);
    writing = writing
      .then(() => writeFile(`${file}.new`, text, { mode: 0o600 }))
      .then(() => rename(`${file}.new`, file))
      .catch(() => undefined); // the folder goes when the mesh ends
  }

  return {
    read(line) {
      if (!byEnvoy.test(line)) return;
      const said = accessSchema.safeParse(parsed(line));
      if (!said.success) return;
      const { at, caller, method, rule } = said.data;
      const each = { at, caller: caller ?? '', method: method ?? '', rule: rule ?? '' };
      const key = Object.values(each).join(' ');
      if (!counts.has(key) && counts.size >= mostKinds) each.method = '(others)';
      const kept = counts.has(key) ? key : Object.values(each).join(' ');
      counts.set(kept, { ...each, count: (counts.get(kept)?.count ?? 0) + 1 });
      timer ??= setTimeout(write, writeEveryMs);
    },
    all: () => [...counts.values()],
    async close() {
      clearTimeout(timer);
      await writing;
    },
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
