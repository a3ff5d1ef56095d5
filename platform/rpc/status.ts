import { create, type DescMessage, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '#gen/google/rpc/error_details_pb.ts';
import { type Status, StatusSchema } from '#gen/google/rpc/status_pb.ts';
import { Fault, type FaultKind } from '../fault.ts';

/** The `domain` of every ErrorInfo that this project sends. */
export const errorDomain = 'only2u';

const codes: Readonly<Record<FaultKind, Code>> = {
  'invalid-argument': Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  'permission-denied': Code.PermissionDenied,
  'not-found': Code.NotFound,
  'already-exists': Code.AlreadyExists,
  'failed-precondition': Code.FailedPrecondition,
  aborted: Code.Aborted,
  'out-of-range': Code.OutOfRange,
  'resource-exhausted': Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  'deadline-exceeded': Code.DeadlineExceeded,
  canceled: Code.Canceled,
  unimplemented: Code.Unimplemented,
};

/** What an upstream failure may tell our own caller: only that trying again, or waiting longer, may help. */
const passing = new Map<Code, string>([
  [Code.Unavailable, 'a service that this call needs is unavailable; try again'],
  [Code.DeadlineExceeded, 'the deadline passed while waiting for another service'],
  [Code.Canceled, 'the call was canceled'],
  // Not as Unavailable, which the mesh repeats at once: a service that turns calls away needs fewer.
  [Code.ResourceExhausted, 'a service that this call needs has more calls than it can answer; wait, then try again'],
]);

const retryUnlessToldMs = 1_000; // about what a process that is started anew takes to listen

const maxFieldViolations = 50; // what a person reads; more only risks the peers' limit on trailers, 8 KiB in many
const maxMessageLength = 2_000; // the same limit

const upstream = new WeakSet<ConnectError>();

/** Marks an error as another service's, so that it can't leave this one as its own. The transport does this. */
export function markUpstream(error: ConnectError): ConnectError {
  upstream.add(error);
  return error;
}

/** Whether an error came from a call to another service. */
export function isUpstream(error: unknown): boolean {
  return error instanceof ConnectError && (upstream.has(error) || error.isWireError);
}

/**
 * What the caller is told of a thrown value. A `Fault` becomes its code with ErrorInfo, BadRequest and RetryInfo; a ConnectError made
 * here passes as it is; an upstream service's error passes as Unavailable, DeadlineExceeded, Canceled or ResourceExhausted
 * without its text but with its RetryInfo, as Unavailable with CONCURRENT_CHANGE where it was Aborted, or becomes Internal; anything else is Internal with
 * nothing of it said. Whatever is Unavailable says when to try again. The thrown value is kept as `cause`, for the log.
 *
 * A gateway, whose callers are to read upstream errors, sends those on instead of asking this function.
 */
export function toConnectError(thrown: unknown): ConnectError {
  if (thrown instanceof Fault) return faultError(thrown);
  if (thrown instanceof ConnectError) {
    if (!isUpstream(thrown)) return thrown;
    if (thrown.code === Code.Aborted) return faultError(raceLost(thrown));
    const text = passing.get(thrown.code);
    if (text !== undefined) return new ConnectError(text, thrown.code, undefined, retryHint(thrown), thrown);
  }
  return new ConnectError('internal error', Code.Internal, undefined, undefined, thrown);
}

/** The RetryInfo of an upstream error as a detail to send; one of our own where a peer that isn't there could say none; [] for what no waiting helps. */
export function retryHint(error: ConnectError): OutgoingDetail[] {
  const [told] = error.findDetails(RetryInfoSchema);
  if (told !== undefined) return [detail(RetryInfoSchema, told)];
  return error.code === Code.Unavailable ? [retryInfo(retryUnlessToldMs)] : [];
}

// Not Aborted here: it was no etag of our caller's that was out of date, and the same call again is all that is needed.
const raceLost = (cause: ConnectError): Fault =>
  new Fault('unavailable', 'CONCURRENT_CHANGE', 'Others changed the same data at the same time; try again.', {
    retryAfterMs: 100,
    cause,
  });

/** The reason and values of an error that another service sent, or undefined when it names none of this project's. */
export function errorInfo(
  error: unknown,
): { readonly reason: string; readonly metadata: Readonly<Record<string, string>> } | undefined {
  if (!(error instanceof ConnectError)) return undefined;
  return error.findDetails(ErrorInfoSchema).find((info) => info.domain === errorDomain);
}

/** The `google.rpc.Status` of an error, as `grpc-status-details-bin` carries it; undefined when there is no detail to send. */
export function statusDetails(error: ConnectError): Status | undefined {
  if (error.details.length === 0) return undefined;
  return create(StatusSchema, {
    code: error.code,
    message: error.rawMessage,
    details: error.details.map((detail) =>
      'desc' in detail
        ? anyPack(detail.desc, create(detail.desc, detail.value))
        : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
    ),
  });
}

function faultError(fault: Fault): ConnectError {
  const info = { reason: fault.reason, domain: errorDomain, metadata: { ...fault.metadata } };
  const details = [detail(ErrorInfoSchema, info)];
  if (fault.fields.length > 0) {
    const fieldViolations = fault.fields
      .slice(0, maxFieldViolations)
      .map(({ field, description, reason }) => ({ field, description, reason: reason ?? '' }));
    details.push(detail(BadRequestSchema, { fieldViolations }));
  }
  const retryAfterMs = fault.retryAfterMs ?? (fault.kind === 'unavailable' ? retryUnlessToldMs : undefined);
  if (retryAfterMs !== undefined) details.push(retryInfo(retryAfterMs));
  const text = fault.message.slice(0, maxMessageLength).toWellFormed();
  return new ConnectError(text, codes[fault.kind], undefined, details, fault);
}

function retryInfo(afterMs: number): OutgoingDetail {
  const ms = Math.max(0, Math.ceil(afterMs));
  const retryDelay = { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
  return detail(RetryInfoSchema, { retryDelay });
}

type OutgoingDetail = { readonly desc: DescMessage; readonly value: Message };

function detail<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): OutgoingDetail {
  return { desc, value: create(desc, value) };
}
