import { type Client, type Code, createClient, type ServiceImpl } from '@connectrpc/connect';
import { ConformanceService } from '../../conformance/gen/connectrpc/conformance/v1/service_pb.ts';
import { createRoot, issueCertificate } from '../identity/certificate.ts';
import { localMesh, spiffeIdOf } from '../identity/spiffe.ts';
import { admitAll } from './admit-all.ts';
import type { Arrival, ServerHooks } from '../rpc/hooks.ts';
import { createRpcServer, type RpcServer, type RpcServerOptions } from '../rpc/server.ts';
import type { TlsMaterial, TlsSource } from '../rpc/tls.ts';
import { createRpcTransport, type RpcTransport, type RpcTransportOptions } from '../rpc/transport.ts';
import type { Handlers } from '../service.ts';

/** The contract that the adapter's own tests speak: the conformance suite's, which has every kind of method. */
export { ConformanceService as EchoService };

/** How a call ended, as the hooks were told. */
export type Ended = { readonly code: Code | 0; readonly error: unknown; readonly arrival: Arrival };

/** A server and a client of it, over a socket of this machine. */
export type TestRpc = {
  readonly client: Client<typeof ConformanceService>;
  readonly transport: RpcTransport;
  readonly server: RpcServer;
  readonly port: number;
  /** The next call that ends, or one that has ended and wasn't asked for yet. */
  nextEnd(): Promise<Ended>;
  close(): Promise<void>;
};

/** Opens a server for some methods of the echo contract, with hooks that admit everybody and remember the ends. */
export async function openTestRpc(options: {
  readonly implementation: Partial<ServiceImpl<typeof ConformanceService>>;
  readonly hooks?: Partial<ServerHooks>;
  readonly server?: Partial<RpcServerOptions>;
  readonly transport?: Partial<RpcTransportOptions>;
}): Promise<TestRpc> {
  const ends: Ended[] = [];
  const waiting: ((ended: Ended) => void)[] = [];
  const hooks: ServerHooks = {
    admit: admitAll,
    check: () => {},
    ended(arrival, _call, code, error) {
      const next = waiting.shift();
      if (next === undefined) ends.push({ arrival, code, error });
      else next({ arrival, code, error });
    },
    ...options.hooks,
  };
  const implementation = options.implementation as object as Handlers['implementation'];
  const server = createRpcServer({
    handlers: [{ contract: ConformanceService, implementation }],
    hooks,
    tls: undefined,
    ...options.server,
  });
  const { port } = await server.listen('127.0.0.1', 0);
  const transport = createRpcTransport({ address: `127.0.0.1:${port}`, tls: undefined, ...options.transport });
  return {
    client: createClient(ConformanceService, transport),
    transport,
    server,
    port,
    nextEnd: () => {
      const ended = ends.shift();
      return ended === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ended);
    },
    async close() {
      transport.close();
      await server.close();
    },
  };
}

/** A certificate authority that lives in memory. */
export function createTestAuthority(name = 'test'): {
  /** A new certificate of a workload. */
  issue(workload: string): Promise<TlsMaterial>;
  /** A source that always gives the same. */
  source(workload: string): Promise<TlsSource>;
} {
  const notBefore = new Date(Date.now() - 60_000);
  const notAfter = new Date(Date.now() + 3_600_000);
  const root = createRoot({ name, notBefore, notAfter });
  const issue = async (workload: string): Promise<TlsMaterial> => {
    const issuer = await root;
    const leaf = await issueCertificate({
      issuer,
      name: workload,
      spiffeId: spiffeIdOf(localMesh, workload),
      hosts: ['localhost', '127.0.0.1'],
      notBefore,
      notAfter,
    });
    return { ca: issuer.cert, ...leaf };
  };
  const sources = new Map<string, Promise<TlsMaterial>>(); // a certificate takes a third of a second
  return {
    issue,
    async source(workload) {
      let pending = sources.get(workload);
      if (pending === undefined) sources.set(workload, (pending = issue(workload)));
      const material = await pending;
      return { current: () => material, onChange: () => () => {} };
    },
  };
}
