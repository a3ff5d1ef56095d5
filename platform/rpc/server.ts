import type { DescMethod } from '@bufbuild/protobuf';
import type { AddressInfo, Socket } from 'node:net';
import { Code, ConnectError } from '@connectrpc/connect';
import { Server, ServerCredentials, type MethodDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Handlers } from '../service.ts';
import type { ServerHooks } from './hooks.ts';
import {
  type BidiMethod,
  type ClientStreamMethod,
  serveBidi,
  serveClientStream,
  serveServerStream,
  type ServerStreamMethod,
} from './serve-stream.ts';
import { serveUnary, type UnaryMethod } from './serve-unary.ts';
import { createListener, type ServerTls } from './tls.ts';
import type { Peers } from './peers.ts';

export type RpcServerOptions = {
  readonly handlers: readonly Handlers[];
  readonly hooks: ServerHooks;
  /** undefined: plain text, for tests and behind a sidecar that holds the certificate. */
  readonly tls: ServerTls | undefined;
  /** The largest message taken, after decompression; 4 MiB unless told, as in gRPC elsewhere. */
  readonly maxMessageBytes?: number;
  /** Calls open at once on one connection; 1,000 unless told. */
  readonly maxConcurrentStreams?: number;
  /** Connections open at once; 1,000 unless told: an idle one holds some 50 KB. */
  readonly maxConnections?: number;
  /** Connections without a call are closed after this; 10 minutes unless told. */
  readonly maxConnectionIdleMs?: number;
  /** Connections are asked to move on after this, so that callers find new instances; 30 minutes unless told. */
  readonly maxConnectionAgeMs?: number;
};

export type RpcServer = {
  /** Starts to listen; port 0 picks a free one. Rejects with the system's error when the port can't be had. */
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  /**
   * Takes no more calls, tells clients to go elsewhere, lets open calls finish for `graceMs`, then ends them. Nothing is left open.
   */
  close(options?: { readonly graceMs?: number }): Promise<void>;
};

const defaultMaxMessageBytes = 4 * 1024 * 1024;
const keepaliveMs = 60_000; // finds a peer that vanished without a word well before the idle limit
const keepaliveTimeoutMs = 20_000;

/** A gRPC server on grpc-js for implementations of Connect's API. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const maxMessageBytes = options.maxMessageBytes ?? defaultMaxMessageBytes;
  const maxConnectionAgeMs = options.maxConnectionAgeMs ?? 30 * 60_000;
  const grpc = new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1, // the client's limit decides
    'grpc.max_concurrent_streams': options.maxConcurrentStreams ?? 1_000,
    'grpc.max_connection_idle_ms': options.maxConnectionIdleMs ?? 10 * 60_000,
    'grpc.max_connection_age_ms': maxConnectionAgeMs,
    'grpc.max_connection_age_grace_ms': 60_000,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc.enable_channelz': 0,
  });
  const peers = new Map<string, string | undefined>();
  for (const handlers of options.handlers) register(grpc, handlers, options.hooks, peers);

  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const { server, stopWatching } = createListener({
    tls: options.tls,
    maxConnections: options.maxConnections ?? 1_000,
    accept(socket, spiffeId) {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      peers.set(peer, spiffeId);
      socket.once('close', () => peers.delete(peer));
      injector.injectConnection(socket);
    },
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });

  let closing: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    stopWatching();
    const stopped = new Promise<void>((resolve) => {
      if (server.listening) server.close(() => resolve());
      else resolve();
    });
    injector.drain(graceMs);
    const forced = setTimeout(() => {
      grpc.forceShutdown();
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    await stopped; // when the last socket is gone
    clearTimeout(forced);
    injector.destroy();
    grpc.forceShutdown();
  };

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.removeListener('error', reject);
          resolve({ port: (server.address() as AddressInfo).port });
        });
      }),
    close: ({ graceMs = 0 } = {}) => (closing ??= close(graceMs)),
  };
}

function register(grpc: Server, { contract, implementation }: Handlers, hooks: ServerHooks, peers: Peers): void {
  const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
  const functions: UntypedServiceImplementation = {};
  for (const method of contract.methods) {
    const found: unknown = implementation[method.localName];
    const run: unknown = typeof found === 'function' ? found.bind(implementation) : unimplemented(method);
    definition[method.localName] = {
      path: `/${contract.typeName}/${method.name}`,
      requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
      responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
      requestSerialize: keep,
      requestDeserialize: keep,
      responseSerialize: keep,
      responseDeserialize: keep,
    };
    switch (method.methodKind) {
      case 'unary':
        functions[method.localName] = serveUnary(method, run as UnaryMethod, hooks, peers);
        break;
      case 'client_streaming':
        functions[method.localName] = serveClientStream(method, run as ClientStreamMethod, hooks, peers);
        break;
      case 'server_streaming':
        functions[method.localName] = serveServerStream(method, run as ServerStreamMethod, hooks, peers);
        break;
      case 'bidi_streaming':
        functions[method.localName] = serveBidi(method, run as BidiMethod, hooks, peers);
        break;
    }
  }
  grpc.addService(definition, functions);
}

function unimplemented(method: DescMethod): () => never {
  return () => {
    throw new ConnectError(`${method.parent.typeName}.${method.name} is not implemented`, Code.Unimplemented);
  };
}

function keep(bytes: Buffer): Buffer {
  return bytes;
}
