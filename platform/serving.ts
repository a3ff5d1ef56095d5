import type { Close } from './closing.ts';
import type { Dialing } from './dialing.ts';
import { unlessPort } from './port-taken.ts';
import { createRpcServer, type RpcServerOptions } from './rpc/server.ts';
import type { Settings } from './settings.ts';
import { clearSocket, socketsOf } from './unix-socket.ts';

export type ServingOptions = {
  readonly settings: Settings;
  readonly dialing: Pick<Dialing, 'identityOf'>;
  /** Where services of this process are: each that serves is added. */
  readonly addresses: Map<string, string>;
  /** How each server is closed is added. */
  readonly closing: Close[];
};

export type Serve = (name: string, service: Pick<RpcServerOptions, 'handlers' | 'hooks' | 'ready'>) => Promise<void>;

const graceMs = 1_500; // for calls that are open; the gateway has waited for its own before

/** Opens the servers of a process's services: with mutual TLS on a port, or behind a sidecar on a socket. */
export function serving({ settings, dialing, addresses, closing }: ServingOptions): Serve {
  const { MESH_SOCKETS: sockets, RPC_MAX_MESSAGE_BYTES: maxMessageBytes, RPC_HOST: host } = settings.process;
  return async (name, service) => {
    if (sockets !== undefined) {
      const server = createRpcServer({ ...service, tls: undefined, behindSidecar: true, maxMessageBytes });
      closing.push(() => server.close({ graceMs }));
      const { app } = socketsOf(sockets, name);
      await clearSocket(app);
      await server.listenAt(app);
      addresses.set(name, `unix:${app}`);
      return;
    }
    const { tls: source } = await dialing.identityOf(name);
    const server = createRpcServer({ ...service, tls: { source }, maxMessageBytes });
    closing.push(() => server.close({ graceMs }));
    const { port } = await server.listen(host, settings.portOf(name)).catch(unlessPort(name));
    addresses.set(name, `127.0.0.1:${port}`);
  };
}
