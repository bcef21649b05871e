/**
 * `envoy.service.auth.v3.CheckRequest`, read once and only where the decision looks: decoding it whole by
 * reflection costs more than the rest of the transport. A property test holds this walk against the full decoding.
 */
import protobuf from 'protobufjs/minimal.js';
import { FIXED_HEADER_NAMES, OUR_HEADER_PREFIX } from '../verify/inbound-request.js';
import type { SecurityHeaderNames } from '../verify/snapshot.js';

const { Reader } = protobuf;
type Reader = protobuf.Reader;

/** What is taken out of a CheckRequest. Byte fields are views into the message. */
export interface CheckFields {
  method: string;
  path: string;
  authority: string;
  /** `context_extensions.countersign_policy`. */
  policyName: string | undefined;
  headers: Map<string, Uint8Array[]>;
  spoofedNames: string[];
  body: Uint8Array;
  declaredSize: number | undefined;
  /** Percent-encoded PEM of the peer's leaf certificate, as bytes; empty when absent. */
  certificate: Uint8Array;
  /** `header_map` was there. */
  rawHeaders: boolean;
  /** The text field `body` was not used. */
  rawBody: boolean;
}

/** Where Envoy's route names the policy. */
export const POLICY_EXTENSION = 'countersign_policy';

const EMPTY: Uint8Array = new Uint8Array(0);

/** Which header names are kept, in lower case. Made once a snapshot. */
export function wantedHeaders(names: SecurityHeaderNames): ReadonlySet<string> {
  return new Set([...FIXED_HEADER_NAMES, ...Object.values<string>({ ...names })]);
}

/**
 * Walks the message. Throws a RangeError or an Error of protobufjs on bytes that are no CheckRequest; as in
 * protobuf itself, a scalar that stands twice counts with its last value.
 */
export function readCheckRequest(message: Uint8Array, wanted: ReadonlySet<string>): CheckFields {
  const fields: CheckFields = {
    method: '',
    path: '',
    authority: '',
    policyName: undefined,
    headers: new Map(),
    spoofedNames: [],
    body: EMPTY,
    declaredSize: undefined,
    certificate: EMPTY,
    rawHeaders: false,
    rawBody: true,
  };
  eachField(Reader.create(message), message.length, (field, reader) => {
    if (field !== 1) return false;
    readAttributes(reader, fields, wanted);
    return true;
  });
  return fields;
}

/** AttributeContext: source=1, request=4, context_extensions=10. */
function readAttributes(reader: Reader, fields: CheckFields, wanted: ReadonlySet<string>): void {
  eachField(reader, endOf(reader), (field, inner) => {
    if (field === 1) readSource(inner, fields);
    else if (field === 4) readRequest(inner, fields, wanted);
    else if (field === 10) readExtension(inner, fields);
    else return false;
    return true;
  });
}

/** Peer: certificate=5. */
function readSource(reader: Reader, fields: CheckFields): void {
  eachField(reader, endOf(reader), (field, inner) => {
    if (field !== 5) return false;
    fields.certificate = inner.bytes();
    return true;
  });
}

/** A map entry: key=1, value=2. */
function readExtension(reader: Reader, fields: CheckFields): void {
  let key = '';
  let value = '';
  eachField(reader, endOf(reader), (field, inner) => {
    if (field === 1) key = inner.string();
    else if (field === 2) value = inner.string();
    else return false;
    return true;
  });
  if (key === POLICY_EXTENSION) fields.policyName = value;
}

/** AttributeContext.Request: http=2. */
function readRequest(reader: Reader, fields: CheckFields, wanted: ReadonlySet<string>): void {
  eachField(reader, endOf(reader), (field, inner) => {
    if (field !== 2) return false;
    readHttp(inner, fields, wanted);
    return true;
  });
}

/** AttributeContext.HttpRequest: method=2, path=4, host=5, size=9, body=11, raw_body=12, header_map=13. */
function readHttp(reader: Reader, fields: CheckFields, wanted: ReadonlySet<string>): void {
  eachField(reader, endOf(reader), (field, inner) => {
    if (field === 2) fields.method = inner.string();
    else if (field === 4) fields.path = inner.string();
    else if (field === 5) fields.authority = inner.string();
    else if (field === 9) fields.declaredSize = safeNumber(inner);
    else if (field === 11) fields.rawBody = inner.bytes().length === 0 && fields.rawBody;
    else if (field === 12) fields.body = inner.bytes();
    else if (field === 13) readHeaderMap(inner, fields, wanted);
    else return false;
    return true;
  });
}

/** HeaderMap: headers=1. */
function readHeaderMap(reader: Reader, fields: CheckFields, wanted: ReadonlySet<string>): void {
  fields.rawHeaders = true;
  eachField(reader, endOf(reader), (field, inner) => {
    if (field !== 1) return false;
    readHeader(inner, fields, wanted);
    return true;
  });
}

/** HeaderValue: key=1, raw_value=3 (value=2 stays unused under `encode_raw_headers`). An empty value comes without `raw_value`. */
function readHeader(reader: Reader, fields: CheckFields, wanted: ReadonlySet<string>): void {
  let name = '';
  let value = EMPTY;
  eachField(reader, endOf(reader), (field, inner) => {
    if (field === 1) name = inner.string();
    else if (field === 3) value = inner.bytes();
    else return false;
    return true;
  });
  if (name.startsWith(OUR_HEADER_PREFIX)) fields.spoofedNames.push(name);
  if (!wanted.has(name)) return;
  const values = fields.headers.get(name);
  if (values === undefined) fields.headers.set(name, [value]);
  else values.push(value);
}

/** int64 as a number; what does not fit exactly equals no body length, so it may become NaN. */
function safeNumber(reader: Reader): number {
  const value = Number(String(reader.int64()));
  return Number.isSafeInteger(value) ? value : NaN;
}

function endOf(reader: Reader): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError('a length points past the end of the CheckRequest');
  return end;
}

/** Calls `read` for each field up to `end`; what it does not take is skipped. Length-delimited fields only are taken whole. */
function eachField(reader: Reader, end: number, read: (field: number, reader: Reader) => boolean): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!read(tag >>> 3, reader)) reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new RangeError('a field of the CheckRequest runs past its message');
}
