import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { type ContextValues, createContextValues, type HandlerContext } from '@connectrpc/connect';
import type { IncomingCall } from './incoming-call.ts';

/**
 * Connect's context of a call. Headers, values and the signal are made when a handler first asks for them: most never do,
 * and an AbortController and three Headers cost as much as the rest of a small call.
 */
export class LazyHandlerContext implements HandlerContext {
  readonly requestMethod = 'POST';
  readonly protocolName = 'grpc';
  readonly #call: IncomingCall;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #values: ContextValues | undefined;

  constructor(call: IncomingCall) {
    this.#call = call;
  }

  get method(): DescMethod {
    return this.#call.method;
  }

  get service(): DescService {
    return this.#call.method.parent;
  }

  get url(): string {
    return `https://${this.#call.headers[':authority'] ?? 'localhost'}/${this.service.typeName}/${this.method.name}`;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get requestHeader(): Headers {
    return (this.#requestHeader ??= this.#call.metadata.toHeaders());
  }

  get responseHeader(): Headers {
    return (this.#responseHeader ??= new Headers());
  }

  get responseTrailer(): Headers {
    return (this.#responseTrailer ??= new Headers());
  }

  get values(): ContextValues {
    return (this.#values ??= createContextValues());
  }

  get timeoutMs(): () => number | undefined {
    return () => {
      const { deadlineMs } = this.#call;
      return deadlineMs === undefined ? undefined : deadlineMs - Date.now();
    };
  }

  /** The headers that the handler has set, or undefined when it never touched them. */
  get setHeader(): Headers | undefined {
    return this.#responseHeader;
  }

  /** The trailers that the handler has set, or undefined when it never touched them. */
  get setTrailer(): Headers | undefined {
    return this.#responseTrailer;
  }
}
