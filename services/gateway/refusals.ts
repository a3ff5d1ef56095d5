import { type DescMessage, fromBinary, toBinary, create, toJson, type JsonValue } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { Code, ConnectError } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  HelpSchema,
  LocalizedMessageSchema,
  PreconditionFailureSchema,
  QuotaFailureSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from '#gen/google/rpc/error_details_pb.ts';
import { isUpstream, retryHint, toConnectError } from '#platform/rpc/status.ts';

/** The details that a client may read. Others (google.rpc.DebugInfo) stay inside. */
const publicDetails: ReadonlyMap<string, DescMessage> = new Map(
  [
    BadRequestSchema,
    ErrorInfoSchema,
    HelpSchema,
    LocalizedMessageSchema,
    PreconditionFailureSchema,
    QuotaFailureSchema,
    ResourceInfoSchema,
    RetryInfoSchema,
  ].map((desc) => [desc.typeName, desc]),
);

/** What is said instead of an upstream text that speaks of our machines rather than of the request. */
const ownWords = new Map<Code, string>([
  [Code.Internal, 'internal error'],
  [Code.Unknown, 'internal error'],
  [Code.DataLoss, 'internal error'],
  [Code.Unavailable, 'The service is unavailable just now. Try again.'],
  [Code.DeadlineExceeded, 'The time for this call ran out before the answer came.'],
  [Code.Canceled, 'The call was canceled.'],
]);

/**
 * What a client of the edge is told. A service's refusal passes with its reason and its fields, as if the client had
 * asked the service itself; what tells of machines and bugs doesn't. Where a service isn't there, the edge says when to try again.
 */
export function edgeError(thrown: unknown): ConnectError {
  if (!(thrown instanceof ConnectError) || !isUpstream(thrown)) return toConnectError(thrown);
  const told = thrown.details.flatMap((detail) => {
    if ('desc' in detail) return publicDetails.has(detail.desc.typeName) ? [detail] : [];
    return readDetail(detail);
  });
  const about = told.filter(({ desc }) => desc !== RetryInfoSchema);
  const details = [...about, ...retryHint(thrown)];
  const isBug = thrown.code === Code.Internal || thrown.code === Code.Unknown || thrown.code === Code.DataLoss;
  const keepsText = !isBug && (about.length > 0 || !ownWords.has(thrown.code));
  const text = keepsText ? thrown.rawMessage : (ownWords.get(thrown.code) ?? '');
  return new ConnectError(text, isBug ? Code.Internal : thrown.code, undefined, isBug ? [] : details, thrown);
}

function readDetail({ type, value }: { readonly type: string; readonly value: Uint8Array }) {
  const desc = publicDetails.get(type);
  if (desc === undefined) return [];
  try {
    return [{ desc, value: fromBinary(desc, value) }];
  } catch {
    return []; // a detail that nobody can read helps nobody
  }
}

/** The error as Connect writes it in JSON. Each detail says in "debug" what its bytes mean, for people with curl. */
export function errorToJson(error: ConnectError): Buffer {
  const details = error.details.map((detail) => {
    if (!('desc' in detail)) return { type: detail.type, value: base64Encode(detail.value, 'std_raw') };
    const message = create(detail.desc, detail.value);
    const debug: JsonValue = toJson(detail.desc, message);
    return { type: detail.desc.typeName, value: base64Encode(toBinary(detail.desc, message), 'std_raw'), debug };
  });
  return Buffer.from(
    JSON.stringify({
      code: codeToString(error.code),
      ...(error.rawMessage === '' ? {} : { message: error.rawMessage }),
      ...(details.length === 0 ? {} : { details }),
    }),
  );
}

/** Seconds for Retry-After, or undefined when the error doesn't say when to try again. */
export function retryAfterSeconds(error: ConnectError): number | undefined {
  for (const { retryDelay } of error.findDetails(RetryInfoSchema)) {
    if (retryDelay !== undefined) return Number(retryDelay.seconds) + (retryDelay.nanos > 0 ? 1 : 0);
  }
  return undefined;
}

/** The ErrorInfo reason, for logs. */
export function reasonOf(error: ConnectError): string | undefined {
  return error.findDetails(ErrorInfoSchema)[0]?.reason;
}
