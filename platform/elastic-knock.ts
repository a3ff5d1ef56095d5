import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect } from 'node:tls';

export type KnockTarget = { readonly url: URL; readonly ca: string | undefined; readonly timeoutMs: number };

export type Knocked = { readonly status: number; readonly version: string };

const maxBytes = 64 * 1024;

/**
 * Asks Elasticsearch who it is, over a connection of its own: the client's errors lose the code by which Node tells a wrong
 * certificate from an engine that is away. Rejects with an error that has that code.
 */
export async function knock({ url, ca, timeoutMs }: KnockTarget): Promise<Knocked> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const user = decodeURIComponent(url.username);
  const options = {
    host: url.hostname,
    port: portOf(url),
    path: url.pathname,
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(timeoutMs),
    agent: false,
    ...(user !== '' && { auth: `${user}:${decodeURIComponent(url.password)}` }),
  };
  const request =
    url.protocol === 'https:' ? tlsRequest({ ...options, ...(ca !== undefined && { ca }) }) : plainRequest(options);
  request.on('response', resolve).on('error', reject).end();
  try {
    const response = await promise;
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) {
      text += String(chunk);
      if (text.length > maxBytes) break;
    }
    return {
      status: response.statusCode ?? 0,
      version: /"number"\s*:\s*"([^"]+)"/.exec(text)?.[1] ?? '',
    };
  } finally {
    request.destroy();
  }
}

/** Whether a TLS handshake succeeds there, whoever signed the certificate. */
export function speaksTls({ url, timeoutMs }: KnockTarget): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port: portOf(url), rejectUnauthorized: false });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.on('secureConnect', () => end(true)).on('error', () => end(false));
  });
}

function portOf({ port, protocol }: URL): number {
  return port !== '' ? Number(port) : protocol === 'https:' ? 443 : 80;
}
