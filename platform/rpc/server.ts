import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Handlers } from '../service.ts';
import { Connections } from './connections.ts';
import { forwardedCallerHeader, forwardedSpiffeId } from './forwarded-caller.ts';
import { createHealth } from './health.ts';
import type { ServerHooks } from './hooks.ts';
import { IncomingCall, type MessageLimits, refuseStream } from './incoming-call.ts';
import { createReflection } from './reflection.ts';
import {
  type BidiMethod,
  type ClientStreamMethod,
  serveBidi,
  serveClientStream,
  serveServerStream,
  type ServerStreamMethod,
} from './serve-stream.ts';
import { type Serve, serveUnary, type UnaryMethod } from './serve-unary.ts';
import { type ServerTls, spiffeIdOfPeer } from './tls.ts';

export type RpcServerOptions = {
  readonly handlers: readonly Handlers[];
  readonly hooks: ServerHooks;
  /** Resolves while the services can answer; what the health service says. Always, unless told. */
  ready?(): Promise<void>;
  /** undefined: plain text, for tests and behind a sidecar that holds the certificate. */
  readonly tls: ServerTls | undefined;
  /** Believe what a sidecar says of the caller's certificate: only for a socket that nobody else can reach. */
  readonly behindSidecar?: boolean;
  /** The largest message taken, after decompression; 4 MiB unless told, as in gRPC elsewhere. */
  readonly maxMessageBytes?: number;
  /** Answers of at least this size are gzipped for those who accept it; none unless told: inside a network it costs more than it saves. */
  readonly compressFromBytes?: number;
  /** Calls open at once on one connection; 1,000 unless told. */
  readonly maxConcurrentStreams?: number;
  /** Connections open at once; 1,000 unless told: an idle one with TLS holds some 90 KB. */
  readonly maxConnections?: number;
  /** Connections without a call are closed after this; 10 minutes unless told. */
  readonly maxConnectionIdleMs?: number;
  /** Connections are asked to move on after this, so that callers find new instances; 30 minutes unless told. */
  readonly maxConnectionAgeMs?: number;
};

export type RpcServer = {
  /** Starts to listen; port 0 picks a free one. Rejects with the system's error when the port can't be had. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /** Starts to listen on a Unix socket, whose place is free. */
  listenAt(path: string): Promise<void>;
  /** Takes no more calls, tells clients to go elsewhere, lets open calls finish for `graceMs`, then ends them. Leaves nothing open. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
};

const defaultMaxMessageBytes = 4 * 1024 * 1024;
const handshakeTimeoutMs = 10_000; // a handshake takes one or two round trips; who needs longer only holds a socket

/** What HTTP/2 may cost, whatever the other side sends. */
const http2Limits: ServerOptions = {
  maxSessionMemory: 64, // megabytes: several of the largest messages; past it new calls are refused
  maxSettings: 32,
  maxSessionInvalidFrames: 100, // no client of ours sends one
  maxSessionRejectedStreams: 100,
  streamResetBurst: 1_000, // a caller that gives up on all its calls at once, and no more (CVE-2023-44487)
  streamResetRate: 200, // a second
};
const maxHeaderBytes = 16 * 1024; // an access token is some 500 bytes
const connectionWindowBytes = 1024 * 1024; // many streams' worth, so that one that isn't read doesn't stop the others

type Route = { readonly method: DescMethod; readonly serve: Serve };

/**
 * A gRPC server for implementations of Connect's API, on Node's HTTP/2, with health and reflection. It is not grpc-js's server: that one fails the conformance
 * suite (it takes a truncated stream for a whole one, among others), can neither compress, nor set the limits above, nor say who
 * calls without parsing the certificate each time, and costs more (see bench/rpc.ts).
 */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const behindSidecar = options.behindSidecar === true;
  if (behindSidecar && options.tls !== undefined)
    throw new Error('behind a sidecar there is no TLS: it would be the sidecar’s own');
  const limits: MessageLimits = {
    maxBytes: options.maxMessageBytes ?? defaultMaxMessageBytes,
    compressFromBytes: options.compressFromBytes ?? Infinity,
  };
  const routes = new Map<string, Route>();
  const contracts = options.handlers.map(({ contract }) => contract);
  const health = createHealth({
    services: contracts.map(({ typeName }) => typeName),
    ready: async () => options.ready?.(),
  });
  const ownHandlers = [health.handlers, ...createReflection([...contracts, health.handlers.contract])];
  for (const handlers of [...options.handlers, ...ownHandlers]) addRoutes(routes, handlers, options.hooks);
  const connections = new Connections({
    idleMs: options.maxConnectionIdleMs ?? 10 * 60_000,
    ageMs: options.maxConnectionAgeMs ?? 30 * 60_000,
    graceMs: 60_000,
    keepaliveMs: 60_000, // finds a peer that vanished without a word
  });

  const { server, stopWatching } = createHttp2Server(options);
  server.maxConnections = options.maxConnections ?? 1_000;
  server.on('error', () => {}); // later than listen(): a connection that could not be taken, for want of file descriptors
  const sockets = new Set<Socket>();
  const handshaking = new Map<string, Socket>();
  // Before Node's own listener, which may have made the session of a plain connection when the next one is told.
  server.prependListener('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    sockets.add(socket);
    handshaking.set(peer, socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (handshaking.get(peer) === socket) handshaking.delete(peer);
    });
  });
  server.on('session', (session: ServerHttp2Session) => {
    const { socket } = session;
    handshaking.delete(peerOf(socket));
    const peer = socket instanceof TLSSocket ? socket : undefined;
    if (peer !== undefined && peer.getPeerX509Certificate() !== undefined && !peer.authorized) {
      session.destroy(); // only where clients without a certificate are let in: one that is shown must be good
      return;
    }
    session.setLocalWindowSize(connectionWindowBytes);
    connections.add(session, peer === undefined ? undefined : spiffeIdOfPeer(peer));
  });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    if (stream.closed) return; // reset in the packet that opened it: there is nobody to answer, and no end to be told of
    let call: IncomingCall | undefined;
    const contentType = headers['content-type'];
    stream.on('error', () => {}); // it closes, which is all there is to know
    const certified = connections.began(stream, () => call?.closed());
    const spiffeId = behindSidecar ? forwardedSpiffeId(headers[forwardedCallerHeader]) : certified;
    if (contentType !== 'application/grpc' && contentType !== 'application/grpc+proto') {
      stream.respond({ ':status': 415 }, { endStream: true });
      return;
    }
    try {
      const { method, serve } = routeOf(routes, headers);
      call = new IncomingCall(method, stream, headers, spiffeId, limits);
      serve(call);
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      refuseStream(stream, error);
    }
  });

  const close = async (graceMs: number): Promise<void> => {
    stopWatching();
    health.stop();
    const closed = new Promise<void>((resolve) => {
      if (server.listening) server.close(() => resolve());
      else resolve();
    });
    connections.retire();
    for (const socket of handshaking.values()) socket.destroy();
    const force = setTimeout(() => {
      connections.destroy();
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    await closed; // when the last connection has ended
    clearTimeout(force);
    connections.destroy();
  };
  let closing: Promise<void> | undefined;

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          const address = server.address();
          if (address === null || typeof address === 'string') throw new Error('a TCP server has an address');
          resolve({ port: address.port });
        });
      }),
    listenAt: (path) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(path, () => {
          server.off('error', reject);
          resolve();
        });
      }),
    close: ({ graceMs = 0 } = {}) => (closing ??= close(graceMs)),
  };
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}

