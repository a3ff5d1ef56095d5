import { fromBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Channel, Metadata, status as Status, type StatusObject } from '@grpc/grpc-js';
import { StatusSchema } from '#gen/google/rpc/status_pb.ts';
import { appendMetadata, toHeaders } from './metadata.ts';
import { markUpstream } from './status.ts';

/** How a call is made: what it carries and when it gives up. */
export type CallOptions = {
  readonly metadata: Metadata;
  /** Unix milliseconds. */
  readonly deadlineMs: number | undefined;
  readonly signal: AbortSignal | undefined;
};

export type RawUnaryResponse = { readonly bytes: Buffer; readonly header: Metadata; readonly trailer: Metadata };

export type RawStreamResponse = {
  readonly header: Metadata;
  /** Leaving early cancels the call. */
  readonly messages: AsyncIterable<Buffer>;
  /** Empty until all messages were read. */
  trailer(): Metadata;
};

const readAheadBytes = 256 * 1024; // grpc-js drops what wasn't read when an error comes, so what came before it must be

/** One message there, one back. Rejects with a ConnectError that is marked as upstream's. */
export function callUnary(
  channel: Channel,
  path: string,
  request: Buffer,
  { metadata, deadlineMs, signal }: CallOptions,
): Promise<RawUnaryResponse> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortError(signal));
      return;
    }
    const call = createCall(channel, path, deadlineMs);
    const abort = (): void => call.cancelWithStatus(Status.CANCELLED, 'canceled');
    signal?.addEventListener('abort', abort);
    let header: Metadata | undefined;
    let bytes: Buffer | undefined;
    call.start(metadata, {
      onReceiveMetadata: (received) => {
        header = received;
      },
      onReceiveMessage: (received: Buffer) => {
        if (bytes !== undefined) {
          call.cancelWithStatus(Status.UNIMPLEMENTED, 'more than one message came in answer to a unary call');
          return;
        }
        bytes = received;
        call.startRead();
      },
      onReceiveStatus: (received) => {
        const status = inTime(received, deadlineMs);
        signal?.removeEventListener('abort', abort);
        if (signal?.aborted === true && received.code === Status.CANCELLED) {
          reject(abortError(signal));
        } else if (status.code !== Status.OK) {
          reject(statusError(status, header));
        } else if (bytes === undefined) {
          const none = { ...status, code: Status.UNIMPLEMENTED, details: 'no message came in answer to a unary call' };
          reject(statusError(none, header));
        } else {
          resolve({ bytes, header: header ?? new Metadata(), trailer: status.metadata });
        }
      },
    });
    call.startRead();
    call.sendMessageWithContext({}, request);
    call.halfClose();
  });
}

/**
 * Any number of messages there and back. Resolves when the server's headers have come; rejects, or fails the reading,
 * with a ConnectError that is marked as upstream's. Requests are taken one by one, as the connection takes them;
 * answers are read ahead of the reader by `readAheadBytes`.
 */
