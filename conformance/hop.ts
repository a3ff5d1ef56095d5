// Two real Envoys' worth of hops for the suite: client → its Envoy → mutual TLS → the server's Envoy → server, rendered as the shop's are.
import { unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '#platform/free-port.ts';
import { findEnvoy } from '../envoy/binary.ts';
import { renderEnvoy } from '../mesh/envoy/envoy.ts';
import type { MeshModel, Method } from '../mesh/model.ts';
import type { Rendered, RenderSettings } from '../mesh/render.ts';
import { openEnvoys } from '../test/planes/envoys.ts';
import { createWorld } from '../test/planes/world.ts';
import { ConformanceService } from './gen/connectrpc/conformance/v1/service_pb.ts';

const client = 'caller';
const server = 'conformance';
const source = { file: 'connectrpc/conformance/v1/service.proto', line: 0 };

/** The suite's contract with a policy: everything granted to one caller, for nobody in particular, as long as it takes. */
function createModel(): MeshModel {
  const method = (contract: string, name: string, kind: Method['kind'], essential = false): Method => ({
    path: `${contract}/${name}`,
    contract,
    name,
    servedBy: [server],
    kind,
    essential,
    everybody: false,
    policy: {
      callers: [client],
      access: 'internal',
      roles: [],
      timeoutMs: undefined,
      limits: [],
      cache: undefined,
      concurrency: 0,
      idempotency: 'none',
      attempts: 1,
      hedgeAfterMs: undefined,
    },
    source,
    sourceOf: () => source,
  });
  return {
    workloads: [
      { name: client, kind: 'client', source },
      { name: server, kind: 'service', source },
    ],
    methods: [
      ...ConformanceService.methods.map(({ name, methodKind }) =>
        method(ConformanceService.typeName, name, methodKind),
      ),
      // One that there is not: the server says so.
      method('connectrpc.conformance.v1.UnknownService', 'UnknownMethod', 'unary'),
      method('grpc.health.v1.Health', 'Check', 'unary', true),
    ],
    events: [],
  };
}

export type Hop = {
  /** Where the client's Envoy takes calls, and whom they name. */
  readonly socketPath: string;
  readonly authority: string;
  close(): Promise<void>;
};

/**
 * Opens the way to what `serve` opens on a socket. `isWatched`: it answers for its health, without which it gets no calls; the suite's own
 * server does not.
 */
export async function openHop(
  serve: (socketPath: string) => Promise<() => Promise<void>>,
  { isWatched }: { readonly isWatched: boolean },
): Promise<Hop> {
  const [port = 0] = await freePorts(1);
  const settings: RenderSettings = {
    protoRoot: 'conformance/proto',
    stubs: '',
    local: { trustDomain: 'only2u.local', namespace: 'default' },
    kubernetes: { trustDomain: 'cluster.local', namespace: 'default' },
    tokens: { issuer: 'only2u', audience: 'only2u', rolesClaim: 'roles' },
    edge: { pages: [], keys: '' },
    ingress: { namespace: '', serviceAccount: '', labels: {}, hosts: [], tlsSecret: '' },
    portOf: () => port,
  };
  const model = createModel();
  const world = await createWorld({ workloads: [client, server], roles: [], tokens: settings.tokens });
  const rendered = renderEnvoy(model, settings).map((file) => adapted(file, isWatched));
  const envoys = await openEnvoys(
    { binary: await findEnvoy(), form: 'sidecars', rendered, model, settings, world },
    serve,
  );
  await envoys.untilWell();
  return {
    socketPath: join(envoys.run, client, 'mesh.sock'),
    authority: server,
    async close() {
      await envoys.close();
      await world.close();
    },
  };
}

/** The suite's client names whom it calls by address. */
function adapted({ path, text }: Rendered, isWatched: boolean): Rendered {
  const named = text.replaceAll(`domains: [${server}]`, `domains: [${server}, 127.0.0.1]`);
  return { path, text: isWatched ? named : named.replaceAll(/^ {4}health_checks:\n(?: {6}.*\n)+/gm, '') };
}

/** Takes connections and passes their bytes on, both ways. */
export async function relay(
  from: { readonly path: string } | { readonly port: number; readonly host: string },
  to: { readonly path: string } | { readonly port: number; readonly host: string },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const listening: Server = createServer({ allowHalfOpen: true }, (incoming) => {
    const outgoing = connect({ ...to, allowHalfOpen: true });
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  if ('path' in from) await unlink(from.path).catch(() => undefined);
  await new Promise<void>((resolve) => listening.listen(from, resolve));
  const address = listening.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => listening.close(() => resolve()));
    },
  };
}
