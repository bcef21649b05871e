/** One entry of Envoy's access log as far as it is read: what became of a request, and how a connection ended. */

/**
 * `envoy.data.accesslog.v3.ResponseFlags` as bits: of the field of each flag, so that a set of them is one number. A flag
 * that this table does not know is bit 0: no rule may take an entry for clear that says more than we can read.
 */
export const FLAG = {
  UNKNOWN: 1,
  LH: 1 << 1,
  UH: 1 << 2,
  UT: 1 << 3,
  LR: 1 << 4,
  UR: 1 << 5,
  UF: 1 << 6,
  UC: 1 << 7,
  UO: 1 << 8,
  NR: 1 << 9,
  DI: 1 << 10,
  FI: 1 << 11,
  RL: 1 << 12,
  UAEX: 1 << 13,
  RLSE: 1 << 14,
  DC: 1 << 15,
  URX: 1 << 16,
  SI: 1 << 17,
  IH: 1 << 18,
  DPE: 1 << 19,
  UMSDR: 1 << 20,
  RFCF: 1 << 21,
  NFCF: 1 << 22,
  DT: 1 << 23,
  UPE: 1 << 24,
  NC: 1 << 25,
  OM: 1 << 26,
  DF: 1 << 27,
  DR: 1 << 28,
} as const;

/** The names that Envoy's file access log has for them (`%RESPONSE_FLAGS%`), joined by commas; empty for none. */
export function flagNames(flags: number): string {
  let names = '';
  for (const [name, bit] of Object.entries(FLAG))
    if ((flags & bit) !== 0) names += `${names === '' ? '' : ','}${name}`;
  return names;
}

/** `envoy.data.accesslog.v3.AccessLogType`: the one of an HTTP request that is over. */
export const DOWNSTREAM_END = 6;

/** What HTTP and TCP entries have in common (`AccessLogCommon`). Counts are of bytes on the wire. A number that is there and cannot be read is NaN. */
export interface CommonEntry {
  /** `AccessLogType`. */
  readonly type: number;
  /** Wall clock of Envoy, Unix milliseconds; undefined where it was not said. */
  readonly startMs: number | undefined;
  readonly durationUs: number | undefined;
  /** From the first byte of the client to its last one. */
  readonly receivedUs: number | undefined;
  /** Bits of `FLAG`. */
  readonly flags: number;
  /** IP address of the peer itself, never one that a header named; undefined for a pipe. */
  readonly peerAddress: string | undefined;
  /** Sent to and received from the client. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** `TLSProperties.TLSVersion`; of a handshake that failed it says nothing. */
  readonly tlsVersion: number;
  /** `downstream_transport_failure_reason` and `connection_termination_details`: Envoy's words, empty for none. */
  readonly transportFailure: string;
  readonly terminationDetails: string;
}

/** A request that is over (`HTTPAccessLogEntry`). Texts are what the client wrote, or Envoy about it: not verified. */
export interface HttpEntry extends CommonEntry {
  /** The text values of our verifier, which it alone writes; undefined: it was not asked, or did not answer. */
  readonly decision: ReadonlyMap<string, string> | undefined;
  /** `RequestMethod`; 0 for one that Envoy has no number for. */
  readonly method: number;
  /** Without its query, cut at a bound. */
  readonly path: string;
  /** `x-request-id`: Envoy's own, once a request was checked; before that it may be the client's. */
  readonly requestId: string;
  /** `HTTPVersion`. */
  readonly protocol: number;
  /** What the client got or would have got; undefined when there was nothing to send. */
  readonly status: number | undefined;
  /** Envoy's word on where the status comes from. */
  readonly codeDetails: string;
  /** Tries to reach the upstream; 0 where there was none. */
  readonly attempts: number;
  /** Over all attempts, of requests and of their headers alone. */
  readonly upstreamBytesSent: number;
  readonly upstreamHeaderBytesSent: number;
  /** Of the last attempt. */
  readonly upstreamBytesReceived: number;
  /** From the first byte of the client to the first and last one to and from the upstream, of the last attempt. Undefined: there was none. */
  readonly upstreamFirstSentUs: number | undefined;
  readonly upstreamFirstReceivedUs: number | undefined;
  readonly upstreamLastReceivedUs: number | undefined;
  /** Of the upstream's TLS, Envoy's words. */
  readonly upstreamFailure: string;
}

/** A connection that is over (`TCPAccessLogEntry`). */
export type ConnectionEntry = CommonEntry;
