/**
 * `envoy.service.auth.v3.CheckRequest`, read once and only where the decision looks. A property test holds
 * this walk against the full decoding by Envoy's own definitions.
 */
import type { InboundRequest } from '../../verify/inbound-request.js';
import type { PeerCertificates } from '../check/peer-certificates.js';
import { readHeaderMap, type HeaderSelection, type HeaderValues } from '../wire/header-map.js';
import { WireReader } from '../wire/reader.js';

/** Where Envoy's route names the policy. */
export const POLICY_EXTENSION = 'countersign_policy';

const POLICY_EXTENSION_BYTES = Buffer.from(POLICY_EXTENSION);
const NOTHING = Buffer.alloc(0);

/**
 * Walks the message; throws a RangeError on bytes that are no CheckRequest. As in protobuf itself, a scalar
 * that stands twice counts with its last value.
 */
export function readCheckRequest(
  message: Buffer,
  selection: HeaderSelection,
  certificates: Pick<PeerCertificates, 'read'>,
): InboundRequest {
  const { fields, certificate } = new CheckRequestWalk(selection).read(message);
  fields.peerCertificate = certificates.read(certificate);
  return fields;
}

class CheckRequestWalk {
  readonly #selection: HeaderSelection;
  readonly #headers: HeaderValues = new Map();
  readonly fields: { -readonly [Name in keyof InboundRequest]: InboundRequest[Name] } = {
    rawHeaders: false,
    rawBody: true,
    method: '',
    path: '',
    authority: '',
    policyName: undefined,
    headers: this.#headers,
    body: NOTHING,
    declaredSize: undefined,
    peerCertificate: 'missing',
  };
  /** Percent-encoded PEM of the peer's leaf certificate, as bytes; empty when absent. */
  certificate: Buffer = NOTHING;

  constructor(selection: HeaderSelection) {
    this.#selection = selection;
  }

  /** CheckRequest: attributes=1. */
  read(message: Buffer): this {
    const reader = new WireReader(message);
    while (reader.next()) if (reader.field === 1) this.#attributes(reader.inside());
    return this;
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
    while (reader.next()) if (reader.field === 5) this.certificate = reader.view();
  }

  /** A map entry: key=1, value=2. */
  #extension(reader: WireReader): void {
    let isPolicy = false;
    let value = '';
    while (reader.next()) {
      if (reader.field === 1) isPolicy = reader.holds(POLICY_EXTENSION_BYTES);
      else if (reader.field === 2) value = reader.utf8();
    }
    if (isPolicy) this.fields.policyName = value;
  }

  /** AttributeContext.Request: http=2. */
  #request(reader: WireReader): void {
    while (reader.next()) if (reader.field === 2) this.#http(reader.inside());
  }

  /** AttributeContext.HttpRequest: method=2, path=4, host=5, size=9, body=11, raw_body=12, header_map=13. */
  #http(reader: WireReader): void {
    const { fields } = this;
    while (reader.next()) {
      if (reader.field === 2) fields.method = reader.utf8();
      else if (reader.field === 4) fields.path = reader.utf8();
      else if (reader.field === 5) fields.authority = reader.utf8();
      else if (reader.field === 9) fields.declaredSize = reader.value;
      else if (reader.field === 11) fields.rawBody = reader.start === reader.end;
      else if (reader.field === 12) fields.body = reader.view();
      else if (reader.field === 13) {
        fields.rawHeaders = true;
        readHeaderMap(reader, this.#selection, this.#headers);
      }
    }
  }
}
