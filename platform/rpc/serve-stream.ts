import { setImmediate } from 'node:timers/promises';
import type { DescMethod, Message } from '@bufbuild/protobuf';
import type { LazyHandlerContext } from './handler-context.ts';
import type { ServerHooks } from './hooks.ts';
import { decompress, MessageReader } from './message-reader.ts';
import { oneRequest, type Serve } from './serve-unary.ts';
import { encode, ServedCall } from './served-call.ts';

export type ClientStreamMethod = (requests: AsyncIterable<Message>, context: LazyHandlerContext) => Promise<object>;
export type ServerStreamMethod = (request: Message, context: LazyHandlerContext) => AsyncIterable<object>;
export type BidiMethod = (requests: AsyncIterable<Message>, context: LazyHandlerContext) => AsyncIterable<object>;

/** Serves a method that takes a stream and gives one answer. */
export function serveClientStream(method: DescMethod, run: ClientStreamMethod, hooks: ServerHooks): Serve {
  return (incoming) => {
    const served = new ServedCall(hooks, incoming);
    const work = async (): Promise<void> => {
      const answer = encode(method.output, await run(requests(served), served.context));
      incoming.answer(answer, served.context.setHeader, served.context.setTrailer);
      served.succeeded();
    };
    afterAdmission(served, () => served.run(() => void work().catch((error: unknown) => served.failed(error))));
  };
}

/** Serves a method that takes one message and answers with a stream. */
export function serveServerStream(method: DescMethod, run: ServerStreamMethod, hooks: ServerHooks): Serve {
  return (incoming) => {
    const served = new ServedCall(hooks, incoming);
    oneRequest(served, (bytes) => answerAll(served, () => run(served.decode(method.input, bytes), served.context)));
  };
}

/** Serves a method that takes a stream and answers with one. */
export function serveBidi(_method: DescMethod, run: BidiMethod, hooks: ServerHooks): Serve {
  return (incoming) => {
    const served = new ServedCall(hooks, incoming);
    afterAdmission(served, () => served.run(() => answerAll(served, () => run(requests(served), served.context))));
  };
}

/** Streams are read only once the call is admitted; until then the caller's window fills, and no more. */
function afterAdmission(served: ServedCall, begin: () => void): void {
  let begun = false;
  served.incoming.onGone = () => {
    if (!begun) served.failed(served.incoming.gone());
  };
  served.admit(() => {
    begun = true;
    begin();
  });
}

function answerAll(served: ServedCall, answers: () => AsyncIterable<object>): void {
  const { incoming, context } = served;
  const work = async (): Promise<void> => {
    for await (const answer of answers()) {
      incoming.sendHeader(context.setHeader);
      await incoming.sendMessage(encode(incoming.method.output, answer));
    }
    incoming.sendHeader(context.setHeader);
    incoming.end(context.setTrailer);
    served.succeeded();
  };
  work().catch((error: unknown) => served.failed(error));
}

/** The messages of a request stream, decoded and checked one by one as the handler asks for them. */
async function* requests(served: ServedCall): AsyncGenerator<Message> {
  const { incoming } = served;
  const { stream, limits } = incoming;
  const reader = new MessageReader(limits.maxBytes);
  try {
    const chunks: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks) {
      reader.push(chunk);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        const bytes = next.compressed ? await decompress(next.bytes, incoming.encoding, limits.maxBytes) : next.bytes;
        yield served.decode(incoming.method.input, bytes);
      }
    }
  } catch (error) {
    throw incoming.isGone ? incoming.gone() : error;
  }
  // A client on Node that cancels ends its stream first and resets it right after: without a look at what comes next,
  // half an upload would pass for a whole one. The first turn ends the round of reading that is going on, the second is the next.
  await setImmediate();
  await setImmediate();
  if (incoming.isGone) throw incoming.gone();
  incoming.requestEnded();
  reader.end();
}
