import {
  createServer as createHttp1,
  type IncomingMessage,
  type Server as Http1Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttp2, type Http2Server, type Http2ServerRequest } from 'node:http2';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTls, Server as TlsServer } from 'node:tls';
import type { Connection, Connections } from './connections.ts';

export type EdgeRequest = IncomingMessage | Http2ServerRequest;
/** HTTP/2's response too: Node makes it answer to the same calls. */
export type EdgeResponse = ServerResponse;

/** A certificate chain and its key (PEM), which may be renewed. */
export type Certificate = {
  current(): { readonly cert: string; readonly key: string };
  onChange(listener: () => void): () => void;
};

export type ListenerOptions = {
  readonly host: string;
  readonly port: number;
  /** With a certificate the port speaks TLS. */
  readonly certificate: Certificate | undefined;
  readonly connections: Connections;
  /** How long request headers may take, as well as a connection's first bytes and its TLS handshake. */
  readonly receiveTimeoutMs: number;
  readonly idleTimeoutMs: number;
  onRequest(request: EdgeRequest, response: EdgeResponse): void;
};

export type Listener = {
  readonly port: number;
  /** Stops accepting, lets calls in flight end for `graceMs`, and leaves no socket. */
  close(graceMs: number): Promise<void>;
};

const maxHeaderBytes = 16 * 1024;
const maxHeaders = 100;
const preface = Buffer.from('PRI '); // how each HTTP/2 connection begins (RFC 9113, 3.4), and no HTTP/1.1 request

/**
 * Speaks HTTP/1.1 and HTTP/2 on one port: over TLS the client chooses by ALPN, in cleartext by its first bytes.
 * Resolves when the port is open.
 */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { certificate, connections } = options;
  const owners = new WeakMap<object, Connection>();

  function onRequest(request: EdgeRequest, response: EdgeResponse): void {
    const owner = owners.get('stream' in request ? (request.stream.session ?? request.stream) : request.socket);
    owner?.began();
    response.once('close', () => owner?.ended());
    if (request.rawHeaders.length > 2 * maxHeaders) refuseHeaders(response);
    else options.onRequest(request, response);
  }

  const http1 = createHttp1Server(options, onRequest);
  const http2 = createHttp2Server(onRequest);

  function speakHttp1(socket: Socket, connection: Connection): void {
    owners.set(socket, connection);
    connection.speaks(() => {
      if (connection.idle) socket.destroySoon();
    });
    http1.emit('connection', socket);
  }

  function speakHttp2(socket: Socket, connection: Connection): void {
    http2.once('session', (session) => {
      owners.set(session, connection);
      session.on('error', ignore); // its calls were told
      session.setTimeout(options.idleTimeoutMs, () => {
        if (connection.idle) session.close();
      });
      connection.speaks(() => {
        if (!session.closed) session.close(); // GOAWAY; ends when the last call has
      });
    });
    http2.emit('connection', socket); // makes the session before it returns
  }

  function accept(socket: Socket, protocol: string | false | null): void {
    socket.on('error', ignore); // a client may break off at any time
    const connection = connections.add(socket);
    if (connection === undefined) return;
    if (protocol === 'h2') speakHttp2(socket, connection);
    else if (protocol === 'http/1.1') speakHttp1(socket, connection);
    else {
      sniff(socket, options.receiveTimeoutMs, (isHttp2) => {
        if (isHttp2) speakHttp2(socket, connection);
        else speakHttp1(socket, connection);
      });
    }
  }

  const server =
    certificate === undefined
      ? createTcp({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket, null))
      : createTls(
          {
            ...certificate.current(),
            ALPNProtocols: ['h2', 'http/1.1'],
            minVersion: 'TLSv1.2',
            handshakeTimeout: options.receiveTimeoutMs,
            allowHalfOpen: true,
            noDelay: true,
          },
          (socket) => accept(socket, socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1'),
        );
  server.on('tlsClientError', ignore);
  const stopWatching = certificate?.onChange(() => {
    if (server instanceof TlsServer) server.setSecureContext({ ...certificate.current(), minVersion: 'TLSv1.2' });
  });

  const address = await new Promise<AddressInfo>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port, backlog: 1024 }, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo); // a TCP server's address is never a path
    });
  });

  return {
    port: address.port,
    async close(graceMs) {
      stopWatching?.();
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      await connections.close(graceMs);
      await closed;
      http1.close(); // ends its watch over slow headers
      http2.close();
    },
  };
}

function createHttp1Server(options: ListenerOptions, onRequest: ListenerOptions['onRequest']): Http1Server {
  const http1 = createHttp1(
    {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: options.receiveTimeoutMs,
      requestTimeout: 0, // a unary body has a time limit of its own, a stream the one in its contract
      keepAliveTimeout: options.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, options.receiveTimeoutMs),
    },
    onRequest,
  );
  http1.maxHeadersCount = 0; // Node would leave out the rest without a word; onRequest counts
  http1.on('clientError', refuseMalformed);
  http1.emit('listening'); // another server listens; this starts the watch over slow headers
  return http1;
}

function createHttp2Server(onRequest: ListenerOptions['onRequest']): Http2Server {
  const http2 = createHttp2(
    {
      maxSessionMemory: 4, // MiB of a connection's buffers
      maxHeaderListPairs: 2 * maxHeaders,
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      maxOutstandingPings: 10,
      maxSettings: 32,
      // More resets end the connection: a rapid reset (CVE-2023-44487) pays with a new handshake.
      streamResetBurst: 200,
      streamResetRate: 33,
      settings: { enablePush: false, maxConcurrentStreams: 100, maxHeaderListSize: maxHeaderBytes },
    },
    (request, response) => onRequest(request, response as unknown as EdgeResponse),
  );
  http2.on('sessionError', ignore);
  return http2;
}

/** Looks at a connection's first bytes, gives them back to it, and tells whether they begin HTTP/2. */
function sniff(socket: Socket, timeoutMs: number, found: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const giveUp = (): void => void socket.destroy();
  const onReadable = (): void => {
    const chunk: unknown = socket.read();
    if (!Buffer.isBuffer(chunk)) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.length, preface.length);
    const maybeHttp2 = seen.subarray(0, compared).equals(preface.subarray(0, compared));
    if (maybeHttp2 && compared < preface.length) return;
    socket.setTimeout(0);
    socket.off('timeout', giveUp).off('readable', onReadable).off('end', giveUp);
    socket.unshift(seen);
    found(maybeHttp2);
  };
  socket.setTimeout(timeoutMs);
  socket.on('timeout', giveUp).on('end', giveUp).on('readable', onReadable);
}

/** Answers what is no HTTP/1.1 request, or too slow or large a one. Node has no response object for it. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const [status, code, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [
          '431 Request Header Fields Too Large',
          'resource_exhausted',
          `The request headers are larger than ${maxHeaderBytes} bytes.`,
        ]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'deadline_exceeded', 'The request headers did not arrive in time.']
        : ['400 Bad Request', 'invalid_argument', 'This is no valid HTTP/1.1 request.'];
  const body = JSON.stringify({ code, message });
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function refuseHeaders(response: EdgeResponse): void {
  const body = JSON.stringify({
    code: 'resource_exhausted',
    message: `The request has more than ${maxHeaders} headers.`,
  });
  response.statusCode = 431;
  response.setHeader('content-type', 'application/json');
  response.end(body);
}

function ignore(): void {
  // A client that breaks off is no fault of ours.
}
