import type { DescMethod } from '@bufbuild/protobuf';

/** A measured piece of work, told to the collector when it ends. */
export type Span = {
  /** W3C traceparent, to be passed on to what this work calls. */
  readonly traceparent: string;
  /** `code` is the gRPC status code. */
  end(code: number): void;
};

/** Makes spans of calls. A process without a collector has none of it: the type is `Tracing | undefined` everywhere. */
export type Tracing = {
  server(method: DescMethod, caller: string, traceparent: string | undefined): Span;
  client(method: DescMethod, traceparent: string | undefined): Span;
  /** Sends what is left. */
  close(): Promise<void>;
};
