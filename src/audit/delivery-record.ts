/**
 * Records of what Envoy alone knows: what became of each request that was let through, what never reached the verifier, TLS
 * handshakes that failed, and the gaps in that knowledge. What a client wrote is cut by the reader of the entries and
 * escaped here. docs/operations.md#records lists the members.
 */
import { member, ours } from './members.js';
import { isoTime } from './record.js';

/** Sizes and times of a request as Envoy counted them; undefined, or not a number, where it did not. */
export interface EnvoyFigures {
  /** When the request began, Unix milliseconds. */
  readonly startedMs: number | undefined;
  readonly durationUs: number | undefined;
  /** From and to the client, on the wire. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

/** What became of a request that was let through. */
export interface DeliveryRecordInput extends EnvoyFigures {
  readonly nowMs: number;
  readonly outcome: 'delivered' | 'undelivered' | 'unknown';
  readonly decisionId: string;
  /** `allow`, `would_refuse` or `pass_through`. */
  readonly decision: string;
  /** HTTP status of the answer to the client; undefined when it got none. */
  readonly status: number | undefined;
  /** Envoy's flags and its details of the status. */
  readonly flags: string;
  readonly details: string;
  readonly attempts: number;
  readonly upstreamBytesSent: number;
  readonly upstreamBytesReceived: number;
  /** From the first byte sent to the last one received, of the last attempt. */
  readonly upstreamUs: number | undefined;
  readonly upstreamFailure: string;
  readonly envoyRequestId: string;
  readonly identity: string | undefined;
  readonly tenant: string | undefined;
  readonly policy: string | undefined;
}

const DELIVERY_EVENTS = {
  delivered: 'request.delivered',
  undelivered: 'request.undelivered',
  unknown: 'request.delivery_unknown',
} as const;

/** The line, newline included, as that of every function here. */
export function deliveryLine(input: DeliveryRecordInput): string {
  return (
    head(input.nowMs, DELIVERY_EVENTS[input.outcome]) +
    member('decision_id', input.decisionId) +
    member('decision', input.decision) +
    number('status', input.status) +
    text('flags', input.flags) +
    text('details', input.details) +
    number('attempts', input.attempts) +
    figures(input) +
    number('upstream_bytes_sent', input.upstreamBytesSent) +
    number('upstream_bytes_received', input.upstreamBytesReceived) +
    number('upstream_us', input.upstreamUs) +
    text('upstream_failure', input.upstreamFailure) +
    text('request_id', input.envoyRequestId) +
    member('identity', input.identity) +
    member('tenant', input.tenant) +
    member('policy', input.policy) +
    END
  );
}

/** A request that the verifier did not decide on. Nothing of it is verified. */
export interface EnvoyRefusalRecordInput extends EnvoyFigures {
  readonly nowMs: number;
  readonly status: number | undefined;
  readonly flags: string;
  readonly details: string;
  readonly method: string | undefined;
  /** Without its query. */
  readonly path: string;
  /** The client's own, where Envoy refused before it gave out one. */
  readonly claimedRequestId: string;
  readonly peerAddress: string | undefined;
}

export function envoyRefusalLine(input: EnvoyRefusalRecordInput): string {
  return (
    head(input.nowMs, 'envoy.refused') +
    number('status', input.status) +
    text('flags', input.flags) +
    text('details', input.details) +
    member('method', input.method) +
    text('path', input.path) +
    text('claimed_request_id', input.claimedRequestId) +
    member('peer_address', input.peerAddress) +
    figures(input) +
    END
  );
}

/** A connection that ended before it was one of TLS. */
export interface TlsFailureRecordInput {
  readonly nowMs: number;
  /** A word for the kind of failure. */
  readonly reason: string;
  /** Envoy's words. */
  readonly details: string;
  readonly peerAddress: string | undefined;
  readonly startedMs: number | undefined;
  readonly durationUs: number | undefined;
}

export function tlsFailureLine(input: TlsFailureRecordInput): string {
  return (
    head(input.nowMs, 'tls.failed') +
    ours('reason', input.reason) +
    text('details', input.details) +
    member('peer_address', input.peerAddress) +
    started(input.startedMs) +
    number('duration_us', input.durationUs) +
    END
  );
}

/** A stream of entries has begun. */
export function accessLogOpenedLine(nowMs: number, stream: number, logName: string): string {
  return `${head(nowMs, 'access_log.opened')},"stream":${stream}${member('log_name', logName)}${END}`;
}

/** What is not known, and why. Which members there are follows from the reason. */
export interface GapRecordInput {
  readonly nowMs: number;
  readonly reason:
    'stream_ended' | 'malformed' | 'overloaded' | 'over_rate' | 'not_recorded' | 'not_delivered';
  /** The stream that has ended, its log, and how many entries came over it. */
  readonly stream?: number;
  readonly logName?: string;
  readonly entries?: number;
  /** Of which event records were left out. */
  readonly of?: string;
  /** Entries, messages or records that are missing. */
  readonly leftOut?: number;
}

export function accessLogGapLine(input: GapRecordInput): string {
  return (
    head(input.nowMs, 'access_log.gap') +
    ours('reason', input.reason) +
    number('stream', input.stream) +
    member('log_name', input.logName) +
    number('entries', input.entries) +
    member('of', input.of) +
    number('left_out', input.leftOut) +
    END
  );
}

const END = '}\n';

function head(nowMs: number, event: string): string {
  return `{"time":"${isoTime(nowMs)}","event":"${event}"`;
}

function figures({ startedMs, durationUs, bytesReceived, bytesSent }: EnvoyFigures): string {
  return (
    started(startedMs) +
    number('duration_us', durationUs) +
    number('bytes_received', bytesReceived) +
    number('bytes_sent', bytesSent)
  );
}

/** Years that a calendar has: what Envoy's clock says is Envoy's affair, but a record can be written. */
const LAST_MS = 253_402_300_799_999;

function started(startedMs: number | undefined): string {
  if (startedMs === undefined || !(startedMs >= 0 && startedMs <= LAST_MS)) return '';
  return `,"started":"${isoTime(startedMs)}"`;
}

function number(name: string, value: number | undefined): string {
  return value === undefined || !Number.isSafeInteger(value) ? '' : `,"${name}":${value}`;
}

/** Nothing for an empty text. */
function text(name: string, value: string): string {
  return value === '' ? '' : member(name, value);
}
