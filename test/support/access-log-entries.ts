/** Entries of Envoy's access log as 1.36 and 1.40 were seen to write them, decoded. */
import { DOWNSTREAM_END, FLAG, type HttpEntry } from '../../src/envoy/access-log/entry.js';

/** A request that was let through, sent and answered. */
export const ANSWERED: HttpEntry = {
  type: DOWNSTREAM_END,
  startMs: 1_700_000_000_000,
  durationUs: 4_000,
  receivedUs: 900,
  flags: 0,
  peerAddress: '127.0.0.1',
  bytesSent: 150,
  bytesReceived: 900,
  tlsVersion: 4,
  transportFailure: '',
  terminationDetails: '',
  decision: new Map([
    ['decision_id', '8f14e45f-ceea-467f-a9e8-8f3d9e1c2b3a'],
    ['code', 'allow'],
    ['claim', 'opaque'],
  ]),
  method: 3,
  path: '/internal/v1/telemetry',
  requestId: 'c2b3a8f1-0000-4000-8000-000000000000',
  protocol: 2,
  status: 202,
  codeDetails: 'via_upstream',
  attempts: 1,
  upstreamBytesSent: 1_400,
  upstreamHeaderBytesSent: 900,
  upstreamBytesReceived: 130,
  upstreamFirstSentUs: 2_000,
  upstreamFirstReceivedUs: 3_000,
  upstreamLastReceivedUs: 3_000,
  upstreamFailure: '',
};

/** The application was away for longer than Envoy tries. */
export const REFUSED_CONNECTION: HttpEntry = {
  ...ANSWERED,
  flags: FLAG.UF | FLAG.URX,
  status: 503,
  codeDetails: 'upstream_reset_before_response_started{connection_failure}',
  attempts: 13,
  upstreamBytesSent: 0,
  upstreamHeaderBytesSent: 0,
  upstreamBytesReceived: 0,
  upstreamFirstSentUs: undefined,
  upstreamFirstReceivedUs: undefined,
  upstreamLastReceivedUs: undefined,
};
