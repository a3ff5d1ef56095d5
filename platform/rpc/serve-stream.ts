import { once } from 'node:events';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  ServerDuplexStream,
  ServerReadableStream,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { ServerArrival } from './arrival.ts';
import { LazyHandlerContext } from './handler-context.ts';
import type { ServerHooks } from './hooks.ts';
import { toMetadata } from './metadata.ts';
import type { Peers } from './peers.ts';
import { encode, ServedCall } from './served-call.ts';

type Readable = ServerReadableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;
type Writable = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

export type ClientStreamMethod = (requests: AsyncIterable<Message>, context: LazyHandlerContext) => Promise<object>;
export type ServerStreamMethod = (request: Message, context: LazyHandlerContext) => AsyncIterable<object>;
export type BidiMethod = (requests: AsyncIterable<Message>, context: LazyHandlerContext) => AsyncIterable<object>;

/** Serves a method that takes a stream and gives one answer. */
export function serveClientStream(
  method: DescMethod,
  run: ClientStreamMethod,
  hooks: ServerHooks,
  peers: Peers,
): handleClientStreamingCall<Buffer, Buffer> {
  return (call, callback) => {
    const served = new ServedCall(hooks, new ServerArrival(method, call, peers));
    const context = new LazyHandlerContext(served.arrival);
    const fail = (error: unknown): void => {
      const status = served.failed(error, context);
      sendHeader(call, context);
      callback(status);
    };
    const work = async (): Promise<void> => {
      const bytes = encode(method.output, await run(requests(served, call), context));
      sendHeader(call, context);
      served.succeeded();
      callback(null, bytes, context.setTrailer === undefined ? undefined : toMetadata(context.setTrailer));
    };
    served.admit(() => void work().catch(fail), fail);
  };
}

/** Serves a method that takes one message and answers with a stream. */
export function serveServerStream(
  method: DescMethod,
  run: ServerStreamMethod,
  hooks: ServerHooks,
  peers: Peers,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) =>
    answerStream(method, hooks, peers, call, (served, context) =>
      run(served.decode(method.input, call.request), context),
    );
}

/** Serves a method that takes a stream and answers with one. */
export function serveBidi(
  method: DescMethod,
  run: BidiMethod,
  hooks: ServerHooks,
  peers: Peers,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => answerStream(method, hooks, peers, call, (served, context) => run(requests(served, call), context));
}

function answerStream(
  method: DescMethod,
  hooks: ServerHooks,
  peers: Peers,
  call: Writable,
  run: (served: ServedCall, context: LazyHandlerContext) => AsyncIterable<object>,
): void {
  const served = new ServedCall(hooks, new ServerArrival(method, call, peers));
  const context = new LazyHandlerContext(served.arrival);
  const fail = (error: unknown): void => {
    const status = served.failed(error, context);
    if (call.destroyed) return;
    sendHeader(call, context);
    call.emit('error', status); // how grpc-js takes a stream's status: after what was written, unlike destroy()
  };
  const work = async (): Promise<void> => {
    let first = true;
    for await (const answer of run(served, context)) {
      if (first) sendHeader(call, context);
      first = false;
      if (served.arrival.cancelled) throw served.arrival.gone();
      if (!call.write(encode(method.output, answer))) await drained(call);
    }
    if (served.arrival.cancelled) throw served.arrival.gone();
    if (first) sendHeader(call, context);
    served.succeeded();
    call.end(context.setTrailer === undefined ? undefined : toMetadata(context.setTrailer));
  };
  served.admit(() => void work().catch(fail), fail);
}

/** The messages of a request stream, decoded and checked one by one as the handler asks for them. */
async function* requests(served: ServedCall, call: Readable): AsyncGenerator<Message> {
  try {
    for await (const bytes of call.iterator({ destroyOnReturn: false })) {
      yield served.decode(served.arrival.method.input, bytes);
    }
  } catch (error) {
    throw served.arrival.cancelled ? served.arrival.gone() : error;
  }
}

function sendHeader(call: Readable | Writable, context: LazyHandlerContext): void {
  if (context.setHeader !== undefined) call.sendMetadata(toMetadata(context.setHeader));
}

/** Waits until the other side has read enough, or has gone. */
async function drained(call: Writable): Promise<void> {
  if (call.destroyed) return;
  const waiting = new AbortController();
  try {
    await Promise.race([once(call, 'drain', waiting), once(call, 'close', waiting)]);
  } finally {
    waiting.abort();
  }
}
