import type { DescMethod } from '@bufbuild/protobuf';
import type { Attributes, SpanContext, SpanKind, Tracer } from '@opentelemetry/api';
import type { Logger } from 'pino';

/** A measured piece of work, told to the collector when it ends. */
export type Span = {
  /** W3C traceparent (https://www.w3.org/TR/trace-context/), to be passed on to what this work calls. */
  readonly traceparent: string;
  /** `code` is the gRPC status code. */
  end(code: number): void;
};

/** Makes spans of calls. A process without a collector has none of it: the type is `Tracing | undefined` everywhere. */
export type Tracing = {
  /** The serving of a call by `workload`, as part of the trace that came with it. */
  server(workload: string, method: DescMethod, caller: string, traceparent: string | undefined): Span;
  /** A call that `workload` makes. */
  client(workload: string, method: DescMethod, traceparent: string | undefined): Span;
  /** Work of `workload` that no call waits for, such as "task order.expire", as part of the trace of the call that caused it. */
  work(workload: string, name: string, traceparent: string | undefined): Span;
  /** Sends what is left, for two seconds at most. */
  close(): Promise<void>;
};

export type TracingOptions = {
  /** Base URL of an OTLP/HTTP collector, such as "http://127.0.0.1:4318"; undefined turns tracing off. */
  readonly endpoint: string | undefined;
  /** Which part of the traces that begin here is kept, 0 to 1. Who began a trace elsewhere decides about it there. */
  readonly ratio: number;
  readonly log: Logger;
};

const exportTimeoutMs = 2000; // a collector that doesn't answer must not hold up the end of the process

/** Loads OpenTelemetry only when there is a collector: it takes 14 MB. */
export async function openTracing({ endpoint, ratio, log }: TracingOptions): Promise<Tracing | undefined> {
  if (endpoint === undefined || endpoint === '') return undefined;
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { ROOT_CONTEXT, SpanStatusCode, trace } = api;
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: exportTimeoutMs,
  });
  const processor = new sdk.BatchSpanProcessor(exporter, { exportTimeoutMillis: exportTimeoutMs });
  const sampler = new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(ratio) });
  const tracers = new Map<string, Tracer>();
  const quiet = { warn() {}, info() {}, debug() {}, verbose() {} };
  const complain = (text: string): void => log.warn({ endpoint, detail: text }, 'traces could not be sent');
  api.diag.setLogger(
    { ...quiet, error: complain },
    { logLevel: api.DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );

  function tracerOf(workload: string): Tracer {
    const known = tracers.get(workload);
    if (known !== undefined) return known;
    const resource = resourceFromAttributes({ 'service.name': workload, 'service.namespace': 'only2u' });
    const tracer = new sdk.BasicTracerProvider({ resource, sampler, spanProcessors: [processor] }).getTracer('only2u');
    tracers.set(workload, tracer);
    return tracer;
  }

  type Begin = {
    workload: string;
    name: string;
    kind: SpanKind;
    traceparent: string | undefined;
    attributes: Attributes;
  };
  function begin({ workload, name, kind, traceparent, attributes }: Begin): Span {
    const parent = parse(traceparent);
    const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    const span = tracerOf(workload).startSpan(name, { kind, attributes }, context);
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
      end(code) {
        span.setAttribute('rpc.grpc.status_code', code);
        if (kind === api.SpanKind.SERVER ? serverErrors.has(code) : code !== 0)
          span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  }

  return {
    server: (workload, method, caller, traceparent) =>
      begin({
        workload,
        name: pathOf(method),
        kind: api.SpanKind.SERVER,
        traceparent,
        attributes: { ...attributesOf(method), 'only2u.caller': caller },
      }),
    client: (workload, method, traceparent) =>
      begin({
        workload,
        name: pathOf(method),
        kind: api.SpanKind.CLIENT,
        traceparent,
        attributes: attributesOf(method),
      }),
    work: (workload, name, traceparent) =>
      begin({ workload, name, kind: api.SpanKind.CONSUMER, traceparent, attributes: {} }),
    async close() {
      await processor.shutdown().catch((error: unknown) => complain(String(error)));
      api.diag.disable();
    },
  };
}

function pathOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

function attributesOf(method: DescMethod): Attributes {
  return { 'rpc.system': 'grpc', 'rpc.service': method.parent.typeName, 'rpc.method': method.name };
}

/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: the server's fault, as OpenTelemetry's conventions see it. */
const serverErrors = new Set([2, 4, 12, 13, 14, 15]);

/** The trace that a call is part of; undefined for none or for what isn't a traceparent. */
function parse(traceparent: string | undefined): SpanContext | undefined {
  const found = traceparent?.match(/^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/);
  const [, traceId, spanId, flags] = found ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}