export function callStream(
  channel: Channel,
  path: string,
  requests: AsyncIterable<Buffer>,
  { metadata, deadlineMs, signal }: CallOptions,
  ended: (code: Code | 0) => void,
): Promise<RawStreamResponse> {
  if (signal?.aborted === true) {
    ended(Code.Canceled);
    return Promise.reject(abortError(signal));
  }
  const call = createCall(channel, path, deadlineMs);
  const abort = (): void => call.cancelWithStatus(Status.CANCELLED, 'canceled');
  signal?.addEventListener('abort', abort);

  const input = requests[Symbol.asyncIterator]();
  let inputError: { readonly cause: unknown } | undefined;
  let header: Metadata | undefined;
  let outcome: { readonly error: unknown; readonly trailer: Metadata } | undefined;
  const opened = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  let waiting: PromiseWithResolvers<IteratorResult<Buffer, undefined>> | undefined;
  const unread: Buffer[] = [];
  let unreadBytes = 0;
  let reading = false;
  const readOn = (): void => {
    if (reading || outcome !== undefined || unreadBytes >= readAheadBytes) return;
    reading = true;
    call.startRead();
  };

  const tell = (reader: PromiseWithResolvers<IteratorResult<Buffer, undefined>>): void => {
    if (outcome?.error === undefined) reader.resolve({ done: true, value: undefined });
    else reader.reject(outcome.error);
  };
  call.start(metadata, {
    onReceiveMetadata: (received) => {
      header = received;
      opened.resolve();
    },
    onReceiveMessage: (received: Buffer) => {
      reading = false;
      if (waiting === undefined) {
        unread.push(received);
        unreadBytes += received.length;
      } else {
        waiting.resolve({ done: false, value: received });
        waiting = undefined;
      }
      readOn();
    },
    onReceiveStatus: (received) => {
      const status = inTime(received, deadlineMs);
      signal?.removeEventListener('abort', abort);
      let error: unknown;
      if (inputError !== undefined) error = inputError.cause;
      else if (signal?.aborted === true && received.code === Status.CANCELLED) error = abortError(signal);
      else if (status.code !== Status.OK) error = statusError(status, header);
      outcome = { error, trailer: status.metadata };
      ended(status.code as number);
      opened.resolve();
      over.resolve();
      if (waiting !== undefined) tell(waiting);
    },
  });

  readOn();

  const send = (bytes: Buffer): Promise<void> =>
    new Promise((resolve) => {
      call.sendMessageWithContext({ callback: () => resolve() }, bytes);
    });
  const pump = async (): Promise<void> => {
    for (;;) {
      const next = await Promise.race([input.next(), over.promise]);
      if (next === undefined) break;
      if (next.done === true) {
        call.halfClose();
        return;
      }
      await Promise.race([send(next.value), over.promise]);
      if (outcome !== undefined) break;
    }
    // The call is over: who makes the requests may stop. What it says to that is of no interest any more.
    await input.return?.().catch(() => {});
  };
  pump().catch((cause: unknown) => {
    inputError = { cause };
    call.cancelWithStatus(Status.CANCELLED, 'the requests failed');
  });

  const messages: AsyncIterableIterator<Buffer, undefined> = {
    [Symbol.asyncIterator]: () => messages,
    next() {
      const value = unread.shift();
      if (value !== undefined) {
        unreadBytes -= value.length;
        readOn();
        return Promise.resolve({ done: false, value });
      }
      const reader = Promise.withResolvers<IteratorResult<Buffer, undefined>>();
      if (outcome === undefined) waiting = reader;
      else tell(reader);
      return reader.promise;
    },
    return() {
      if (outcome === undefined) call.cancelWithStatus(Status.CANCELLED, 'canceled');
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return opened.promise.then(() => {
    if (header === undefined && outcome?.error !== undefined) throw outcome.error;
    return { header: header ?? new Metadata(), messages, trailer: () => outcome?.trailer ?? new Metadata() };
  });
}

function createCall(channel: Channel, path: string, deadlineMs: number | undefined): ReturnType<Channel['createCall']> {
  try {
    return channel.createCall(path, deadlineMs ?? Infinity, undefined, null, undefined);
  } catch (cause) {
    throw markUpstream(new ConnectError('the transport is closed', Code.Unavailable, undefined, undefined, cause));
  }
}

function abortError(signal: AbortSignal): ConnectError {
  const reason: unknown = signal.reason;
  const error =
    reason instanceof ConnectError
      ? new ConnectError(reason.rawMessage, reason.code, undefined, undefined, reason)
      : new ConnectError('the call was canceled', Code.Canceled, undefined, undefined, reason);
  return markUpstream(error);
}

/** A server that sees the deadline pass before this end does may reset the stream, which grpc-js calls cancelled. */
function inTime(status: StatusObject, deadlineMs: number | undefined): StatusObject {
  if (status.code !== Status.CANCELLED || deadlineMs === undefined || Date.now() < deadlineMs) return status;
  return { ...status, code: Status.DEADLINE_EXCEEDED, details: 'the deadline has passed' };
}

/** Connect's error for a gRPC status, with its details and with headers and trailers as metadata. */
function statusError(status: StatusObject, header: Metadata | undefined): ConnectError {
  const metadata = header === undefined ? new Headers() : toHeaders(header);
  appendMetadata(metadata, status.metadata);
  metadata.delete('grpc-status-details-bin');
  // grpc-js gives neither code nor text when it can't read an answer, whatever its types say.
  const { code = Status.INTERNAL, details = 'the answer can not be read' }: Partial<StatusObject> = status;
  const error = new ConnectError(details, Code[code] === undefined ? Code.Unknown : (code as number), metadata);
  const [bytes] = status.metadata.get('grpc-status-details-bin');
  if (bytes instanceof Buffer) {
    try {
      error.details = fromBinary(StatusSchema, bytes).details.map(({ typeUrl, value }) => ({
        type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
        value,
      }));
    } catch {
      // Details that can't be read are left out: the code and the text are what counts.
    }
  }
  return markUpstream(error);
}
