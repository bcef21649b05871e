/**
 * `envoy.data.accesslog.v3`, read once and only where somebody looks; every text is cut at a bound. A property test holds
 * this walk against the full decoding by Envoy's own definitions.
 */
import { readDecisionMetadata } from '../wire/metadata.js';
import type { WireReader } from '../wire/reader.js';
import { FLAG, type ConnectionEntry, type HttpEntry } from './entry.js';

/** Bytes of texts that a client writes, or that Envoy writes about it. */
export const MAX_PATH_BYTES = 512;
export const MAX_TEXT_BYTES = 256;
const MAX_NAME_BYTES = 64;

const QUESTION_MARK = 0x3f;
/** The highest field of ResponseFlags that `FLAG` has a bit for. */
const LAST_FLAG = 28;

/** Reads the present field as an HTTPAccessLogEntry. Throws a RangeError on bytes that are none. */
export function readHttpEntry(reader: WireReader): HttpEntry {
  const walk = new EntryWalk();
  walk.http(reader.inside());
  return walk.fields;
}

/** Reads the present field as a TCPAccessLogEntry. Throws a RangeError on bytes that are none. */
export function readConnectionEntry(reader: WireReader): ConnectionEntry {
  const walk = new EntryWalk();
  walk.connection(reader.inside());
  return walk.fields;
}

class EntryWalk {
  readonly fields: { -readonly [Name in keyof HttpEntry]: HttpEntry[Name] } = {
    type: 0,
    startMs: undefined,
    durationUs: undefined,
    receivedUs: undefined,
    flags: 0,
    peerAddress: undefined,
    bytesSent: 0,
    bytesReceived: 0,
    tlsVersion: 0,
    transportFailure: '',
    terminationDetails: '',
    decision: undefined,
    method: 0,
    path: '',
    requestId: '',
    protocol: 0,
    status: undefined,
    codeDetails: '',
    attempts: 0,
    upstreamBytesSent: 0,
    upstreamHeaderBytesSent: 0,
    upstreamBytesReceived: 0,
    upstreamFirstSentUs: undefined,
    upstreamFirstReceivedUs: undefined,
    upstreamLastReceivedUs: undefined,
    upstreamFailure: '',
  };

  /** HTTPAccessLogEntry: common_properties=1, protocol_version=2, request=3, response=4. */
  http(reader: WireReader): void {
    while (reader.next()) {
      if (reader.field === 1) this.#common(reader.inside());
      else if (reader.field === 2) this.fields.protocol = reader.value;
      else if (reader.field === 3) this.#request(reader.inside());
      else if (reader.field === 4) this.#response(reader.inside());
    }
  }

  /** TCPAccessLogEntry: common_properties=1, connection_properties=2 { received_bytes=1, sent_bytes=2 }. */
  connection(reader: WireReader): void {
    while (reader.next()) {
      if (reader.field === 1) this.#common(reader.inside());
      else if (reader.field === 2) {
        const properties = reader.inside();
        while (properties.next()) {
          if (properties.field === 1) this.fields.bytesReceived = properties.value;
          else if (properties.field === 2) this.fields.bytesSent = properties.value;
        }
      }
    }
  }

