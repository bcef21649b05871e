/** `readProcessingRequest` against the full decoding, by Envoy's definitions and by our own through proto-loader. */
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { readProcessingRequest, type ProcessingRequest } from '../../src/envoy/ext-proc/request.js';
import { encodeProcessingRequest, FullProcessingRequest } from '../support/processing-messages.js';

const AUTHZ = 'envoy.filters.http.ext_authz';
const PROC = 'envoy.filters.http.ext_proc';

interface Struct {
  readonly fields?: Readonly<Record<string, { readonly stringValue?: string }>>;
}

/** The message as the full decoder gives it, in the names of the definitions. */
interface Decoded {
  readonly response_headers?: {
    readonly headers?: {
      readonly headers?: readonly { readonly key?: string; readonly raw_value?: Uint8Array }[];
    };
    readonly end_of_stream?: boolean;
  };
  readonly response_body?: { readonly body?: Uint8Array; readonly end_of_stream?: boolean };
  readonly metadata_context?: { readonly filter_metadata?: Readonly<Record<string, Struct>> };
  readonly attributes?: Readonly<Record<string, Struct>>;
  readonly observability_mode?: boolean;
  readonly protocol_config?: { readonly response_body_mode?: number };
}

const wantedNames = [':status', 'content-length', 'content-encoding'];

function expectedPart(decoded: Decoded) {
  const { response_headers: head, response_body: body } = decoded;
  if (body !== undefined) {
    return {
      kind: 'response_body',
      body: Buffer.from(body.body ?? []).toString('hex'),
      endOfStream: body.end_of_stream ?? false,
    };
  }
  if (head === undefined) return { kind: 'other' };
  const headers = new Map<string, string[]>();
  for (const { key = '', raw_value: raw = Buffer.alloc(0) } of head.headers?.headers ?? []) {
    if (!wantedNames.includes(key) && !key.startsWith('x-countersign-')) continue;
    headers.set(key, [...(headers.get(key) ?? []), Buffer.from(raw).toString('latin1')]);
  }
  return { kind: 'response_headers', headers, endOfStream: head.end_of_stream ?? false };
}

