import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { redisVariables } from '#platform/engine-config.ts';

const mebibyte = 1024 * 1024;

/** The gateway's environment variables. Each limit bounds what one client, or all together, can make the gateway hold. */
export const gatewayConfig = z.object({
  /** With REDIS_URL all gateways share rates and answers. */
  ...redisVariables,
  /** The address to listen on. */
  GATEWAY_HOST: z.string().min(1).default('127.0.0.1'),
  GATEWAY_PORT: whole(8080, 0, 65535),
  /** Files with a certificate chain and its key (PEM). With both the gateway speaks TLS; they are read again when they change. */
  GATEWAY_TLS_CERT_PATH: z.string().default(''),
  GATEWAY_TLS_KEY_PATH: z.string().default(''),
  /** Web origins that may call from a browser: "https://shop.example", "http://localhost:*" for any port, "*" for all. */
  GATEWAY_CORS_ORIGINS: list('http://localhost:*,http://127.0.0.1:*'),
  /** Addresses and networks whose X-Forwarded-For is believed, such as "10.0.0.0/8,::1". */
  GATEWAY_TRUSTED_PROXIES: list('').transform((entries, context) => {
    const proxies = new BlockList();
    for (const entry of entries) {
      if (!addNetwork(proxies, entry))
        context.addIssue({ code: 'custom', message: `"${entry}" is no address and no network such as 10.0.0.0/8` });
    }
    return proxies;
  }),
  /** The most bytes of one message. */
  GATEWAY_MAX_BODY_BYTES: whole(4 * mebibyte, 1024, 256 * mebibyte),
  /** The most bytes of request bodies held at a time, of all clients together. */
  GATEWAY_MAX_BUFFERED_BYTES: whole(64 * mebibyte, mebibyte, 4096 * mebibyte),
  GATEWAY_MAX_CONNECTIONS: whole(10_000, 1, 1_000_000),
  GATEWAY_MAX_CONNECTIONS_PER_ADDRESS: whole(1_000, 1, 1_000_000),
  /** The most calls in the mesh at a time; more are turned away with 503. */
  GATEWAY_MAX_CALLS: whole(1_024, 1, 100_000),
  /** The most streams open at a time, and calls of the rarer protocols. */
  GATEWAY_MAX_STREAMS: whole(512, 1, 100_000),
  /** How long request headers, and then a unary body, may take to arrive. */
  GATEWAY_RECEIVE_TIMEOUT_MS: whole(10_000, 100, 600_000),
  /** How long a connection may stay open without a request. */
  GATEWAY_IDLE_TIMEOUT_MS: whole(65_000, 100, 3_600_000), // outlasts the 60 s of common load balancers
  /** Memory for answers that the contract lets everybody share. 0 keeps none. */
  GATEWAY_CACHE_BYTES: whole(32 * mebibyte, 0, 16_384 * mebibyte),
  /** Whether the rate limits of the contracts hold. Off only to measure. */
  GATEWAY_RATE_LIMITS: z.enum(['on', 'off']).default('on'),
  /** The most clients whose rate is remembered. */
  GATEWAY_RATE_LIMIT_KEYS: whole(100_000, 100, 10_000_000),
  /** How long calls in flight may take to end when the gateway closes. */
  GATEWAY_DRAIN_MS: whole(3_000, 0, 600_000),
});

export type GatewayConfig = z.infer<typeof gatewayConfig>;

function whole(byDefault: number, min: number, max: number) {
  return z.coerce.number().int().min(min).max(max).default(byDefault);
}

function list(byDefault: string) {
  return z
    .string()
    .default(byDefault)
    .transform((text) =>
      text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ''),
    );
}

function addNetwork(proxies: BlockList, entry: string): boolean {
  const [address = '', prefix] = entry.split('/');
  const version = isIP(address);
  if (version === 0) return false;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (prefix === undefined) {
    proxies.addAddress(address, family);
    return true;
  }
  const bits = Number(prefix);
  if (!/^\d{1,3}$/.test(prefix) || bits > (version === 6 ? 128 : 32)) return false;
  proxies.addSubnet(address, bits, family);
  return true;
}
