/**
 * `envoy.service.auth.v3.CheckRequest`, read once and only where the decision looks. A property test holds
 * this walk against the full decoding by Envoy's own definitions.
 */
import { FIXED_HEADER_NAMES, OUR_HEADER_PREFIX } from '../../verify/inbound-request.js';
import type { SecurityHeaderNames } from '../../protocol/header-names.js';
import { WantedNames } from './wanted-names.js';
import { WireReader } from '../wire/reader.js';

/** What is taken out of a CheckRequest. Byte fields are views into the message. */
export interface CheckFields {
  method: string;
  path: string;
  authority: string;
  /** `context_extensions.countersign_policy`. */
  policyName: string | undefined;
  /** Values one character a byte (Latin-1), under lower-case names. */
  readonly headers: Map<string, string[]>;
  readonly spoofedNames: string[];
  body: Buffer;
  declaredSize: number | undefined;
  /** Percent-encoded PEM of the peer's leaf certificate, as bytes; empty when absent. */
  certificate: Buffer;
  /** `header_map` was there. */
  rawHeaders: boolean;
  /** The text field `body` was not used. */
  rawBody: boolean;
}

/** Where Envoy's route names the policy. */
export const POLICY_EXTENSION = 'countersign_policy';

const NOTHING = Buffer.alloc(0);

/** Which header names are kept, in lower case. Made once a snapshot. */
export function wantedHeaders(names: SecurityHeaderNames): WantedNames {
  return new WantedNames([...FIXED_HEADER_NAMES, ...Object.values<string>({ ...names })], OUR_HEADER_PREFIX);
}

/**
 * Walks the message; throws a RangeError on bytes that are no CheckRequest. As in protobuf itself, a scalar
 * that stands twice counts with its last value.
 */
export function readCheckRequest(message: Buffer, wanted: WantedNames): CheckFields {
  return new CheckRequestWalk(message, wanted).read();
}

class CheckRequestWalk {
  readonly #message: Buffer;
  readonly #wanted: WantedNames;
  /** For the entries of the header list, one after the other. */
  readonly #entry: WireReader;
  readonly #fields: CheckFields = {
    method: '',
    path: '',
    authority: '',
    policyName: undefined,
    headers: new Map(),
    spoofedNames: [],
    body: NOTHING,
    declaredSize: undefined,
    certificate: NOTHING,
    rawHeaders: false,
    rawBody: true,
  };

  constructor(message: Buffer, wanted: WantedNames) {
    this.#message = message;
    this.#wanted = wanted;
    this.#entry = new WireReader(message);
  }

  /** CheckRequest: attributes=1. */
  read(): CheckFields {
    const reader = new WireReader(this.#message);
    while (reader.next()) if (reader.field === 1) this.#attributes(this.#inside(reader));
    return this.#fields;
  }

  #inside(reader: WireReader): WireReader {
    return new WireReader(this.#message, reader.start, reader.end);
  }

  /** AttributeContext: source=1, request=4, context_extensions=10. */
  #attributes(reader: WireReader): void {
    while (reader.next()) {
      if (reader.field === 1) this.#source(this.#inside(reader));
      else if (reader.field === 4) this.#request(this.#inside(reader));
      else if (reader.field === 10) this.#extension(this.#inside(reader));
    }
  }

  /** Peer: certificate=5. */
  #source(reader: WireReader): void {
    while (reader.next()) if (reader.field === 5) this.#fields.certificate = reader.view();
  }

  /** A map entry: key=1, value=2. */
  #extension(reader: WireReader): void {
    let key = '';
    let value = '';
    while (reader.next()) {
      if (reader.field === 1) key = reader.utf8();
      else if (reader.field === 2) value = reader.utf8();
    }
    if (key === POLICY_EXTENSION) this.#fields.policyName = value;
  }

  /** AttributeContext.Request: http=2. */
  #request(reader: WireReader): void {
    while (reader.next()) if (reader.field === 2) this.#http(this.#inside(reader));
  }

  /** AttributeContext.HttpRequest: method=2, path=4, host=5, size=9, body=11, raw_body=12, header_map=13. */
  #http(reader: WireReader): void {
    const fields = this.#fields;
    while (reader.next()) {
      if (reader.field === 2) fields.method = reader.utf8();
      else if (reader.field === 4) fields.path = reader.utf8();
      else if (reader.field === 5) fields.authority = reader.utf8();
      else if (reader.field === 9) fields.declaredSize = reader.value;
      else if (reader.field === 11) fields.rawBody = reader.start === reader.end;
      else if (reader.field === 12) fields.body = reader.view();
      else if (reader.field === 13) this.#headerMap(this.#inside(reader));
    }
  }

  /** HeaderMap: headers=1. */
  #headerMap(reader: WireReader): void {
    this.#fields.rawHeaders = true;
    while (reader.next()) if (reader.field === 1) this.#header(reader.start, reader.end);
  }

  /**
   * HeaderValue: key=1, raw_value=3 (value=2 stays unused under `encode_raw_headers`). An empty value comes
   * without `raw_value`.
   */
  #header(start: number, end: number): void {
    const entry = this.#entry;
    let name: string | undefined;
    let valueStart = 0;
    let valueEnd = 0;
    entry.enter(start, end);
    while (entry.next()) {
      if (entry.field === 1) name = this.#wanted.match(this.#message, entry.start, entry.end);
      else if (entry.field === 3) [valueStart, valueEnd] = [entry.start, entry.end];
    }
    if (name === undefined) return;
    const value = this.#message.toString('latin1', valueStart, valueEnd);
    if (name.startsWith(OUR_HEADER_PREFIX)) this.#fields.spoofedNames.push(name);
    const values = this.#fields.headers.get(name);
    if (values === undefined) this.#fields.headers.set(name, [value]);
    else values.push(value);
  }
}
