/**
 * `envoy.service.ext_proc.v3.ProcessingRequest`, read once and only where somebody looks. A property test
 * holds this walk against the full decoding by Envoy's own definitions.
 */
import { OUR_HEADER_PREFIX } from '../../protocol/header-names.js';
import { HeaderSelection, readHeaderMap, type HeaderValues } from '../wire/header-map.js';
import { readStructOf, readVerifierMetadata } from '../wire/metadata.js';
import { WireReader } from '../wire/reader.js';

/** The headers of a response, as far as they matter. */
export interface ResponseHeaders {
  readonly kind: 'response_headers';
  /** Values one character a byte (Latin-1), under lower-case names: `:status`, the framing, and whatever looks like ours. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** No body follows. */
  readonly endOfStream: boolean;
}

/** A body or a part of one; a view into the message. */
export interface ResponseBody {
  readonly kind: 'response_body';
  readonly body: Buffer;
  /** False where more follows, trailers included. */
  readonly endOfStream: boolean;
}

/** The headers of a request, pseudo-headers included, as far as they are selected. */
export interface RequestHeaders extends Omit<ResponseHeaders, 'kind'> {
  readonly kind: 'request_headers';
}

/** The body of a request; as that of a response. */
export interface RequestBody extends Omit<ResponseBody, 'kind'> {
  readonly kind: 'request_body';
}

/** What a message is about; `other` is anything that nobody here asks for. */
type ProcessingPart =
  RequestHeaders | RequestBody | ResponseHeaders | ResponseBody | { readonly kind: 'other' };

/** What is taken out of a ProcessingRequest. The metadata (`context`) comes from our own verifier, never from the upstream. */
export interface ProcessingRequest {
  readonly part: ProcessingPart;
  /** The text values under `envoy.filters.http.ext_authz`; undefined when the verifier left none. */
  readonly context: ReadonlyMap<string, string> | undefined;
  /** Text values of the attributes that `response_attributes` asked for; with the first message alone. */
  readonly attributes: ReadonlyMap<string, string>;
  /** `ProcessingMode.BodySendMode` that the filter works in, for bodies of requests and of answers; with the first message alone. */
  readonly requestBodyMode: number | undefined;
  readonly responseBodyMode: number | undefined;
  /** Nobody waits for our answers. */
  readonly observed: boolean;
}

/** `ProcessingMode.BodySendMode.BUFFERED`. */
export const BUFFERED = 2;

export const FILTER_NAME = 'envoy.filters.http.ext_proc';

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();

/** Besides the framing, what may not come from an upstream: the verifier's own names. */
const SELECTION = new HeaderSelection([':status', 'content-length', 'content-encoding'], OUR_HEADER_PREFIX);

/**
 * Walks the message; throws a RangeError on bytes that are no ProcessingRequest, or that hold two messages.
 * `ofRequests`: which headers of a request are read; without it what is about requests is `other`.
 */
export function readProcessingRequest(message: Buffer, ofRequests?: HeaderSelection): ProcessingRequest {
  return new ProcessingRequestWalk(message, ofRequests).read();
}

class ProcessingRequestWalk {
  readonly #message: Buffer;
  readonly #ofRequests: HeaderSelection | undefined;
  #part: ProcessingPart | undefined;
  #context: ReadonlyMap<string, string> | undefined;
  #attributes = NO_ATTRIBUTES;
  #requestBodyMode: number | undefined;
  #responseBodyMode: number | undefined;
  #observed = false;

  constructor(message: Buffer, ofRequests: HeaderSelection | undefined) {
    this.#message = message;
    this.#ofRequests = ofRequests;
  }

  /** ProcessingRequest: request=2..7, metadata_context=8, attributes=9, observability_mode=10, protocol_config=11. */
  read(): ProcessingRequest {
    const reader = new WireReader(this.#message);
    while (reader.next()) this.#field(reader);
    return {
      part: this.#part ?? { kind: 'other' },
      context: this.#context,
      attributes: this.#attributes,
      requestBodyMode: this.#requestBodyMode,
      responseBodyMode: this.#responseBodyMode,
      observed: this.#observed,
    };
  }

  #field(reader: WireReader): void {
    if (reader.field >= 2 && reader.field <= 7) this.#setPart(reader);
    else if (reader.field === 8) this.#context = readVerifierMetadata(reader.inside()) ?? this.#context;
    else if (reader.field === 9) this.#attributes = readStructOf(reader, FILTER_NAME) ?? this.#attributes;
    else if (reader.field === 10) this.#observed = reader.value !== 0;
    else if (reader.field === 11) this.#setModes(reader.inside());
  }

  /** `request` is a oneof: of two, one would be passed over unseen. */
  #setPart(reader: WireReader): void {
    if (this.#part !== undefined) throw new RangeError('two messages in one');
    this.#part = this.#read(reader) ?? { kind: 'other' };
  }

  #read(reader: WireReader): ProcessingPart | undefined {
    if (reader.field === 3) return { kind: 'response_headers', ...headersOf(reader.inside(), SELECTION) };
    if (reader.field === 5) return { kind: 'response_body', ...bodyOf(reader.inside()) };
    if (this.#ofRequests === undefined) return undefined;
    if (reader.field === 2)
      return { kind: 'request_headers', ...headersOf(reader.inside(), this.#ofRequests) };
    return reader.field === 4 ? { kind: 'request_body', ...bodyOf(reader.inside()) } : undefined;
  }

  /** ProtocolConfiguration: request_body_mode=1, response_body_mode=2, absent for NONE. */
  #setModes(reader: WireReader): void {
    this.#requestBodyMode = this.#responseBodyMode = 0;
    while (reader.next()) {
      if (reader.field === 1) this.#requestBodyMode = reader.value;
      else if (reader.field === 2) this.#responseBodyMode = reader.value;
    }
  }
}

/** HttpHeaders: headers=1, end_of_stream=3. */
function headersOf(reader: WireReader, selection: HeaderSelection): Omit<ResponseHeaders, 'kind'> {
  const headers: HeaderValues = new Map();
  let endOfStream = false;
  while (reader.next()) {
    if (reader.field === 1) readHeaderMap(reader, selection, headers);
    else if (reader.field === 3) endOfStream = reader.value !== 0;
  }
  return { headers, endOfStream };
}

/** HttpBody: body=1, end_of_stream=2, which is believed only when it is written as Envoy writes it. */
function bodyOf(reader: WireReader): Omit<ResponseBody, 'kind'> {
  let body = Buffer.alloc(0);
  let endOfStream = false;
  while (reader.next()) {
    if (reader.field === 1) body = reader.view() as Buffer<ArrayBuffer>;
    else if (reader.field === 2) endOfStream = reader.value === 1;
  }
  return { body, endOfStream };
}
