/** The request side of `readProcessingRequest`, and what a stream begins with, against the full decoding by Envoy's definitions. */
import fc from 'fast-check';
import { beginningOf, DIGEST_ATTRIBUTE } from '../../src/envoy/ext-proc/first-message.js';
import { readProcessingRequest } from '../../src/envoy/ext-proc/request.js';
import { HeaderSelection } from '../../src/envoy/wire/header-map.js';
import { encodeProcessingRequest, FullProcessingRequest } from '../support/processing-messages.js';

const PROC = 'envoy.filters.http.ext_proc';
const NAMES = [':method', ':path', ':authority', 'content-length', 'x-telemetry-nonce'];
const selection = new HeaderSelection(NAMES, 'x-countersign-');

interface Struct {
  readonly fields?: Readonly<Record<string, { readonly stringValue?: string }>>;
}
interface Headers {
  readonly headers?: {
    readonly headers?: readonly { readonly key?: string; readonly raw_value?: Uint8Array }[];
  };
  readonly end_of_stream?: boolean;
}
interface Body {
  readonly body?: Uint8Array;
  readonly end_of_stream?: boolean;
}
/** The message as the full decoder gives it, in the names of the definitions. */
interface Decoded {
  readonly request_headers?: Headers;
  readonly request_body?: Body;
  readonly response_headers?: Headers;
  readonly response_body?: Body;
  readonly attributes?: Readonly<Record<string, Struct>>;
  readonly observability_mode?: boolean;
}

const decode = (message: Uint8Array): Decoded =>
  FullProcessingRequest.toObject(FullProcessingRequest.decode(message));

/** What our walk must have found, said a second time from the decoded message; of answers the kind alone. */
function expectedPart({ request_headers: head, request_body: body, ...others }: Decoded): object {
  if (head !== undefined) {
    const headers = new Map<string, string[]>();
    for (const { key = '', raw_value: raw = Buffer.alloc(0) } of head.headers?.headers ?? []) {
      if (!NAMES.includes(key) && !key.startsWith('x-countersign-')) continue;
      headers.set(key, [...(headers.get(key) ?? []), Buffer.from(raw).toString('latin1')]);
    }
    return { kind: 'request_headers', headers, endOfStream: head.end_of_stream ?? false };
  }
  if (body !== undefined) {
    const hex = Buffer.from(body.body ?? []).toString('hex');
    return { kind: 'request_body', body: hex, endOfStream: body.end_of_stream ?? false };
  }
  if (others.response_headers !== undefined) return { kind: 'response_headers' };
  return { kind: others.response_body === undefined ? 'other' : 'response_body' };
}

function expectedAttributes({ attributes }: Decoded): Map<string, string> {
  const texts = Object.entries(attributes?.[PROC]?.fields ?? {}).map(
    ([key, { stringValue }]) => [key, stringValue] as const,
  );
  return new Map(texts.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function walked(message: Buffer): object {
  const { part, attributes, observed } = readProcessingRequest(message, selection);
  if (part.kind === 'request_body')
    return { part: { ...part, body: part.body.toString('hex') }, attributes, observed };
  const known = part.kind === 'request_headers' ? part : { kind: part.kind };
  return { part: known, attributes, observed };
}

const expected = (decoded: Decoded): object => ({
  part: expectedPart(decoded),
  attributes: expectedAttributes(decoded),
  observed: decoded.observability_mode ?? false,
});

function expectedBeginning(decoded: Decoded): object {
  if (decoded.request_headers !== undefined)
    return { kind: 'request', peer: expectedAttributes(decoded).get(DIGEST_ATTRIBUTE) ?? '' };
  return { kind: decoded.response_headers === undefined ? 'other' : 'answer' };
}

const optional = { requiredKeys: [] };
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
/** `__proto__` as a key of a plain object would be lost on the way in, not on the way out. */
const key = text.filter((value) => value !== '__proto__');
const name = fc.oneof(
  fc.constantFrom(...NAMES, 'x-countersign-tenant', 'x-countersign', ':methods', 'X-Telemetry-Nonce'),
  text,
);
const header = fc.record({ key: name, value: text, raw_value: fc.uint8Array({ maxLength: 12 }) }, optional);
const headers = fc.record(
  { headers: fc.record({ headers: fc.array(header, { maxLength: 12 }) }), end_of_stream: fc.boolean() },
  optional,
);
const body = fc.record({ body: fc.uint8Array({ maxLength: 300 }), end_of_stream: fc.boolean() }, optional);
const part = fc.oneof(
  { weight: 4, arbitrary: fc.record({ request_headers: headers }) },
  { weight: 2, arbitrary: fc.record({ request_body: body }) },
  fc.record({ response_headers: headers }),
  fc.record({ response_body: body }),
  fc.constant({ request_trailers: { trailers: {} } }),
  fc.constant({}),
);
const value = fc.oneof(
  fc.record({ stringValue: text }),
  fc.record({ numberValue: fc.double() }),
  fc.constant({ nullValue: 0 }),
  fc.record({ listValue: fc.constant({ values: [{ stringValue: 'x' }] }) }),
);
const attribute = fc.oneof(fc.constantFrom(DIGEST_ATTRIBUTE, 'connection.peer_certificate'), key);
const attributes = fc.dictionary(
  fc.oneof(fc.constant(PROC), key),
  fc.record({ fields: fc.dictionary(attribute, value) }),
  { maxKeys: 3 },
);
const rest = fc.record({ attributes, observability_mode: fc.boolean() }, optional);
const message = fc.tuple(part, rest).map(([some, others]) => encodeProcessingRequest({ ...some, ...others }));

describe('a request over ext_proc', () => {
  it('is read as Envoy’s full definitions read it', () => {
    fc.assert(
      fc.property(message, (encoded) => {
        const decoded = decode(encoded);
        expect(walked(encoded)).toEqual(expected(decoded));
        expect(beginningOf(encoded)).toEqual(expectedBeginning(decoded));
      }),
      { numRuns: 400 },
    );
  });

  it('has the last of what stands in it twice, as for the full decoder', () => {
    const later = rest.map((some) => encodeProcessingRequest(some));
    fc.assert(
      fc.property(message, later, (encoded, more) => {
        const both = Buffer.concat([encoded, more]);
        expect(walked(both)).toEqual(expected(decode(both)));
        expect(beginningOf(both)).toEqual(expectedBeginning(decode(both)));
      }),
      { numRuns: 300 },
    );
  });

  it('is refused cut off wherever the full decoder refuses it', () => {
    fc.assert(
      fc.property(message, fc.nat(), (encoded, cut) => {
        const shorter = encoded.subarray(0, cut % Math.max(encoded.length, 1));
        let decoded: Decoded;
        try {
          decoded = decode(shorter);
        } catch {
          expect(() => readProcessingRequest(shorter, selection)).toThrow(RangeError);
          return;
        }
        expect(walked(shorter)).toEqual(expected(decoded));
      }),
      { numRuns: 300 },
    );
  });

  it('is not read where nobody asked for headers of requests', () => {
    const ofRequest = fc.oneof(fc.record({ request_headers: headers }), fc.record({ request_body: body }));
    fc.assert(
      fc.property(ofRequest, (some) => {
        expect(readProcessingRequest(encodeProcessingRequest(some)).part).toEqual({ kind: 'other' });
      }),
      { numRuns: 100 },
    );
  });
});
