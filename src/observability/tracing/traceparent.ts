/**
 * The trace that a request says it belongs to (W3C Trace Context, "traceparent Header"), and whether we take part. The
 * header is a stranger's until the request has been verified: it is read strictly, and it can never make us sample more
 * than our own share.
 */

/** Of version 00, whole; of later versions what version 00 has, with more behind a hyphen ("Versioning of traceparent"). */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]{1,200})?$/;
const INVALID_VERSION = 'ff';
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const SAMPLED = 1;
/** Of the trace id its last 56 bits are random ("Random Trace ID Flag"): 13 hex digits of them make an exact number. */
const RANDOM_DIGITS = 13;
const RANDOM_VALUES = 16 ** RANDOM_DIGITS;

/** What a request belongs to. */
export interface TraceParent {
  /** 32 small hex digits, not all 0. */
  readonly traceId: string;
  /** 16 small hex digits, not all 0. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** The one value of the header; undefined for none, for several, and for what is no traceparent. */
export function readTraceParent(values: readonly string[]): TraceParent | undefined {
  const [value, another] = values;
  if (value === undefined || another !== undefined) return undefined;
  const [, version, traceId = NO_TRACE, spanId = NO_SPAN, flags = '', more] = TRACEPARENT.exec(value) ?? [];
  if (version === undefined || version === INVALID_VERSION || traceId === NO_TRACE || spanId === NO_SPAN)
    return undefined;
  if (version === '00' && more !== undefined) return undefined;
  return { traceId, spanId, isSampled: (Number(`0x${flags}`) & SAMPLED) === SAMPLED };
}

/**
 * Whether this trace is one of the share that we take (0 to 1), the same for everybody who looks at its id. Who sends chosen
 * ids gets the share of those, so the number of spans needs a bound of its own.
 */
export function isInShare({ traceId }: Pick<TraceParent, 'traceId'>, share: number): boolean {
  return Number(`0x${traceId.slice(-RANDOM_DIGITS)}`) < share * RANDOM_VALUES;
}
