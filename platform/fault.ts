/** Why a call is refused. Each kind is one gRPC status code (see rpc/status.ts). */
export type FaultKind =
  | 'invalid-argument'
  | 'unauthenticated'
  | 'permission-denied'
  | 'not-found'
  | 'already-exists'
  | 'failed-precondition'
  | 'aborted'
  | 'out-of-range'
  | 'resource-exhausted'
  | 'unavailable'
  | 'deadline-exceeded'
  | 'canceled'
  | 'unimplemented';

/** One field of the request that is not acceptable, named in the contract's terms, such as "product.variants[2].price". */
export type FieldViolation = { readonly field: string; readonly description: string; readonly reason?: string };

export type FaultDetails = {
  /** Every value that the message mentions, for programs to read. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly FieldViolation[];
  /** When it makes sense to try again. */
  readonly retryAfterMs?: number;
  /** Kept for the log, never sent. */
  readonly cause?: unknown;
};

/**
 * A refusal that the caller may read: what is wrong and what to do. The domain throws it; the platform turns it into a
 * status with `google.rpc.ErrorInfo`. Anything else that is thrown is a bug, and reaches the caller as Internal without its text.
 */
export class Fault extends Error {
  readonly kind: FaultKind;
  /** UPPER_SNAKE_CASE, stable: programs decide by it. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  constructor(kind: FaultKind, reason: string, message: string, details: FaultDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'Fault';
    this.kind = kind;
    this.reason = reason;
    this.metadata = details.metadata ?? {};
    this.fields = details.fields ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Refuses a request for one of its fields. */
export function invalidField(field: string, reason: string, description: string): Fault {
  return new Fault('invalid-argument', reason, `${field}: ${description}`, {
    metadata: { field },
    fields: [{ field, description, reason }],
  });
}

/** Refuses a request_id that came before with another request. */
export function requestIdReused(requestId: string): Fault {
  const text = `The request_id ${requestId} came before with another request; make a new one.`;
  return new Fault('already-exists', 'REQUEST_ID_REUSED', text, { metadata: { request_id: requestId } });
}
