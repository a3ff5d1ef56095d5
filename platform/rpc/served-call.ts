import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { StatusSchema } from '#gen/google/rpc/status_pb.ts';
import { Fault } from '../fault.ts';
import type { ServerArrival } from './arrival.ts';
import { type Call, withCall } from './call.ts';
import type { LazyHandlerContext } from './handler-context.ts';
import type { ServerHooks } from './hooks.ts';
import { addHeaders, toMetadata } from './metadata.ts';
import { statusDetails, toConnectError } from './status.ts';

/** A call on its way through the hooks: admitted, run, and told of once when it has ended. */
export class ServedCall {
  readonly arrival: ServerArrival;
  readonly hooks: ServerHooks;
  #call: Call | undefined;

  constructor(hooks: ServerHooks, arrival: ServerArrival) {
    this.hooks = hooks;
    this.arrival = arrival;
  }

  /** Runs `work` for the admitted call, or `refused` with what the admission threw. Stays synchronous where the hook is. */
  admit(work: () => void, refused: (error: unknown) => void): void {
    let admitted: Call | Promise<Call>;
    try {
      admitted = this.hooks.admit(this.arrival);
    } catch (error) {
      refused(error);
      return;
    }
    if (admitted instanceof Promise) {
      admitted.then((call) => {
        this.#call = call;
        withCall(call, work);
      }, refused);
      return;
    }
    this.#call = admitted;
    withCall(admitted, work);
  }

  /** A request message from its bytes, decoded and checked. */
  decode<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): Message {
    let message: Message;
    try {
      message = fromBinary(desc, bytes);
    } catch (cause) {
      throw new Fault('invalid-argument', 'MALFORMED_REQUEST', `the request is no valid ${desc.typeName}`, { cause });
    }
    this.hooks.check(this.arrival.method, message);
    return message;
  }

  succeeded(): void {
    if (this.arrival.cancelled) this.#ended(this.arrival.gone());
    else this.hooks.ended(this.arrival, this.#call, 0, undefined, performance.now() - this.arrival.startedMs);
    this.arrival.finish();
  }

  /** The status to answer with, after the hooks were told of the error. */
  failed(error: unknown, context: LazyHandlerContext | undefined): StatusObject {
    // Who has gone away reads no status; what the handler stumbled over then is not the reason the call ended.
    const answer = this.#ended(this.arrival.cancelled ? this.arrival.gone() : error);
    this.arrival.finish();
    return grpcStatus(answer, context?.setTrailer);
  }

  #ended(error: unknown): ConnectError {
    const answer = toConnectError(error);
    this.hooks.ended(this.arrival, this.#call, answer.code, error, performance.now() - this.arrival.startedMs);
    return answer;
  }
}

/** The bytes of a handler's answer, which may be a message or what makes one. */
export function encode(desc: DescMessage, value: object): Buffer {
  const message = '$typeName' in value ? (value as Message) : create(desc, value as MessageInitShape<DescMessage>);
  const bytes = toBinary(desc, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** gRPC's form of an error: code, text, and trailers with the details as `grpc-status-details-bin`. */
export function grpcStatus(error: ConnectError, trailer: Headers | undefined): StatusObject {
  const metadata = trailer === undefined ? new Metadata() : toMetadata(trailer);
  addHeaders(metadata, error.metadata);
  const details = statusDetails(error);
  if (details !== undefined) {
    metadata.set('grpc-status-details-bin', Buffer.from(toBinary(StatusSchema, details)));
  }
  // grpc-js percent-encodes the text, which half a surrogate pair would make throw.
  return { code: error.code as number, details: error.rawMessage.toWellFormed(), metadata };
}
