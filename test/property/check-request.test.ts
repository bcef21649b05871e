/** `readCheckRequest` against the full decoding, by Envoy's definitions and by our own through proto-loader. */
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { selectedHeaders } from '../../src/envoy/check/selected-headers.js';
import { POLICY_EXTENSION, readCheckRequest } from '../../src/envoy/ext-authz/check-request.js';
import { FIXED_HEADER_NAMES } from '../../src/verify/inbound-request.js';
import { encodeCheckRequest, FullCheckRequest } from '../support/check-messages.js';
import { HEADER_NAMES } from '../support/signed-request.js';

const selection = selectedHeaders(HEADER_NAMES);
const NO_CERTIFICATES = { read: () => 'missing' as const };
const wantedNames = new Set<string>([...FIXED_HEADER_NAMES, ...Object.values<string>({ ...HEADER_NAMES })]);

/** The message as the full decoder gives it, in the names of the definitions. */
interface Decoded {
  readonly attributes?: {
    readonly source?: { readonly certificate?: string };
    readonly request?: { readonly http?: DecodedHttp };
    readonly context_extensions?: Readonly<Record<string, string>>;
  };
}

interface DecodedHttp {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly size?: string;
  readonly body?: string;
  readonly raw_body?: Uint8Array;
  readonly header_map?: {
    readonly headers?: readonly { readonly key?: string; readonly raw_value?: Uint8Array }[];
  };
}

/** What our walk must have found, said a second time from the decoded message. */
function expectedFields({ attributes }: Decoded) {
  const http = attributes?.request?.http;
  const headers = new Map<string, string[]>();
  const spoofedNames: string[] = [];
  for (const { key = '', raw_value: raw = Buffer.alloc(0) } of http?.header_map?.headers ?? []) {
    const isOurs = key.startsWith('x-countersign-');
    if (isOurs && !spoofedNames.includes(key)) spoofedNames.push(key);
    if (isOurs || wantedNames.has(key))
      headers.set(key, [...(headers.get(key) ?? []), Buffer.from(raw).toString('latin1')]);
  }
  return {
    method: http?.method ?? '',
    path: http?.path ?? '',
    authority: http?.host ?? '',
    policyName: attributes?.context_extensions?.[POLICY_EXTENSION],
    headers,
    spoofedNames,
    body: Buffer.from(http?.raw_body ?? []).toString('hex'),
    declaredSize: http?.size === undefined ? undefined : exact(http.size),
    certificate: attributes?.source?.certificate ?? '',
    rawHeaders: http?.header_map !== undefined,
    rawBody: (http?.body ?? '') === '',
  };
}

function exact(size: string): number {
  const value = Number(size);
  return Number.isSafeInteger(value) && value >= 0 ? value : NaN;
}