function createHttp2Server(options: RpcServerOptions): {
  readonly server: Http2Server | Http2SecureServer;
  stopWatching(): void;
} {
  const settings = {
    maxConcurrentStreams: options.maxConcurrentStreams ?? 1_000,
    maxHeaderListSize: maxHeaderBytes,
    enablePush: false,
  };
  const { tls } = options;
  if (tls === undefined) return { server: createServer({ ...http2Limits, settings }), stopWatching: () => {} };
  const secureContext = () => ({ ...tls.source.current(), minVersion: 'TLSv1.2' as const });
  const server = createSecureServer({
    ...http2Limits,
    settings,
    ...secureContext(),
    requestCert: true,
    rejectUnauthorized: tls.allowAnonymous !== true,
    ALPNProtocols: ['h2'],
    handshakeTimeout: handshakeTimeoutMs,
  });
  server.on('unknownProtocol', (socket: TLSSocket) => socket.destroy());
  server.on('tlsClientError', () => {}); // the other side's mistake; it has its alert
  return { server, stopWatching: tls.source.onChange(() => server.setSecureContext(secureContext())) };
}

function routeOf(routes: ReadonlyMap<string, Route>, headers: IncomingHttpHeaders): Route {
  const { ':method': verb, ':path': path = '', 'grpc-encoding': encoding } = headers;
  if (verb !== 'POST') throw new ConnectError('a call is a POST', Code.Unimplemented);
  if (encoding !== undefined && encoding !== 'identity' && encoding !== 'gzip') {
    throw new ConnectError('messages may be compressed by gzip alone', Code.Unimplemented);
  }
  const route = routes.get(path);
  if (route === undefined) throw new ConnectError(`there is no method ${path}`, Code.Unimplemented);
  return route;
}

function addRoutes(routes: Map<string, Route>, { contract, implementation }: Handlers, hooks: ServerHooks): void {
  for (const method of contract.methods) {
    const found: unknown = implementation[method.localName];
    const run: unknown = typeof found === 'function' ? found.bind(implementation) : unimplemented(method);
    routes.set(`/${contract.typeName}/${method.name}`, { method, serve: serveMethod(method, run, hooks) });
  }
}

function serveMethod(method: DescMethod, run: unknown, hooks: ServerHooks): Serve {
  switch (method.methodKind) {
    case 'unary':
      return serveUnary(method, run as UnaryMethod, hooks);
    case 'client_streaming':
      return serveClientStream(method, run as ClientStreamMethod, hooks);
    case 'server_streaming':
      return serveServerStream(method, run as ServerStreamMethod, hooks);
    case 'bidi_streaming':
      return serveBidi(method, run as BidiMethod, hooks);
  }
}

function unimplemented(method: DescMethod): () => never {
  return () => {
    throw new ConnectError(`${method.parent.typeName}.${method.name} is not implemented`, Code.Unimplemented);
  };
}
