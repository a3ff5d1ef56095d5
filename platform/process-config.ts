import { z } from 'zod';
import { redisVariables } from './engine-config.ts';

const port = z.coerce.number().int().min(0).max(65_535);

/** What holds for the process as a whole, whichever services run in it. */
export const processConfig = z.object({
  /** The folder of the embedded database, the development CA and the shop's secret. */
  ONLY2U_DATA: z.string().default('.data'),
  /** The embedded database's port. */
  POSTGRES_PORT: port.min(1).default(54_329),
  /** Where services listen for each other; 0.0.0.0 in a container. */
  RPC_HOST: z.string().default('127.0.0.1'),
  /** The largest message that a service takes. */
  RPC_MAX_MESSAGE_BYTES: z.coerce
    .number()
    .int()
    .min(1_024)
    .default(4 * 1024 * 1024),
  /** Where /healthz, /readyz and /metrics are. The port is 8081 unless told, or the service's own + 1000 where the gateway runs elsewhere. */
  ADMIN_HOST: z.string().default('127.0.0.1'),
  ADMIN_PORT: port.optional(),
  /** Calls that the process serves at a time while it keeps up; more are told to come back later. */
  RPC_MAX_IN_FLIGHT: z.coerce.number().int().min(64).default(1_000),
  /** Where workloads have their names from: spiffe://<trust domain>/ns/<namespace>/sa/<workload>. */
  MESH_TRUST_DOMAIN: z
    .string()
    .regex(/^[a-z0-9.-]+$/, 'is no trust domain')
    .default('only2u.local'),
  MESH_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'is no namespace')
    .default('default'),
  /** Certificates from elsewhere, in PEM: the chain, its key and the authorities to trust. Without them the development CA issues some. */
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  TLS_CA_FILE: z.string().optional(),
  /**
   * The folder where each service meets its sidecar: it listens on <folder>/<workload>/app.sock and reaches its peers through mesh.sock
   * beside it, both in plain text. The sidecar holds the certificate, says who calls, and tries again. `npm run mesh:up` sets it.
   */
  MESH_SOCKETS: z.string().min(1).optional(),
  /** Who may call what, in JSON, read again whenever it changes. Without it what was compiled from the contracts holds. */
  POLICY_FILE: z.string().min(1).optional(),
  /** A table of policies in JSON: what it would refuse of the calls that are let in is counted (policy_shadow_refusals_total). */
  POLICY_SHADOW_FILE: z.string().min(1).optional(),
  /** "on" where something else encrypts what goes to other machines, such as sidecars: engines there may be spoken to in plain text. */
  ALLOW_PLAINTEXT: z.enum(['on', 'off']).default('off'),
  /** Base URL of an OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318. Without it nothing is traced. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
  /** Which part of the traces that begin here is kept, 0 to 1. */
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  // What a process tells all others goes through this Redis, whichever the services in it have.
  ...redisVariables,
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** "pretty" for people, which is what a terminal gets, "json" for machines. */
  LOG_FORMAT: z.enum(['json', 'pretty']).default(process.stdout.isTTY ? 'pretty' : 'json'),
});

export type ProcessConfig = z.infer<typeof processConfig>;

const ipv4 = String.raw`(?:localhost|\d{1,3}(?:\.\d{1,3}){3}):\d+`;
const ipv6 = String.raw`\[[\da-f:]+\]:\d+`;
const places = new RegExp(String.raw`^(?:[^,\s]+:\d+|${ipv4}(?:,${ipv4})+|${ipv6}(?:,${ipv6})+)$`);

/**
 * Where the services are: PRODUCT_PORT is where product listens in this process, PRODUCT_ADDRESS ("host:port") where it is
 * found when it runs in another.
 */
export function placesConfig(entries: readonly { readonly name: string; readonly port: number }[]) {
  return z.object(
    Object.fromEntries(
      entries.flatMap((entry): [string, z.ZodType<string | number>][] => [
        [portVariable(entry.name), port.default(entry.port)],
        [
          addressVariable(entry.name),
          z
            .string()
            .regex(places, 'is no host:port, and no list of several by number (10.0.0.1:50052,10.0.0.2:50052)')
            .default(''),
        ],
      ]),
    ),
  );
}

export function portVariable(name: string): string {
  return `${name.toUpperCase().replaceAll('-', '_')}_PORT`;
}

export function addressVariable(name: string): string {
  return `${name.toUpperCase().replaceAll('-', '_')}_ADDRESS`;
}
