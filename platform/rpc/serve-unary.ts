import type { DescMethod, Message } from '@bufbuild/protobuf';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { ServerArrival } from './arrival.ts';
import { LazyHandlerContext } from './handler-context.ts';
import type { ServerHooks } from './hooks.ts';
import { toMetadata } from './metadata.ts';
import type { Peers } from './peers.ts';
import { encode, ServedCall } from './served-call.ts';

/** A unary method of Connect's, which may answer at once or later. */
export type UnaryMethod = (request: Message, context: LazyHandlerContext) => object | Promise<object>;

/** Serves a unary method over grpc-js. The hot path: nothing here is asynchronous that the hooks and the handler don't make so. */
export function serveUnary(
  method: DescMethod,
  run: UnaryMethod,
  hooks: ServerHooks,
  peers: Peers,
): handleUnaryCall<Buffer, Buffer> {
  const { input, output } = method;
  return (call, callback) => {
    const served = new ServedCall(hooks, new ServerArrival(method, call, peers));
    let context: LazyHandlerContext | undefined;

    const fail = (error: unknown): void => {
      const status = served.failed(error, context);
      if (context?.setHeader !== undefined) call.sendMetadata(toMetadata(context.setHeader));
      callback(status);
    };
    const succeed = (answer: object): void => {
      let bytes: Buffer;
      try {
        bytes = encode(output, answer);
        if (context?.setHeader !== undefined) call.sendMetadata(toMetadata(context.setHeader));
      } catch (error) {
        fail(error);
        return;
      }
      served.succeeded();
      callback(null, bytes, context?.setTrailer === undefined ? undefined : toMetadata(context.setTrailer));
    };

    served.admit(() => {
      try {
        const request = served.decode(input, call.request);
        context = new LazyHandlerContext(served.arrival);
        const answer = run(request, context);
        if (isThenable(answer)) answer.then(succeed, fail);
        else succeed(answer);
      } catch (error) {
        fail(error);
      }
    }, fail);
  };
}

function isThenable(value: object | Promise<object>): value is Promise<object> {
  return 'then' in value && typeof value.then === 'function';
}
