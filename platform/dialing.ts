import type { DescService } from '@bufbuild/protobuf';
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import type { Logger } from 'pino';
import { contracts } from '#gen/contracts.ts';
import type { CertificateFiles } from './identity/certificate-files.ts';
import { openIdentity } from './identity/identity.ts';
import type { Identity } from './identity/material.ts';
import { type Mesh, spiffeIdOf } from './identity/spiffe.ts';
import { createClientHooks } from './rpc/outgoing.ts';
import { isServedBy, serviceConfigOf, workloadServing } from './rpc/policy.ts';
import { createRpcTransport, type RpcTransport } from './rpc/transport.ts';
import { StartError } from './start-error.ts';
import type { RpcMetrics } from './telemetry/metrics.ts';
import type { Tracing } from './telemetry/tracing.ts';

export type DialingOptions = {
  readonly mesh: Mesh;
  /** Where the development CA lies. */
  readonly dataDir: string;
  /** Certificates from elsewhere, for the one workload that they name. */
  readonly files?: CertificateFiles | undefined;
  /** "host:port" of a workload. */
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
  as(caller: string): {
    /** What every workload serves needs the name of the one that is meant. */
    dial<S extends DescService>(contract: S, workload?: string): Client<S>;
    transport(contract: DescService): RpcTransport;
  };
  close(): void;
};

function whenCalled(reach: () => Transport): Transport {
  return {
    unary: (...call) => reach().unary(...call),
    stream: (...call) => reach().stream(...call),
  };
}

export function createDialing(options: DialingOptions): Dialing {
  const { mesh, dataDir, files, addressOf, metrics, tracing, log, now } = options;
  const opening = new Map<string, Promise<Identity>>();
  const identities = new Map<string, Identity>();
  const transports = new Map<string, RpcTransport>();

  function transport(caller: string, contract: DescService, workload = workloadServing(contract)): RpcTransport {
    if (workload === '*') throw new Error(`every workload serves ${contract.typeName}: name the one that is meant`);
    const key = `${caller} ${workload}`;
    const known = transports.get(key);
    if (known !== undefined) return known;
    const identity = identities.get(caller);
    if (identity === undefined) throw new Error(`${caller} has no identity in this process`);
    const made = createRpcTransport({
      address: addressOf(workload),
      tls: { source: identity.tls, serverSpiffeId: spiffeIdOf(mesh, workload) },
      hooks: createClientHooks({ workload: caller, metrics, tracing }),
      serviceConfig: serviceConfigOf(contracts.filter((served) => isServedBy(served, workload))),
    });
    transports.set(key, made);
    return made;
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
    as: (caller) => ({
      // A service dials while it opens, when it is not known yet where those are that open beside it.
      dial: (contract, workload) =>
        createClient(
          contract,
          whenCalled(() => transport(caller, contract, workload)),
        ),
      transport: (contract) => transport(caller, contract),
    }),
    close() {
      for (const made of transports.values()) made.close();
      for (const identity of identities.values()) identity.close();
    },
  };
}
