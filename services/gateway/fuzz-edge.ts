import fc from 'fast-check';
import type { JsonValue } from '@bufbuild/protobuf';
import { contracts } from '#gen/contracts.ts';
import { arbitraryBody } from './fuzz.ts';
import { openRoutes, type Route } from './routes.ts';

export type FuzzOptions = {
  /** Such as "http://127.0.0.1:8080". Its rate limits have to be off. */
  readonly url: string;
  /** Requests for each method. */
  readonly runs: number;
  /** Makes a run repeatable; the failure of a run names its seed. */
  readonly seed?: number;
  /** Authorization headers to try besides none. */
  readonly authorizations?: readonly string[];
};

/** How often each code was answered, over all methods. */
export type FuzzReport = {
  readonly requests: number;
  readonly methods: number;
  readonly codes: Readonly<Record<string, number>>;
};

const endOfStream = 2;
const timeoutMs = 30_000; // far beyond any contract's: a call that takes longer hangs

/**
 * Sends each open method what clients might send, from nearly right to noise, and throws at the first answer that is
 * a bug: INTERNAL, UNKNOWN, DATA_LOSS, no JSON, or none at all.
 */
export async function fuzzEdge({ url, runs, seed, authorizations = [] }: FuzzOptions): Promise<FuzzReport> {
  const codes: Record<string, number> = {};
  const routes = [...openRoutes(contracts).values()];
  let requests = 0;
  for (const route of routes) {
    const property = fc.asyncProperty(
      arbitraryBody(route.method.input),
      fc.constantFrom('', ...authorizations),
      fc.boolean(),
      async (body, authorization, byGet) => {
        const code = await ask({ url, route, body, authorization, byGet });
        requests++;
        codes[code] = (codes[code] ?? 0) + 1;
        if (code === 'internal' || code === 'unknown' || code === 'data_loss')
          throw new Error(`${route.path} answered ${code}`);
      },
    );
    await fc.assert(property, { numRuns: runs, endOnFailure: true, ...(seed === undefined ? {} : { seed }) });
  }
  return { requests, methods: routes.length, codes };
}

type Question = {
  readonly url: string;
  readonly route: Route;
  readonly body: string | Uint8Array;
  readonly authorization: string;
  readonly byGet: boolean;
};

async function ask({ url, route, body, authorization, byGet }: Question): Promise<string> {
  const headers: Record<string, string> = authorization === '' ? {} : { authorization };
  const signal = AbortSignal.timeout(timeoutMs);
  const bytes = Buffer.from(body);
  if (route.method.methodKind !== 'unary') {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(bytes.length, 1);
    headers['content-type'] = 'application/connect+json';
    const response = await fetch(url + route.path, {
      method: 'POST',
      headers,
      body: Buffer.concat([head, bytes]),
      signal,
    });
    return endOf(route, response.status, Buffer.from(await response.arrayBuffer()));
  }
  if (route.safe && byGet && bytes.length < 4_000) {
    const query = new URLSearchParams({
      connect: 'v1',
      encoding: 'json',
      base64: '1',
      message: bytes.toString('base64url'),
    });
    return codeOf(route, await fetch(`${url}${route.path}?${query.toString()}`, { headers, signal }));
  }
  headers['content-type'] = 'application/json';
  return codeOf(route, await fetch(url + route.path, { method: 'POST', headers, body: bytes, signal }));
}

async function codeOf(route: Route, response: Response): Promise<string> {
  const answer = parse(route, await response.text());
  if (response.status === 200) return 'ok';
  return errorCode(answer) ?? 'unknown';
}

/** The last frame of a Connect stream holds its error, if it has one. */
function endOf(route: Route, status: number, body: Buffer): string {
  if (status !== 200) return errorCode(parse(route, body.toString())) ?? 'unknown';
  for (let at = 0; at + 5 <= body.length;) {
    const length = body.readUInt32BE(at + 1);
    if (((body[at] ?? 0) & endOfStream) !== 0) {
      const end = parse(route, body.subarray(at + 5, at + 5 + length).toString());
      return errorCode(isObject(end) ? end['error'] : undefined) ?? 'ok';
    }
    at += 5 + length;
  }
  return 'unknown';
}

function parse(route: Route, text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw new Error(`${route.path} answered no JSON: ${text.slice(0, 200)}`);
  }
}

function errorCode(error: JsonValue | undefined): string | undefined {
  return isObject(error) && typeof error['code'] === 'string' ? error['code'] : undefined;
}

function isObject(json: JsonValue | undefined): json is { [key: string]: JsonValue } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