  #common(reader: WireReader): void {
    while (reader.next()) {
      if (reader.field <= 12) this.#times(reader);
      else if (reader.field >= 29) this.#counts(reader);
      else this.#facts(reader);
    }
  }

  /** tls_properties=4 and, from its start_time=5, the intervals time_to_last_rx_byte=6 to time_to_last_upstream_rx_byte=10. */
  #times(reader: WireReader): void {
    const { fields } = this;
    if (reader.field === 4) fields.tlsVersion = tlsVersion(reader.inside());
    else if (reader.field === 5) fields.startMs = timeOf(reader, 1000);
    else if (reader.field === 6) fields.receivedUs = timeOf(reader, 1_000_000);
    else if (reader.field === 7) fields.upstreamFirstSentUs = timeOf(reader, 1_000_000);
    else if (reader.field === 9) fields.upstreamFirstReceivedUs = timeOf(reader, 1_000_000);
    else if (reader.field === 10) fields.upstreamLastReceivedUs = timeOf(reader, 1_000_000);
  }

  /**
   * response_flags=16, metadata=17, upstream_transport_failure_reason=18, downstream_direct_remote_address=20, duration=23,
   * upstream_request_attempt_count=24, connection_termination_details=25, downstream_transport_failure_reason=28.
   */
  #facts(reader: WireReader): void {
    const { fields } = this;
    if (reader.field === 16) fields.flags |= flagsOf(reader.inside());
    else if (reader.field === 17) fields.decision = readDecisionMetadata(reader.inside()) ?? fields.decision;
    else if (reader.field === 18) fields.upstreamFailure = textOf(reader);
    else if (reader.field === 20) fields.peerAddress = ipAddress(reader.inside());
    else if (reader.field === 23) fields.durationUs = timeOf(reader, 1_000_000);
    else if (reader.field === 24) fields.attempts = reader.value;
    else if (reader.field === 25) fields.terminationDetails = textOf(reader);
    else if (reader.field === 28) fields.transportFailure = textOf(reader);
  }

  /** downstream_wire_bytes_sent=29, _received=30, upstream_wire_bytes_sent=31, _received=32, access_log_type=33. */
  #counts(reader: WireReader): void {
    const { fields } = this;
    if (reader.field === 29) fields.bytesSent = reader.value;
    else if (reader.field === 30) fields.bytesReceived = reader.value;
    else if (reader.field === 31) fields.upstreamBytesSent = reader.value;
    else if (reader.field === 32) fields.upstreamBytesReceived = reader.value;
    else if (reader.field === 33) fields.type = reader.value;
  }

  /** HTTPRequestProperties: request_method=1, path=5, request_id=9, upstream_header_bytes_sent=14. */
  #request(reader: WireReader): void {
    const { fields } = this;
    while (reader.next()) {
      if (reader.field === 1) fields.method = reader.value;
      else if (reader.field === 5) fields.path = pathOf(reader);
      else if (reader.field === 9) fields.requestId = textOf(reader, MAX_NAME_BYTES);
      else if (reader.field === 14) fields.upstreamHeaderBytesSent = reader.value;
    }
  }

  /** HTTPResponseProperties: response_code=1 { value=1 }, response_code_details=6. */
  #response(reader: WireReader): void {
    while (reader.next()) {
      if (reader.field === 1) this.fields.status = statusOf(reader.inside());
      else if (reader.field === 6) this.fields.codeDetails = textOf(reader);
    }
  }
}

/** A Timestamp or a Duration (seconds=1, nanos=2) in so many parts of a second. NaN: it is there and cannot be read. */
function timeOf(field: WireReader, perSecond: number): number {
  const reader = field.inside();
  let seconds = 0;
  let nanos = 0;
  while (reader.next()) {
    if (reader.field === 1) seconds = reader.value;
    else if (reader.field === 2) nanos = reader.value;
  }
  return seconds * perSecond + Math.floor((nanos * perSecond) / 1_000_000_000);
}

/** ResponseFlags: each flag is a field; all are bools but unauthorized_details=13, a message that is there or is not. */
function flagsOf(reader: WireReader): number {
  let flags = 0;
  while (reader.next()) {
    const isSet = reader.field === 13 || reader.value !== 0;
    if (isSet) flags |= reader.field <= LAST_FLAG ? 1 << reader.field : FLAG.UNKNOWN;
  }
  return flags;
}

/** TLSProperties: tls_version=1. */
function tlsVersion(reader: WireReader): number {
  let version = 0;
  while (reader.next()) if (reader.field === 1) version = reader.value;
  return version;
}

/** Address: socket_address=1 { address=2 }; a pipe has no address. */
function ipAddress(reader: WireReader): string | undefined {
  let address: string | undefined;
  while (reader.next()) {
    if (reader.field !== 1) continue;
    const socket = reader.inside();
    while (socket.next()) if (socket.field === 2) address = textOf(socket, MAX_NAME_BYTES);
  }
  return address;
}

/** UInt32Value: value=1. */
function statusOf(reader: WireReader): number | undefined {
  let status: number | undefined;
  while (reader.next()) if (reader.field === 1) status = reader.value;
  return status;
}

function textOf({ bytes, start, end }: WireReader, maxBytes = MAX_TEXT_BYTES): string {
  return bytes.toString('utf8', start, Math.min(end, start + maxBytes));
}

/** A query may hold what nobody is to read. */
function pathOf({ bytes, start, end }: WireReader): string {
  const last = Math.min(end, start + MAX_PATH_BYTES);
  const query = bytes.subarray(start, last).indexOf(QUESTION_MARK);
  return bytes.toString('utf8', start, query < 0 ? last : start + query);
}
