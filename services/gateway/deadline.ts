import { invalidField } from '#platform/fault.ts';
import type { EdgeRequest } from './listener.ts';

const grpcUnits: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };

/**
 * When a call has to be over, in Unix milliseconds: the client's own limit (Connect-Timeout-Ms, grpc-timeout), or the
 * contract's when that is earlier.
 */
export function deadlineOf(
  { headers }: EdgeRequest,
  protocol: string,
  timeoutMs: number | undefined,
  nowMs: number,
): number | undefined {
  const wanted = protocol.startsWith('grpc')
    ? grpcTimeout(headers['grpc-timeout'])
    : connectTimeout(headers['connect-timeout-ms']);
  if (wanted === undefined) return timeoutMs === undefined ? undefined : nowMs + timeoutMs;
  return nowMs + (timeoutMs === undefined ? wanted : Math.min(wanted, timeoutMs));
}

function connectTimeout(value: string | string[] | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\d{1,10}$/.test(value)) {
    throw invalidField('connect-timeout-ms', 'MALFORMED_TIMEOUT', 'has to be milliseconds, up to 10 digits.');
  }
  return Number(value);
}

function grpcTimeout(value: string | string[] | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, digits, unit] = (typeof value === 'string' && /^(\d{1,8})([HMSmun])$/.exec(value)) || [];
  if (digits === undefined || unit === undefined) {
    throw invalidField('grpc-timeout', 'MALFORMED_TIMEOUT', 'has to be up to 8 digits and a unit: H, M, S, m, u or n.');
  }
  return Number(digits) * (grpcUnits[unit] ?? 1);
}