function texts(struct: Struct | undefined): Map<string, string> | undefined {
  if (struct === undefined) return undefined;
  const values = Object.entries(struct.fields ?? {}).map(([key, value]) => [key, value.stringValue] as const);
  return new Map(values.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** What our walk must have found, said a second time from the decoded message. */
function expected(decoded: Decoded, responseBodyMode: number | undefined) {
  return {
    part: expectedPart(decoded),
    context: texts(decoded.metadata_context?.filter_metadata?.[AUTHZ]),
    attributes: texts(decoded.attributes?.[PROC]) ?? new Map(),
    // The test writes a `protocol_config` with the one mode alone.
    requestBodyMode: responseBodyMode === undefined ? undefined : 0,
    responseBodyMode,
    observed: decoded.observability_mode ?? false,
  };
}

function walked(message: Buffer) {
  const request: ProcessingRequest = readProcessingRequest(message);
  const { part } = request;
  return {
    ...request,
    part: part.kind === 'response_body' ? { ...part, body: part.body.toString('hex') } : part,
  };
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const optional = { requiredKeys: [] };
/** `__proto__` as a key of a plain object would be lost on the way in, not on the way out. */
const key = text.filter((value) => value !== '__proto__');
const header = fc.record(
  {
    key: fc.oneof(
      fc.constantFrom(...wantedNames, 'x-countersign-tenant', 'x-countersign-', 'etag', 'x-countersig'),
      text,
    ),
    value: text,
    raw_value: fc.uint8Array({ maxLength: 12 }),
  },
  optional,
);
const headers = fc.record(
  { headers: fc.record({ headers: fc.array(header, { maxLength: 12 }) }), end_of_stream: fc.boolean() },
  optional,
);
const body = fc.record({ body: fc.uint8Array({ maxLength: 300 }), end_of_stream: fc.boolean() }, optional);
const value = fc.oneof(
  fc.record({ stringValue: text }),
  fc.record({ numberValue: fc.double() }),
  fc.record({ boolValue: fc.boolean() }),
  fc.constant({ nullValue: 0 }),
  fc.record({ structValue: fc.constant({ fields: { code: { stringValue: 'allow' } } }) }),
  fc.record({ listValue: fc.constant({ values: [{ stringValue: 'x' }] }) }),
);
const struct = fc.record({
  fields: fc.dictionary(fc.oneof(fc.constantFrom('code', 'tenant', 'policy'), key), value),
});
const named = fc.dictionary(fc.oneof(fc.constantFrom(AUTHZ, PROC), key), struct, { maxKeys: 4 });
const part = fc.oneof(
  fc.record({ response_headers: headers }),
  fc.record({ response_body: body }),
  fc.record({ request_headers: headers }),
  fc.record({ request_body: body }),
  fc.constant({ response_trailers: { trailers: {} } }),
  fc.constant({}),
);
const rest = fc.record(
  {
    metadata_context: fc.record({ filter_metadata: named }, optional),
    attributes: named,
    observability_mode: fc.boolean(),
  },
  optional,
);
const message = fc.tuple(part, rest).map(([some, others]) => ({ ...some, ...others }));
const bodyMode = fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined });

const ours = loadSync('envoy/service/ext_proc/v3/external_processor.proto', {
  includeDirs: ['proto'],
  keepCase: true,
  enums: Number,
});
const service = ours['envoy.service.ext_proc.v3.ExternalProcessor'] as unknown as {
  readonly Process: { readonly requestDeserialize: (message: Buffer) => object };
};

describe('readProcessingRequest', () => {
  it('finds what Envoy’s full definitions find', () => {
    fc.assert(
      fc.property(message, bodyMode, (some, mode) => {
        const encoded = encodeProcessingRequest(some, mode);
        const decoded = FullProcessingRequest.toObject(FullProcessingRequest.decode(encoded)) as Decoded;
        expect(walked(encoded)).toEqual(expected(decoded, mode));
      }),
      { numRuns: 400 },
    );
  });

  it('finds what our own definitions find through proto-loader', () => {
    fc.assert(
      fc.property(message, bodyMode, (some, mode) => {
        const encoded = encodeProcessingRequest(some, mode);
        const decoded = service.Process.requestDeserialize(encoded) as Decoded;
        const told = decoded.protocol_config;
        const seen = told === undefined ? undefined : (told.response_body_mode ?? 0);
        expect(walked(encoded)).toEqual(expected(decoded, seen));
      }),
      { numRuns: 100 },
    );
  });

  it('refuses every truncation, as the full decoder does', () => {
    fc.assert(
      fc.property(message, fc.nat(), (some, cut) => {
        const encoded = encodeProcessingRequest(some);
        const shorter = encoded.subarray(0, cut % Math.max(encoded.length, 1));
        let decoded: Decoded;
        try {
          decoded = FullProcessingRequest.toObject(FullProcessingRequest.decode(shorter));
        } catch {
          expect(() => readProcessingRequest(shorter)).toThrow(RangeError);
          return;
        }
        // Cut between two fields: what is there is a message.
        expect(walked(shorter)).toEqual(expected(decoded, undefined));
      }),
      { numRuns: 300 },
    );
  });

  it('answers mutated and arbitrary bytes with fields of the right kind or a RangeError', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    const mutated = fc.tuple(message, flips).map(([some, changes]) => {
      const encoded = encodeProcessingRequest(some, 2);
      for (const [at, mask] of changes) encoded[at % encoded.length]! ^= mask;
      return encoded;
    });
    const arbitrary = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(fc.property(fc.oneof(mutated, arbitrary), expectRequestOrRangeError), { numRuns: 1500 });
  });

  it('refuses two messages in one, of which Envoy’s decoder would pass over the first', () => {
    const two = Buffer.concat([
      encodeProcessingRequest({ response_headers: {} }),
      encodeProcessingRequest({ response_body: {} }),
    ]);
    expect(() => readProcessingRequest(two)).toThrow(RangeError);
  });

  it('takes the verifier’s namespace once, the last one, as protobuf does with a map', () => {
    const one = (code: string) =>
      encodeProcessingRequest({
        metadata_context: { filter_metadata: { [AUTHZ]: { fields: { [code]: { stringValue: code } } } } },
      });
    expect(readProcessingRequest(Buffer.concat([one('a'), one('b')])).context).toEqual(new Map([['b', 'b']]));
  });
});

function expectRequestOrRangeError(bytes: Buffer): void {
  try {
    const request = readProcessingRequest(bytes);
    expect(['response_headers', 'response_body', 'other']).toContain(request.part.kind);
    for (const values of [request.context ?? new Map<string, string>(), request.attributes])
      expect([...values.values()].every((item) => typeof item === 'string')).toBe(true);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
  }
}
