import { z } from 'zod';
import { providerAway, providerRefused } from './provider.ts';

export type RazorpayHttpOptions = { readonly url: string; readonly keyId: string; readonly keySecret: string };

/** Asks Razorpay's API; what it answers is checked against the shape. Ends with the signal. */
export type RazorpayHttp = {
  get<T>(path: string, shape: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  post<T>(path: string, body: object, shape: z.ZodType<T>, signal: AbortSignal, headers?: SentHeaders): Promise<T>;
};

type SentHeaders = Readonly<Record<string, string>>;

const maxAnswerBytes = 4 * 1024 * 1024; // a page of a hundred payments is some 150 KB
const errorShape = z.object({
  error: z.object({
    code: z.string().default(''),
    description: z.string().nullish(),
    reason: z.string().nullish(),
  }),
});

export function createRazorpayHttp({ url, keyId, keySecret }: RazorpayHttpOptions): RazorpayHttp {
  const authorization = `Basic ${Buffer.from(`${keyId}:${keySecret}`).toString('base64')}`;
  const base = url.replace(/\/+$/, '');

  async function ask<T>(path: string, init: RequestInit, shape: z.ZodType<T>, sent: SentHeaders = {}): Promise<T> {
    const headers = { ...sent, authorization, accept: 'application/json' };
    let status: number;
    let json: unknown;
    try {
      const response = await fetch(`${base}/v1${path}`, { ...init, headers, redirect: 'error' });
      ({ status } = response);
      json = parse(await readAll(response));
    } catch (cause) {
      throw providerAway(cause); // refused, reset, too late, cut off, too long
    }
    if (status >= 200 && status < 300) {
      const answer = shape.safeParse(json);
      if (!answer.success) throw providerAway(new Error('Razorpay answers in another shape', { cause: answer.error }));
      return answer.data;
    }
    throw refusal(status, json);
  }

  return {
    get: (path, shape, signal) => ask(path, { method: 'GET', signal }, shape),
    post: (path, body, shape, signal, headers = {}) =>
      ask(path, { method: 'POST', body: JSON.stringify(body), signal }, shape, {
        ...headers,
        'content-type': 'application/json',
      }),
  };
}

/**
 * 400 is no by Razorpay's word. 401 and 403 mean that the shop's key is wrong, which somebody sets right: nothing is lost until
 * then. 409 is another try of the same, still under way; 429 too many; 5xx trouble of theirs.
 */
function refusal(status: number, json: unknown): Error {
  const told = errorShape.safeParse(json);
  const { code = '', description, reason } = told.success ? told.data.error : {};
  const cause = new Error(`Razorpay answered ${status} ${code}: ${description ?? ''}`.slice(0, 500));
  if (status === 404 || (status === 400 && told.success)) {
    const why = [code, reason].filter((part) => part !== undefined && part !== null && /^\w{1,60}$/.test(part));
    return providerRefused(why.join(' ') || String(status), cause);
  }
  return providerAway(cause, status === 429 ? 5_000 : undefined);
}

async function readAll(response: Response): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw new Error(`an answer of more than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text);
}
