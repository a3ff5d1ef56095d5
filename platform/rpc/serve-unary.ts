import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { LazyHandlerContext } from './handler-context.ts';
import type { ServerHooks } from './hooks.ts';
import type { IncomingCall } from './incoming-call.ts';
import { decompress, type Frame, MessageReader } from './message-reader.ts';
import { encode, ServedCall } from './served-call.ts';

/** A unary method of Connect's, which may answer at once or later. */
export type UnaryMethod = (request: Message, context: LazyHandlerContext) => object | Promise<object>;

/** Serves the calls of one method. */
export type Serve = (incoming: IncomingCall) => void;

/** Serves a unary method. The hot path: nothing here is asynchronous that the hooks and the handler don't make so. */
export function serveUnary(method: DescMethod, run: UnaryMethod, hooks: ServerHooks): Serve {
  const { input, output } = method;
  return (incoming) => {
    const served = new ServedCall(hooks, incoming);
    const succeed = (answer: object): void => {
      try {
        const { setHeader, setTrailer } = served.context;
        incoming.answer(encode(output, answer), setHeader, setTrailer);
      } catch (error) {
        served.failed(error);
        return;
      }
      served.succeeded();
    };
    const fail = (error: unknown): void => served.failed(error);
    oneRequest(served, (bytes) => {
      try {
        const answer = run(served.decode(input, bytes), served.context);
        if (isThenable(answer)) answer.then(succeed, fail);
        else succeed(answer);
      } catch (error) {
        fail(error);
      }
    });
  };
}

/** Admits a call while its only request message comes, then runs `work` with that, as part of the call. */
export function oneRequest(served: ServedCall, work: (bytes: Buffer) => void): void {
  const { incoming } = served;
  const reader = new MessageReader(incoming.limits.maxBytes);
  let request: Frame | undefined;
  let complete: Buffer | undefined;
  let begun = false;

  const begin = (): void => {
    if (complete === undefined || !served.isAdmitted) return;
    const bytes = complete;
    begun = true;
    served.run(() => work(bytes));
  };
  incoming.onGone = () => {
    // What has begun ends by itself: its signal is aborted.
    if (!begun) served.failed(incoming.gone());
  };
  incoming.stream.on('data', (chunk: Buffer) => {
    if (incoming.isDone) return;
    try {
      reader.push(chunk);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        if (request !== undefined) throw new ConnectError('more than one request message came', Code.Unimplemented);
        request = next;
      }
    } catch (error) {
      served.failed(error);
    }
  });
  incoming.stream.once('end', () => {
    if (incoming.isDone || incoming.isGone) return;
    incoming.requestEnded();
    try {
      reader.end();
      if (request === undefined) throw new ConnectError('no request message came', Code.Unimplemented);
      if (request.compressed) {
        const unpacked = decompress(request.bytes, incoming.encoding, incoming.limits.maxBytes);
        unpacked.then(
          (bytes) => {
            complete = bytes;
            begin();
          },
          (error: unknown) => served.failed(error),
        );
        return;
      }
    } catch (error) {
      served.failed(error);
      return;
    }
    complete = request.bytes;
    begin();
  });
  served.admit(begin);
}

function isThenable(value: object | Promise<object>): value is Promise<object> {
  return 'then' in value && typeof value.then === 'function';
}
