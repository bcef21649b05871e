/** From an entry to the line of its record. */
import { deliveryLine, envoyRefusalLine, tlsFailureLine } from '../../audit/delivery-record.js';
import type { DeliveryOutcome } from './delivery.js';
import { flagNames, type CommonEntry, type ConnectionEntry, type HttpEntry } from './entry.js';
import type { TlsFailureReason } from './tls-failure.js';

/** `envoy.config.core.v3.RequestMethod`, by number; any other method is not named by Envoy. */
const METHODS = [
  undefined,
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
] as const;

/** What is said of an entry besides itself. */
interface Judged {
  readonly decisionId: string;
  readonly outcome: DeliveryOutcome;
  readonly nowMs: number;
}

export function deliveryRecord(entry: HttpEntry, { decisionId, outcome, nowMs }: Judged): string {
  const { decision, upstreamFirstSentUs, upstreamLastReceivedUs } = entry;
  return deliveryLine({
    nowMs,
    outcome,
    decisionId,
    decision: decision?.has('would_refuse') === true ? 'would_refuse' : (decision?.get('code') ?? ''),
    status: entry.status,
    flags: flagNames(entry.flags),
    details: entry.codeDetails,
    attempts: entry.attempts,
    ...figuresOf(entry),
    upstreamBytesSent: entry.upstreamBytesSent,
    upstreamBytesReceived: entry.upstreamBytesReceived,
    upstreamUs:
      upstreamFirstSentUs === undefined || upstreamLastReceivedUs === undefined
        ? undefined
        : upstreamLastReceivedUs - upstreamFirstSentUs,
    upstreamFailure: entry.upstreamFailure,
    envoyRequestId: entry.requestId,
    identity: decision?.get('identity'),
    tenant: decision?.get('tenant'),
    policy: decision?.get('policy'),
  });
}

export function refusalRecord(entry: HttpEntry, nowMs: number): string {
  return envoyRefusalLine({
    nowMs,
    status: entry.status,
    flags: flagNames(entry.flags),
    details: entry.codeDetails,
    method: METHODS[entry.method],
    path: entry.path,
    claimedRequestId: entry.requestId,
    peerAddress: entry.peerAddress,
    ...figuresOf(entry),
  });
}

export function tlsFailureRecord(entry: ConnectionEntry, reason: TlsFailureReason, nowMs: number): string {
  return tlsFailureLine({
    nowMs,
    reason,
    details: entry.transportFailure === '' ? entry.terminationDetails : entry.transportFailure,
    peerAddress: entry.peerAddress,
    startedMs: entry.startMs,
    durationUs: entry.durationUs,
  });
}

function figuresOf({ startMs, durationUs, bytesReceived, bytesSent }: CommonEntry) {
  return { startedMs: startMs, durationUs, bytesReceived, bytesSent };
}
