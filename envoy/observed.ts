import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const refusal = z.object({
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
/** Calls that an Envoy refused for one reason. */
export type Refusal = z.infer<typeof refusal>;

const rejection = z.object({ node: z.string(), words: z.string(), time: z.string() });
/** A configuration that an Envoy refused, in its own words. */
export type Rejection = z.infer<typeof rejection>;

const observedSchema = z.object({ refusals: z.array(refusal), rejections: z.array(rejection) });
/** What can be known only from what Envoys write, not from their statistics. */
export type Observed = z.infer<typeof observedSchema>;

export type Observer = {
  /** A line of an access log. */
  call(line: string): void;
  rejected(node: string, words: string): void;
  close(): Promise<void>;
};

const accessSchema = z.object({
  at: z.string(),
  caller: z.string().nullish(),
  method: z.string().nullish(),
  rule: z.string().nullish(),
});

// What Envoy decided itself, and not the process behind it.
const byEnvoy = /"rule":"(?:rbac_|jwt_authn_|direct_response|request_rate_limited|local_rate|[^"]*overflow)/;
const mostKinds = 2_000; // a caller that tries names of methods at random must not fill the memory
const mostRejections = 20;
const writeEveryMs = 200;

/** Counts, and keeps `file` up to date for whoever asks. */
export function createObserver(file: string): Observer {
  const counts = new Map<string, Refusal>();
  const rejections: Rejection[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  function write(): void {
    timer = undefined;
    const text = JSON.stringify({ refusals: [...counts.values()], rejections } satisfies Observed);
    writing = writing
      .then(() => writeFile(`${file}.new`, text, { mode: 0o600 }))
      .then(() => rename(`${file}.new`, file))
      .catch(() => undefined); // the folder goes when the mesh ends
  }

  return {
    call(line) {
      if (!byEnvoy.test(line)) return;
      const said = accessSchema.safeParse(parsed(line));
      if (!said.success) return;
      const { at, caller, rule } = said.data;
      const each = { at, caller: caller ?? '', method: said.data.method ?? '', rule: rule ?? '' };
      const named = Object.values(each).join(' ');
      if (!counts.has(named) && counts.size >= mostKinds) each.method = '(others)';
      const key = Object.values(each).join(' ');
      counts.set(key, { ...each, count: (counts.get(key)?.count ?? 0) + 1 });
      timer ??= setTimeout(write, writeEveryMs);
    },
    rejected(node, words) {
      rejections.push({ node, words, time: new Date().toISOString() });
      if (rejections.length > mostRejections) rejections.shift();
      timer ??= setTimeout(write, writeEveryMs);
    },
    async close() {
      clearTimeout(timer);
      await writing;
    },
  };
}

/** What has been observed so far; nothing yet, when there is no file. */
export async function readObserved(file: string): Promise<Observed> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? { refusals: [], rejections: [] } : observedSchema.parse(JSON.parse(text));
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
