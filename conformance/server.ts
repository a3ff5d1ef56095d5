// The server under test, as connectconformance starts it: reads what to serve, serves it until it is told to end.
import { create } from '@bufbuild/protobuf';
import { createRpcServer, type RpcServer } from '#platform/rpc/server.ts';
import type { ServerHooks } from '#platform/rpc/hooks.ts';
import { admitAll } from '#platform/testing/admit-all.ts';
import type { Handlers } from '#platform/service.ts';
import { delimited, readDelimited } from './delimited.ts';
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from './gen/connectrpc/conformance/v1/server_compat_pb.ts';
import { ConformanceService } from './gen/connectrpc/conformance/v1/service_pb.ts';
import { openHop, relay } from './hop.ts';
import { conformanceService } from './service.ts';

const hooks: ServerHooks = {
  admit: admitAll,
  check: () => {},
  ended: () => {},
};

type Listening = { readonly port: number; close(): Promise<void> };

async function listen(server: RpcServer): Promise<Listening> {
  const { port } = await server.listen('127.0.0.1', 0);
  return { port, close: () => server.close({ graceMs: 0 }) };
}

/** The port is the client's Envoy's, whose socket the suite's client can't reach. */
async function listenBehindEnvoys(server: RpcServer): Promise<Listening> {
  const serve = async (path: string) => {
    await server.listenAt(path);
    return () => server.close({ graceMs: 0 });
  };
  const hop = await openHop(serve, { isWatched: true });
  const door = await relay({ host: '127.0.0.1', port: 0 }, { path: hop.socketPath });
  return {
    port: door.port,
    async close() {
      await door.close();
      await hop.close();
    },
  };
}

const viaEnvoys = process.argv.includes('--envoy');

// `Unimplemented` is missing on purpose: the server has to answer for it.
const implementation = conformanceService as object as Handlers['implementation'];

for await (const request of readDelimited(ServerCompatRequestSchema, process.stdin)) {
  const creds = request.useTls ? request.serverCreds : undefined;
  const cert = Buffer.from(creds?.cert ?? []).toString();
  const clientCert = Buffer.from(request.clientTlsCert).toString();
  const material = { ca: clientCert === '' ? cert : clientCert, cert, key: Buffer.from(creds?.key ?? []).toString() };
  const server = createRpcServer({
    handlers: [{ contract: ConformanceService, implementation }],
    hooks,
    tls:
      creds === undefined
        ? undefined
        : { source: { current: () => material, onChange: () => () => {} }, allowAnonymous: clientCert === '' },
    compressFromBytes: 1,
    ...(request.messageReceiveLimit === 0 ? {} : { maxMessageBytes: request.messageReceiveLimit }),
  });
  const { port, close } = viaEnvoys ? await listenBehindEnvoys(server) : await listen(server);
  const response = create(ServerCompatResponseSchema, { host: '127.0.0.1', port, pemCert: Buffer.from(cert) });
  process.stdout.write(delimited(ServerCompatResponseSchema, response));
  process.once('SIGTERM', () => void close().then(() => process.exit(0)));
}