function walked(message: Buffer) {
  let certificate = '';
  const read = (written: Buffer) => {
    certificate = written.toString('utf8');
    return 'missing' as const;
  };
  const { peerCertificate, ...fields } = readCheckRequest(message, selection, { read });
  expect(peerCertificate).toBe('missing');
  const spoofedNames = [...fields.headers.keys()].filter((name) => name.startsWith('x-countersign-'));
  return {
    ...fields,
    spoofedNames,
    body: Buffer.from(fields.body).toString('hex'),
    certificate,
  };
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const headerName = fc.oneof(
  fc.constantFrom(...wantedNames),
  fc.constantFrom(
    'x-countersign-identity',
    'x-countersign-x',
    'x-countersign-',
    'x-countersig',
    ':path',
    'host',
  ),
  text,
);
const optional = { requiredKeys: [] };
const header = fc.record(
  { key: headerName, value: text, raw_value: fc.uint8Array({ maxLength: 12 }) },
  optional,
);
const http = fc.record(
  {
    id: text,
    method: text,
    headers: fc.dictionary(text, text),
    path: text,
    host: text,
    scheme: text,
    query: text,
    size: fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map(String),
    protocol: text,
    body: text,
    raw_body: fc.uint8Array({ maxLength: 300 }),
    header_map: fc.record({ headers: fc.array(header, { maxLength: 12 }) }),
  },
  optional,
);
const peer = fc.record({ certificate: text, principal: text, service: text }, optional);
const checkRequest = fc.record({
  attributes: fc.record(
    {
      source: peer,
      destination: peer,
      request: fc.record({ time: fc.constant({ seconds: 5, nanos: 7 }), http }, optional),
      context_extensions: fc.dictionary(fc.oneof(fc.constant(POLICY_EXTENSION), text), text),
      tls_session: fc.record({ sni: text }, optional),
    },
    optional,
  ),
});

const ours = loadSync('envoy/service/auth/v3/external_auth.proto', {
  includeDirs: ['proto'],
  keepCase: true,
  longs: String,
});
const service = ours['envoy.service.auth.v3.Authorization'] as unknown as {
  readonly Check: { readonly requestDeserialize: (message: Buffer) => object };
};

describe('readCheckRequest', () => {
  it('finds what Envoy’s full definitions find', () => {
    fc.assert(
      fc.property(checkRequest, (message) => {
        const encoded = encodeCheckRequest(message);
        const decoded = FullCheckRequest.toObject(FullCheckRequest.decode(encoded), { longs: String });
        expect(walked(encoded)).toEqual(expectedFields(decoded as Decoded));
      }),
      { numRuns: 400 },
    );
  });

  it('finds what our own definitions find through proto-loader', () => {
    fc.assert(
      fc.property(checkRequest, (message) => {
        const encoded = encodeCheckRequest(message);
        expect(walked(encoded)).toEqual(expectedFields(service.Check.requestDeserialize(encoded) as Decoded));
      }),
      { numRuns: 100 },
    );
  });

  // Fault: malformed-check
  it('refuses every truncation, as the full decoder does', () => {
    fc.assert(
      fc.property(checkRequest, fc.nat(), (message, cut) => {
        const encoded = encodeCheckRequest(message);
        const shorter = encoded.subarray(0, cut % Math.max(encoded.length, 1));
        if (shorter.length === 0) expect(walked(shorter)).toEqual(expectedFields({}));
        else {
          expect(() => FullCheckRequest.decode(shorter)).toThrow();
          expect(() => readCheckRequest(shorter, selection, NO_CERTIFICATES)).toThrow(RangeError);
        }
      }),
      { numRuns: 300 },
    );
  });

  // Fault: malformed-check
  it('answers mutated bytes with fields of the right kind or a RangeError', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(checkRequest, flips, (message, changes) => {
        const encoded = encodeCheckRequest(message);
        for (const [at, mask] of changes) encoded[at % encoded.length]! ^= mask;
        expectFieldsOrRangeError(encoded);
      }),
      { numRuns: 600 },
    );
  });

  // Fault: malformed-check
  it('answers any bytes with fields of the right kind or a RangeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => expectFieldsOrRangeError(Buffer.from(any))),
      {
        numRuns: 1000,
      },
    );
  });

  it.each([
    ['a length over 2^53', [0x0a, ...Array<number>(8).fill(0xff), 0x01]],
    ['a varint of eleven bytes', [0x08, ...Array<number>(10).fill(0x80), 0x01]],
    ['the field number zero', [0x02, 0x00]],
    ['a group', [0x0b, 0x0c]],
    ['a length past the end', [0x0a, 0x05, 0x00]],
    ['a fixed64 of seven bytes', [0x11, 0, 0, 0, 0, 0, 0, 0]],
    ['an inner length past its message', [0x0a, 0x02, 0x0a, 0x05, 0x00, 0x00, 0x00]],
  ])('throws a RangeError on %s', (_title, message) => {
    expect(() => readCheckRequest(Buffer.from(message), selection, NO_CERTIFICATES)).toThrow(RangeError);
  });

  it('takes the last of two scalars and joins two header lists, as protobuf does', () => {
    const http = (fields: Record<string, unknown>) =>
      encodeCheckRequest({ attributes: { request: { http: fields } } });
    const list = (value: string) => ({
      header_map: { headers: [{ key: 'upgrade', raw_value: Buffer.from(value) }] },
    });
    const twice = Buffer.concat([
      http({ method: 'GET', ...list('a') }),
      http({ method: 'POST', ...list('b') }),
    ]);
    expect(walked(twice)).toMatchObject({ method: 'POST', headers: new Map([['upgrade', ['a', 'b']]]) });
  });
});

function expectFieldsOrRangeError(message: Buffer): void {
  try {
    const fields = readCheckRequest(message, selection, NO_CERTIFICATES);
    expect(typeof fields.method).toBe('string');
    expect(fields.body).toBeInstanceOf(Uint8Array);
    for (const values of fields.headers.values())
      expect(values.every((value) => typeof value === 'string')).toBe(true);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
  }
}
