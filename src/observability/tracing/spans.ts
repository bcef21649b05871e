/**
 * Spans by OpenTelemetry's own SDK. Loaded by `await import` alone, where tracing is configured (`serve/tracing.ts`); the
 * linter refuses any other way. Everything that the SDK would otherwise ask the environment for is given to it (docs/security-requirements.md#45).
 */
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type HrTime,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  RandomIdGenerator,
  TracerProvider,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace';
import type { Sampling } from './sampling.js';
import { readTraceParent } from './traceparent.js';
import type { CheckSpan, CheckToTrace, EndedAnswer, EndedCheck, Tracing } from './tracing.js';

/** What spans are made with. */
export interface SpanOptions {
  readonly sampling: Sampling;
  readonly service: { readonly name: string; readonly instance: string; readonly version: string };
  /** Takes each span that has ended. */
  readonly ended: (span: ReadableSpan) => void;
}

/** More than any name of the configuration; the SDK cuts what is longer. */
const MAX_VALUE_CHARACTERS = 256;
const MAX_ATTRIBUTES = 32;

export class Spans implements Tracing {
  readonly #sampling: Sampling;
  readonly #tracer: Tracer;
  /** For a trace that begins here: its id is chosen before its span is made, in the same turn. */
  #nextTraceId = '';

  constructor({ sampling, service, ended }: SpanOptions) {
    this.#sampling = sampling;
    const ids = new RandomIdGenerator();
    const provider = new TracerProvider({
      // Whether a check is traced was decided before its span is made.
      sampler: new AlwaysOnSampler(),
      spanLimits: { attributeValueLengthLimit: MAX_VALUE_CHARACTERS, attributeCountLimit: MAX_ATTRIBUTES },
      resource: resourceFromAttributes({
        'service.name': service.name,
        'service.instance.id': service.instance,
        'service.version': service.version,
      }),
      idGenerator: { generateTraceId: () => this.#nextTraceId, generateSpanId: ids.generateSpanId },
      spanProcessors: [
        {
          onStart: () => undefined,
          onEnd: ended,
          forceFlush: () => Promise.resolve(),
          shutdown: () => Promise.resolve(),
        },
      ],
    });
    this.#tracer = provider.getTracer('countersign', service.version);
  }

  begin(check: CheckToTrace): CheckSpan | undefined {
    const sampled = this.#sampling.sample(check);
    if (sampled === undefined) return undefined;
    const { traceId, parentSpanId } = sampled;
    this.#nextTraceId = traceId;
    const parent = parentSpanId === undefined ? ROOT_CONTEXT : remote(traceId, parentSpanId);
    const kind = SpanKind.SERVER;
    const span = this.#tracer.startSpan('check', { kind, startTime: hrTime(check.startMs) }, parent);
    return {
      traceId,
      traceparent: `00-${traceId}-${span.spanContext().spanId}-01`,
      end: (ended) => this.#end(span, check.startMs, ended),
    };
  }

  answered(answer: EndedAnswer): void {
    const parent = answer.traceparent === undefined ? undefined : readTraceParent([answer.traceparent]);
    if (parent?.isSampled !== true) return;
    const startMs = answer.endMs - answer.times.totalMilliseconds();
    const attributes = { ...common(answer), ...stages(answer) };
    const options = { kind: SpanKind.SERVER, startTime: hrTime(startMs), attributes };
    const span = this.#tracer.startSpan('sign', options, remote(parent.traceId, parent.spanId));
    finish(span, answer.isFault, answer.endMs);
  }

  #end(span: Span, startMs: number, check: EndedCheck): void {
    this.#claim(span, startMs, check);
    span.setAttributes({ ...common(check), ...stages(check) });
    if (check.wouldRefuse !== undefined) span.setAttribute('countersign.would_refuse', check.wouldRefuse);
    finish(span, check.isFault, startMs + check.times.totalMilliseconds());
  }

  /** Admission is where a check waits for others: limits, and the claim of the nonce. */
  #claim(span: Span, startMs: number, { times }: EndedCheck): void {
    let beginMs = startMs;
    times.each((stage, milliseconds) => {
      const endMs = beginMs + milliseconds;
      if (stage === 'admission')
        this.#tracer
          .startSpan('claim', { startTime: hrTime(beginMs) }, trace.setSpan(ROOT_CONTEXT, span))
          .end(hrTime(endMs));
      beginMs = endMs;
    });
  }
}

/** The span of somebody else, which says that it is sampled: else there would be none of ours. */
function remote(traceId: string, spanId: string): Context {
  const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, context);
}

function common({ code, decisionId, policy, identity }: EndedCheck | EndedAnswer): Attributes {
  return {
    'countersign.code': code,
    'countersign.decision_id': decisionId,
    'countersign.policy': policy,
    'countersign.identity': identity,
  };
}

/** As the record has them. */
function stages({ times }: EndedCheck | EndedAnswer): Attributes {
  const attributes: Attributes = {};
  times.each((stage: string, milliseconds: number) => {
    attributes[`countersign.stage_us.${stage}`] = Math.round(milliseconds * 1_000);
  });
  return attributes;
}

function finish(span: Span, isFault: boolean, endMs: number): void {
  if (isFault) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(hrTime(endMs));
}

/** Seconds and nanoseconds: a bare number the SDK may take for one of another clock. */
function hrTime(unixMs: number): HrTime {
  const seconds = Math.floor(unixMs / 1_000);
  return [seconds, Math.min(999_999_999, Math.round((unixMs - seconds * 1_000) * 1e6))];
}

/** An `ExportTraceServiceRequest` of these spans (OpenTelemetry protocol 1.x), in protobuf; undefined where there is none to be made. */
export function encodeSpans(spans: readonly ReadableSpan[]): Uint8Array | undefined {
  return ProtobufTraceSerializer.serializeRequest([...spans]);
}

/** How many of a batch the collector has not kept, by its answer. */
export function rejectedIn(answer: Uint8Array): number {
  try {
    const rejected = ProtobufTraceSerializer.deserializeResponse(answer).partialSuccess?.rejectedSpans ?? 0;
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}
