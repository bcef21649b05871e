/**
 * `envoy.service.auth.v3.CheckRequest`, read once and only where the decision looks. A property test holds
 * this walk against the full decoding by Envoy's own definitions.
 */
import { FIXED_HEADER_NAMES } from '../../verify/inbound-request.js';
import { OUR_HEADER_PREFIX, type SecurityHeaderNames } from '../../protocol/header-names.js';
import { HeaderSelection, readHeaderMap, type HeaderValues } from '../wire/header-map.js';
import { WireReader } from '../wire/reader.js';

/** What is taken out of a CheckRequest. Byte fields are views into the message. */
export interface CheckFields {
  method: string;
  path: string;
  authority: string;
  /** `context_extensions.countersign_policy`. */
  policyName: string | undefined;
  /** Values one character a byte (Latin-1), under lower-case names. */
  readonly headers: HeaderValues;
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

/** Which headers are read. Made once a snapshot. */
export function selectedHeaders(names: SecurityHeaderNames): HeaderSelection {
  return new HeaderSelection(
    [...FIXED_HEADER_NAMES, ...Object.values<string>({ ...names })],
    OUR_HEADER_PREFIX,
  );
}

/**
 * Walks the message; throws a RangeError on bytes that are no CheckRequest. As in protobuf itself, a scalar
 * that stands twice counts with its last value.
 */
export function readCheckRequest(message: Buffer, selection: HeaderSelection): CheckFields {
  return new CheckRequestWalk(message, selection).read();
}

class CheckRequestWalk {
  readonly #message: Buffer;
  readonly #selection: HeaderSelection;
  readonly #fields: CheckFields = {
    method: '',
    path: '',
    authority: '',
    policyName: undefined,
    headers: new Map(),
    body: NOTHING,
    declaredSize: undefined,
    certificate: NOTHING,
    rawHeaders: false,
    rawBody: true,
  };

  constructor(message: Buffer, selection: HeaderSelection) {
    this.#message = message;
    this.#selection = selection;
  }

  /** CheckRequest: attributes=1. */
  read(): CheckFields {
    const reader = new WireReader(this.#message);
    while (reader.next()) if (reader.field === 1) this.#attributes(reader.inside());
    return this.#fields;
  }

  /** AttributeContext: source=1, request=4, context_extensions=10. */
  #attributes(reader: WireReader): void {
    while (reader.next()) {
      if (reader.field === 1) this.#source(reader.inside());
      else if (reader.field === 4) this.#request(reader.inside());
      else if (reader.field === 10) this.#extension(reader.inside());
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
    while (reader.next()) if (reader.field === 2) this.#http(reader.inside());
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
      else if (reader.field === 13) {
        fields.rawHeaders = true;
        readHeaderMap(reader, this.#selection, fields.headers);
      }
    }
  }
}
