import type { DescService } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import type { Logger } from 'pino';
import type { CertificateFiles } from './identity/certificate-files.ts';
import { openIdentity } from './identity/identity.ts';
import type { Identity } from './identity/material.ts';
import { type Mesh, spiffeIdOf } from './identity/spiffe.ts';
import { createClientHooks } from './rpc/outgoing.ts';
import type { ClientFor } from './rpc/client-for.ts';
import { serviceConfigOf, workloadsServing } from './rpc/policy.ts';
import { createRpcTransport, type RpcTransport, type RpcTransportOptions } from './rpc/transport.ts';
import { StartError } from './start-error.ts';
import type { RpcMetrics } from './telemetry/metrics.ts';
import type { Tracing } from './telemetry/tracing.ts';
import { socketsOf } from './unix-socket.ts';

export type DialingOptions = {
  readonly mesh: Mesh;
  /** Where the development CA lies. */
  readonly dataDir: string;
  /** Certificates from elsewhere, for the one workload that they name. */
  readonly files?: CertificateFiles | undefined;
  /** The folder of sockets, where sidecars hold the certificates of the workloads here and reach the others for them. */
  readonly sockets?: string | undefined;
  /** "host:port" of a workload, where the host may have several addresses, or several of them by number with commas between. */
  readonly addressOf: (workload: string) => string;
  readonly metrics: RpcMetrics;
  readonly tracing: Tracing | undefined;
  readonly log: Logger;
  readonly now: () => Date;
};

/** How the workloads of this process, or a command, reach the others: each under its own certificate. */
export type Dialing = {
  /** The certificate of a workload that runs here. */
  identityOf(workload: string): Promise<Identity>;
  /** Clients and transports for calls that `caller` makes; its identity must have been asked for. One connection to each peer. */
  as<W extends string>(
    caller: W,
  ): {
    /** What several workloads serve needs the name of the one that is meant. */
    dial<S extends DescService>(contract: S, workload?: string): ClientFor<W, S>;
    transport(contract: DescService): RpcTransport;
  };
  close(): void;
};

function onlyOneServing(contract: DescService): string {
  const [workload, ...others] = workloadsServing(contract);
  if (workload === undefined) throw new Error(`no workload serves ${contract.typeName}`);
  if (others.length > 0) throw new Error(`several workloads serve ${contract.typeName}: name the one that is meant`);
  return workload;
}

// gRPC asks all addresses of a name in turn (round robin, by the service config), and of a list if it is one of numbers.
function targetOf(address: string): string {
  const places = address.split(',');
  if (places.length === 1) return address;
  const numbers = places.map((place) => place.replace(/^localhost:/, '127.0.0.1:'));
  return `${address.startsWith('[') ? 'ipv6' : 'ipv4'}:${numbers.join(',')}`;
}

function whenCalled(reach: () => Transport): Transport {
  return {
    unary: (...call) => reach().unary(...call),
    stream: (...call) => reach().stream(...call),
  };
}

export function createDialing(options: DialingOptions): Dialing {
  const { mesh, dataDir, files, sockets, addressOf, metrics, tracing, log, now } = options;
  const opening = new Map<string, Promise<Identity>>();
  const identities = new Map<string, Identity>();
  const transports = new Map<string, RpcTransport>();

  function transport(caller: string, contract: DescService, workload = onlyOneServing(contract)): RpcTransport {
    const key = `${caller} ${workload}`;
    const known = transports.get(key);
    if (known !== undefined) return known;
    const hooks = createClientHooks({ workload: caller, metrics, tracing });
    const made = createRpcTransport({ ...reach(caller, workload), hooks });
    transports.set(key, made);
    return made;
  }

  function reach(caller: string, workload: string): RpcTransportOptions {
    const identity = identities.get(caller);
    if (identity === undefined) {
      if (sockets === undefined) throw new Error(`${caller} has no identity in this process`);
      // No service config: the sidecar tries again, and two who do would multiply.
      return { address: `unix:${socketsOf(sockets, caller).mesh}`, authority: workload, tls: undefined };
    }
    return {
      address: targetOf(addressOf(workload)),
      tls: { source: identity.tls, serverSpiffeId: spiffeIdOf(mesh, workload) },
      serviceConfig: serviceConfigOf(workload),
    };
  }

  async function open(workload: string): Promise<Identity> {
    const identity = await openIdentity({ dataDir, mesh, workload, now, log, files }).catch((cause: unknown) => {
      throw new StartError(cause instanceof Error ? cause.message : String(cause), { cause });
    });
    identities.set(workload, identity);
    return identity;
  }

  return {
    identityOf(workload) {
      const known = opening.get(workload) ?? open(workload);
      opening.set(workload, known);
      return known;
    },
    as: <W extends string>(caller: W) => ({
      // A service dials while it opens, when it is not known yet where those are that open beside it.
      dial: <S extends DescService>(contract: S, workload?: string) =>
        createClient(
          contract,
          whenCalled(() => transport(caller, contract, workload)),
        ) as unknown as ClientFor<W, S>, // the transport refuses at run time what the type lacks
      transport: (contract) => transport(caller, contract),
    }),
    close() {
      for (const made of transports.values()) made.close();
      for (const identity of identities.values()) identity.close();
    },
  };
}
