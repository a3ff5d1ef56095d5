import type { Method } from '../model.ts';
import { servedBy } from '../model.ts';
import { retrying } from '../read-policy.ts';
import type { Renderer } from '../render.ts';

/**
 * The plane of the client libraries: a gRPC service config for each workload that is called, which clients in every language load
 * (https://grpc.io/docs/guides/service-config/). What is in none of the lists is neither tried again nor hedged. While every tenth call
 * fails, nothing is tried again: it would only add to the load.
 */
export const renderGrpcConfig: Renderer = (model) =>
  model.workloads
    .filter(({ kind }) => kind === 'service')
    .map(({ name }) => ({
      path: `grpc/${name}.json`,
      text: json({
        loadBalancingConfig: [{ round_robin: {} }],
        methodConfig: [...Map.groupBy(servedBy(model, name).filter(saysAnything), keyOf).values()].map(methodConfig),
        retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
      }),
    }));

function saysAnything({ policy: { timeoutMs, attempts, hedgeAfterMs } }: Method): boolean {
  return timeoutMs !== undefined || attempts > 1 || hedgeAfterMs !== undefined;
}

/** Methods with the same rules stand together. */
function keyOf({ policy: { timeoutMs, attempts, hedgeAfterMs } }: Method): string {
  return `${timeoutMs} ${attempts} ${hedgeAfterMs}`;
}

function methodConfig(methods: readonly Method[]): object {
  const [first] = methods;
  if (first === undefined) return {};
  const { timeoutMs, attempts, hedgeAfterMs } = first.policy;
  return {
    name: methods.map(({ contract, name }) => ({ service: contract, method: name })),
    ...(timeoutMs !== undefined && { timeout: duration(timeoutMs) }),
    ...(attempts > 1 && {
      retryPolicy: {
        maxAttempts: attempts,
        initialBackoff: duration(retrying.initialBackoffMs),
        maxBackoff: duration(retrying.maxBackoffMs),
        backoffMultiplier: retrying.backoffMultiplier,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    }),
    ...(hedgeAfterMs !== undefined && {
      hedgingPolicy: { maxAttempts: 2, hedgingDelay: duration(hedgeAfterMs), nonFatalStatusCodes: ['UNAVAILABLE'] },
    }),
  };
}

/** With a line a method. */
function json(config: object): string {
  const text = JSON.stringify(config, null, 2);
  return `${text.replaceAll(/\{\s+("service": "[^"]+"),\s+("method": "[^"]+")\s+\}/g, '{ $1, $2 }')}\n`;
}

/** With nine digits, as protobuf's JSON may write it: grpc-js 1.14 reads "0.5s" as 5 nanoseconds. */
function duration(ms: number): string {
  const nanos = Math.round((ms % 1_000) * 1_000_000);
  const seconds = Math.floor(ms / 1_000);
  return nanos === 0 ? `${seconds}s` : `${seconds}.${String(nanos).padStart(9, '0')}s`;
}
