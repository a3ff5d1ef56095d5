import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { localMesh, spiffeIdOf } from '../identity/spiffe.ts';
import { type Call, withCall } from '../rpc/call.ts';
import type { Arrival, ClientHooks, ServerHooks } from '../rpc/hooks.ts';
import { toMetadata } from '../rpc/metadata.ts';
import { markUpstream, toConnectError } from '../rpc/status.ts';

/** Server side: admits each call as coming from `caller`, checks its messages and maps its faults, as rpc/server.ts does on the wire. */
export function admitting(hooks: ServerHooks, caller: string): Interceptor {
  return (next) => async (request) => {
    const arrival: Arrival = {
      method: request.method,
      metadata: toMetadata(request.header),
      spiffeId: caller === '' ? undefined : spiffeIdOf(localMesh, caller),
      deadlineMs: deadlineOf(request.header),
      signal: request.signal,
    };
    const began = performance.now();
    let call: Call | undefined;
    const end = (code: Code | 0, error?: unknown): void =>
      hooks.ended(arrival, call, code, error, performance.now() - began);
    const fail = (error: unknown): ConnectError => {
      const refusal = toConnectError(error);
      end(refusal.code, error);
      return refusal;
    };
    try {
      const admitted = await hooks.admit(arrival);
      call = admitted;
      await hooks.begin?.(arrival, admitted);
      const run = <T>(work: () => T): T => withCall(admitted, work);
      if (!request.stream) {
        hooks.check(request.method, request.message);
        const response = await run(() => next(request));
        if (!response.stream) {
          end(0);
          return response;
        }
        throw new Error('a unary call was answered by a stream');
      }
      const checked = checkEach(hooks, request.method, request.message);
      const response = await run(() => next({ ...request, message: checked }));
      if (!response.stream) {
        end(0);
        return response;
      }
      return { ...response, message: tellEnd(response.message, run, end, fail) };
    } catch (error) {
      throw fail(error);
    }
  };
}

/** Client side of a test: says who the user is and where the edge saw them. */
export function asCaller(edge: {
  readonly token: string | undefined;
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
}): Interceptor {
  return (next) => (request) => {
    if (edge.token !== undefined) request.header.set('authorization', `Bearer ${edge.token}`);
    if (edge.address !== undefined) request.header.set('x-only2u-address', edge.address);
    if (edge.userAgent !== undefined) request.header.set('x-only2u-user-agent', edge.userAgent);
    return next(request);
  };
}

/** Client side of a service: adds what `hooks` pass on from the call being served. */
export function passingOn(hooks: ClientHooks): Interceptor {
  return (next) => async (request) => {
    const metadata = toMetadata(request.header);
    const outgoing = hooks.begin(request.method, metadata, deadlineOf(request.header));
    for (const [name, value] of Object.entries(metadata.getMap())) request.header.set(name, String(value));
    if (outgoing.deadlineMs !== undefined) {
      request.header.set(timeoutHeader, String(Math.max(1, Math.ceil(outgoing.deadlineMs - Date.now()))));
    }
    try {
      const response = await next(request);
      outgoing.ended(0);
      return response;
    } catch (error) {
      const failure = ConnectError.from(error);
      outgoing.ended(failure.code);
      throw markUpstream(failure);
    }
  };
}

const timeoutHeader = 'connect-timeout-ms';

function deadlineOf(header: Headers): number | undefined {
  const timeout = header.get(timeoutHeader);
  return timeout === null ? undefined : Date.now() + Number(timeout);
}

async function* checkEach<M extends Message>(
  hooks: ServerHooks,
  method: DescMethod,
  messages: AsyncIterable<M>,
): AsyncIterable<M> {
  for await (const message of messages) {
    hooks.check(method, message);
    yield message;
  }
}

/** Answers are made while they are read: each step runs inside the call, and the last one ends it. */
function tellEnd<M>(
  messages: AsyncIterable<M>,
  run: <T>(work: () => T) => T,
  end: (code: Code | 0) => void,
  fail: (error: unknown) => ConnectError,
): AsyncIterable<M> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = messages[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const step = await run(() => iterator.next());
            if (step.done === true) end(0);
            return step;
          } catch (error) {
            throw fail(error);
          }
        },
        async return() {
          end(Code.Canceled);
          await run(() => iterator.return?.());
          return { done: true, value: undefined };
        },
      };
    },
  };
}
