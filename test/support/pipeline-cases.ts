/** Invalid requests, each one step from a valid one, with the code that the pipeline must give. */
import type { RefusalCode } from '../../src/verify/refusal.js';
import {
  ATTESTATION,
  always,
  bundleFields,
  bundleParts,
  CERTIFICATE,
  EXECUTION,
  graphFields,
  GRAPH_PATH,
  HEADER_NAMES,
  headerOf,
  keyEntry,
  KID,
  NOW_MS,
  NOW_SECONDS,
  OPERATOR,
  otherKey,
  OTHER_CERTIFICATE,
  OTHER_IDENTITY,
  OTHER_OPERATOR,
  OTHER_TENANT,
  passThroughPolicy,
  producerKey,
  profilePolicy,
  rawPolicy,
  SCHEMA_VERSION,
  setBody,
  setHeader,
  signedJson,
  signedParts,
  spareKey,
  telemetryFields,
  telemetryParts,
  TELEMETRY_PATH,
  TENANT,
  type RequestParts,
  type SnapshotChange,
} from './signed-request.js';

/** One way to be refused. */
export interface PipelineCase {
  readonly title: string;
  readonly code: RefusalCode;
  readonly parts: () => RequestParts;
  readonly snapshot?: SnapshotChange;
}

/** The valid telemetry request with one change made after it was signed. */
function changed(change: (parts: RequestParts) => void): () => RequestParts {
  return () => {
    const parts = telemetryParts();
    change(parts);
    return parts;
  };
}

function header(name: string, ...values: (string | Uint8Array)[]): () => RequestParts {
  return changed((parts) => setHeader(parts, name, ...values));
}

const smallFirst: SnapshotChange = { policies: [{ ...rawPolicy, maxBodyBytes: 8 }] };
const retired = { notBeforeMs: 0, notAfterMs: NOW_MS };
const future = { notBeforeMs: NOW_MS + 1, notAfterMs: Infinity };
const pin = { kind: 'certificate', sha256: CERTIFICATE.certificateSha256 } as const;

const delivery: PipelineCase[] = [
  {
    title: 'a check without the raw header list',
    code: 'check_malformed',
    parts: changed((parts) => void (parts.rawHeaders = false)),
  },
  {
    title: 'a check with its body as text',
    code: 'check_malformed',
    parts: changed((parts) => void (parts.rawBody = false)),
  },
  {
    title: 'a check without a method',
    code: 'check_malformed',
    parts: changed((parts) => void (parts.method = '')),
  },
  {
    title: 'a check without a path',
    code: 'check_malformed',
    parts: changed((parts) => void (parts.path = '')),
  },
  { title: 'a websocket upgrade', code: 'upgrade_refused', parts: header('upgrade', 'websocket') },
  { title: 'an upgrade header without a value', code: 'upgrade_refused', parts: header('upgrade', '') },
  {
    title: 'an upgrade on a pass-through route',
    code: 'upgrade_refused',
    parts: changed((parts) => {
      parts.path = '/public/x';
      parts.method = 'GET';
      setHeader(parts, 'upgrade', 'websocket');
    }),
  },
  {
    title: 'CONNECT',
    code: 'upgrade_refused',
    parts: changed((parts) => void (parts.method = 'CONNECT')),
  },
  {
    title: 'two hosts joined by a comma',
    code: 'authority_ambiguous',
    parts: changed((parts) => void (parts.authority = 'localhost,evil')),
  },
];

const route: PipelineCase[] = [
  {
    title: 'a path without a policy',
    code: 'no_policy',
    parts: changed((parts) => void (parts.path = '/elsewhere')),
  },
  {
    title: 'a path with a trailing slash',
    code: 'no_policy',
    parts: changed((parts) => void (parts.path += '/')),
  },
  {
    title: 'a path in another case',
    code: 'no_policy',
    parts: changed((parts) => void (parts.path = TELEMETRY_PATH.toUpperCase())),
  },
  {
    title: 'a policy name that nobody declared',
    code: 'no_policy',
    parts: changed((parts) => void (parts.policyName = 'constructor')),
  },
  {
    title: 'an empty policy name',
    code: 'no_policy',
    parts: changed((parts) => void (parts.policyName = '')),
  },
  {
    title: 'a named policy whose path is another',
    code: 'no_policy',
    parts: changed((parts) => void (parts.policyName = passThroughPolicy.name)),
  },
  {
    title: 'a query string on a signed route',
    code: 'query_not_allowed',
    parts: changed((parts) => void (parts.path += '?a=1')),
  },
  {
    title: 'an empty query string on a signed route',
    code: 'query_not_allowed',
    parts: changed((parts) => void (parts.path += '?')),
  },
  {
    title: 'GET on a POST route',
    code: 'method_not_allowed',
    parts: changed((parts) => void (parts.method = 'GET')),
  },
  {
    title: 'a lower-case method',
    code: 'method_not_allowed',
    parts: changed((parts) => void (parts.method = 'post')),
  },
];

const hop = { forwardedCertificate: 'trusted-hop' } as const;
const xfcc = (value: string) =>
  changed((parts) => {
    parts.peerCertificate = 'missing';
    setHeader(parts, 'x-forwarded-client-cert', value);
  });

const certificate: PipelineCase[] = [
  {
    title: 'no client certificate',
    code: 'certificate_missing',
    parts: changed((parts) => void (parts.peerCertificate = 'missing')),
  },
  {
    title: 'a certificate in a forwarded header that no hop was declared for',
    code: 'certificate_missing',
    parts: xfcc(`Hash=${CERTIFICATE.certificateSha256}`),
  },
  {
    title: 'no certificate from the declared hop',
    code: 'certificate_missing',
    parts: changed((parts) => void (parts.peerCertificate = 'missing')),
    snapshot: hop,
  },
  {
    title: 'a certificate that is none',
    code: 'certificate_malformed',
    parts: changed((parts) => void (parts.peerCertificate = 'malformed')),
  },
  {
    title: 'a forwarded certificate without a hash',
    code: 'certificate_malformed',
    parts: xfcc('By=spiffe://a'),
    snapshot: hop,
  },
  {
    title: 'a forwarded certificate with two hashes',
    code: 'certificate_malformed',
    parts: xfcc(`Hash=${CERTIFICATE.certificateSha256};Hash=${CERTIFICATE.certificateSha256}`),
    snapshot: hop,
  },
  {
    title: 'an empty forwarded header',
    code: 'certificate_malformed',
    parts: xfcc(''),
    snapshot: hop,
  },
  {
    title: 'a handshake and a hop that disagree',
    code: 'certificate_sources_disagree',
    parts: header('x-forwarded-client-cert', `Hash=${OTHER_CERTIFICATE.certificateSha256}`),
    snapshot: hop,
  },
];

const required = [
  HEADER_NAMES.identity,
  HEADER_NAMES.timestamp,
  HEADER_NAMES.nonce,
  HEADER_NAMES.signature,
] as const;
const every = [...required, HEADER_NAMES.certificateSha256, HEADER_NAMES.kid];

/** What no security header takes, whatever its syntax: made of its own valid value. */
const spoilings: readonly (readonly [string, (value: string) => string])[] = [
  ['empty', () => ''],
  ['joined with itself by a comma', (value) => `${value},${value}`],
  ['preceded by a space', (value) => ` ${value}`],
  ['followed by a space', (value) => `${value} `],
  ['followed by a tab', (value) => `${value}\t`],
  ['followed by a line feed', (value) => `${value}\n`],
  ['followed by a NUL', (value) => `${value}\0`],
  ['with a byte over 0x7f', (value) => `${value.slice(0, -1)}\u00e9`],
  ['with a full-width digit in UTF-8', (value) => `${value.slice(0, -1)}\u00ef\u00bc\u0091`],
  ['in quotes', (value) => `"${value}"`],
];

const spoilt = every.flatMap((name): PipelineCase[] => [
  {
    title: `two ${name}`,
    code: 'header_duplicate',
    parts: changed((parts) => setHeader(parts, name, headerOf(parts, name), headerOf(parts, name))),
  },
  {
    title: `a second, empty ${name}`,
    code: 'header_duplicate',
    parts: changed((parts) => setHeader(parts, name, headerOf(parts, name), '')),
  },
  ...spoilings.map(([how, spoil]): PipelineCase => ({
    title: `${name} ${how}`,
    code: 'header_malformed',
    parts: changed((parts) => setHeader(parts, name, spoil(headerOf(parts, name)))),
  })),
]);

const validSignature = headerOf(telemetryParts(), HEADER_NAMES.signature);
/** The last character before `==` carries four unused bits: this text decodes to the same bytes. */
const otherSpelling = validSignature.replace(/.==$/, (end) => `${nextInAlphabet(end.charAt(0))}==`);

function nextInAlphabet(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return alphabet.charAt(alphabet.indexOf(character) + 1);
}

const malformed = (
  [
    [HEADER_NAMES.signature, 'without padding', validSignature.slice(0, -2)],
    [HEADER_NAMES.signature, 'with too much padding', `${validSignature.slice(0, -3)}===`],
    [HEADER_NAMES.signature, 'in another spelling of the same bytes', otherSpelling],
    [HEADER_NAMES.signature, 'in the URL-safe alphabet', `${'-'.repeat(86)}==`],
    [HEADER_NAMES.signature, 'of 63 bytes', Buffer.alloc(63, 1).toString('base64')],
    [HEADER_NAMES.signature, 'of 65 bytes', Buffer.alloc(65, 1).toString('base64')],
    [HEADER_NAMES.signature, 'in hexadecimal', 'ab'.repeat(64)],
    [HEADER_NAMES.timestamp, 'with a sign', `+${NOW_SECONDS}`],
    [HEADER_NAMES.timestamp, 'with a leading zero', `0${NOW_SECONDS}`],
    [HEADER_NAMES.timestamp, 'with a fraction', `${NOW_SECONDS}.0`],
    [HEADER_NAMES.timestamp, 'with an exponent', '1764e6'],
    [HEADER_NAMES.timestamp, 'of nine digits', '176400000'],
    [HEADER_NAMES.timestamp, 'of twelve digits', '176400000000'],
    [HEADER_NAMES.timestamp, 'in hexadecimal', '0x69243980'],
    [HEADER_NAMES.nonce, 'of seven characters', 'a'.repeat(7)],
    [HEADER_NAMES.nonce, 'of 129 characters', 'a'.repeat(129)],
    [HEADER_NAMES.nonce, 'with a dot', 'nonce.0123456789'],
    [HEADER_NAMES.nonce, 'with a colon', 'nonce:0123456789'],
    [HEADER_NAMES.nonce, 'with a slash', 'nonce/0123456789'],
    [HEADER_NAMES.identity, 'of 129 characters', 'a'.repeat(129)],
    [HEADER_NAMES.identity, 'that begins with a dot', '.producer'],
    [HEADER_NAMES.identity, 'with a semicolon', 'a;b'],
    [HEADER_NAMES.kid, 'of 65 characters', 'k'.repeat(65)],
    [HEADER_NAMES.kid, 'with a slash', 'a/b'],
    [HEADER_NAMES.certificateSha256, 'of 63 digits', 'a'.repeat(63)],
    [HEADER_NAMES.certificateSha256, 'with a prefix', `sha256:${'a'.repeat(64)}`],
    [HEADER_NAMES.certificateSha256, 'with colons in the wrong places', `${'a'.repeat(63)}:a`],
  ] as const
).map(([name, how, value]): PipelineCase => ({
  title: `${name} ${how}`,
  code: 'header_malformed',
  parts: header(name, value),
}));

const headers: PipelineCase[] = [
  ...required.map((name): PipelineCase => ({
    title: `no ${name}`,
    code: 'header_missing',
    parts: header(name),
  })),
  ...spoilt,
  ...malformed,
  {
    title: 'a claimed fingerprint of another certificate',
    code: 'certificate_claim_mismatch',
    parts: header(HEADER_NAMES.certificateSha256, OTHER_CERTIFICATE.certificateSha256),
  },
];

const identity: PipelineCase[] = [
  {
    title: 'an identity that nobody declared',
    code: 'identity_unknown',
    parts: header(HEADER_NAMES.identity, 'nobody'),
  },
  {
    title: 'an identity by the name of an object property',
    code: 'identity_unknown',
    parts: header(HEADER_NAMES.identity, 'constructor'),
  },
  {
    title: 'an identity in another case',
    code: 'identity_unknown',
    parts: header(HEADER_NAMES.identity, 'PRODUCER-01'),
  },
  {
    title: 'a revoked identity',
    code: 'identity_revoked',
    parts: () => telemetryParts(),
    snapshot: { identity: { revoked: true } },
  },
  {
    title: 'the certificate of another identity',
    code: 'pin_mismatch',
    parts: header(HEADER_NAMES.identity, OTHER_IDENTITY),
  },
  {
    title: 'an identity without pins',
    code: 'pin_mismatch',
    parts: () => telemetryParts(),
    snapshot: { identity: { pins: [] } },
  },
  {
    title: 'a certificate pin that holds the key hash',
    code: 'pin_mismatch',
    parts: () => telemetryParts(),
    snapshot: { identity: { pins: [{ kind: 'certificate', sha256: 'b2'.repeat(32), ...always }] } },
  },
  {
    title: 'a key pin against a certificate that only a hop has seen',
    code: 'pin_mismatch',
    parts: xfcc(`Hash=${CERTIFICATE.certificateSha256}`),
    snapshot: { ...hop, identity: { pins: [{ kind: 'spki', sha256: 'b2'.repeat(32), ...always }] } },
  },
  {
    title: 'a pin that has ended this millisecond',
    code: 'pin_not_valid',
    parts: () => telemetryParts(),
    snapshot: { identity: { pins: [{ ...pin, ...retired }] } },
  },
  {
    title: 'a pin that begins in a millisecond',
    code: 'pin_not_valid',
    parts: () => telemetryParts(),
    snapshot: { identity: { pins: [{ ...pin, ...future }] } },
  },
  {
    title: 'an ended pin beside a valid one of another certificate',
    code: 'pin_not_valid',
    parts: () => telemetryParts(),
    snapshot: {
      identity: {
        pins: [
          { ...pin, ...retired },
          { ...pin, sha256: '99'.repeat(32), ...always },
        ],
      },
    },
  },
];

const freshness: PipelineCase[] = [
  {
    title: 'a timestamp one second before the window',
    code: 'timestamp_outside_window',
    parts: () => signedParts({ timestamp: String(NOW_SECONDS - 31) }),
  },
  {
    title: 'a timestamp one second after the window',
    code: 'timestamp_outside_window',
    parts: () => signedParts({ timestamp: String(NOW_SECONDS + 21) }),
  },
  {
    title: 'a timestamp in milliseconds of eleven digits',
    code: 'timestamp_outside_window',
    parts: () => signedParts({ timestamp: '17640000005' }),
  },
  {
    title: 'a stale bundle where the policy wants it once',
    code: 'timestamp_outside_window',
    parts: () => bundleParts(),
    snapshot: { policies: [profilePolicy('federation.verify', { once: true })] },
  },
];

const body: PipelineCase[] = [
  {
    title: 'a body that Envoy marked as partial',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', 'true'),
  },
  {
    title: 'a body with an empty mark',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', ''),
  },
  {
    title: 'a body marked False',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', 'False'),
  },
  {
    title: 'a body that is marked twice',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', 'false', 'false'),
  },
  {
    title: 'a body that is marked whole and partial',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body', 'false', 'true'),
  },
  {
    title: 'a body without a mark',
    code: 'body_not_whole',
    parts: header('x-envoy-auth-partial-body'),
  },
  {
    title: 'an empty body that is marked partial',
    code: 'body_not_whole',
    parts: () => {
      const parts = signedParts({ body: '' });
      setHeader(parts, 'x-envoy-auth-partial-body', 'true');
      return parts;
    },
  },
  {
    title: 'a size over the bytes that arrived',
    code: 'body_not_whole',
    parts: changed((parts) => void (parts.declaredSize = parts.body.length + 1)),
  },
  {
    title: 'a size under the bytes that arrived',
    code: 'body_not_whole',
    parts: changed((parts) => void (parts.declaredSize = parts.body.length - 1)),
  },
  {
    title: 'a body without a size',
    code: 'body_not_whole',
    parts: changed((parts) => void (parts.declaredSize = undefined)),
  },
  {
    title: 'a size that is no exact number',
    code: 'body_not_whole',
    parts: changed((parts) => void (parts.declaredSize = NaN)),
  },
  {
    title: 'a size without a body',
    code: 'body_not_whole',
    parts: () => ({ ...signedParts({ body: '' }), declaredSize: 1 }),
  },
  { title: 'another content-length', code: 'body_not_whole', parts: header('content-length', '1') },
  {
    title: 'a content-length without a body',
    code: 'body_not_whole',
    parts: () => {
      const parts = signedParts({ body: '' });
      setHeader(parts, 'content-length', '5');
      return parts;
    },
  },
  ...['+', '0', ' ', '0x', '-'].map((prefix): PipelineCase => ({
    title: `a content-length that begins with ${JSON.stringify(prefix)}`,
    code: 'body_not_whole',
    parts: changed((parts) => setHeader(parts, 'content-length', `${prefix}${parts.body.length}`)),
  })),
  {
    title: 'two content-lengths of one value',
    code: 'body_not_whole',
    parts: changed((parts) =>
      setHeader(parts, 'content-length', String(parts.body.length), String(parts.body.length)),
    ),
  },
  {
    title: 'two content-lengths joined by a comma',
    code: 'body_not_whole',
    parts: changed((parts) =>
      setHeader(parts, 'content-length', `${parts.body.length},${parts.body.length}`),
    ),
  },
  {
    title: 'a body of one byte over the policy',
    code: 'body_too_large',
    parts: () => signedParts({ body: '123456789' }),
    snapshot: smallFirst,
  },
];

const signature: PipelineCase[] = [
  {
    title: 'a key id that the identity has not',
    code: 'key_unknown',
    parts: header(HEADER_NAMES.kid, 'k2'),
  },
  {
    title: 'a key id in another case',
    code: 'key_unknown',
    parts: header(HEADER_NAMES.kid, KID.toUpperCase()),
  },
  {
    title: 'a prefix of the key id',
    code: 'key_unknown',
    parts: header(HEADER_NAMES.kid, 'k'),
  },
  {
    title: 'a key that is meant for bundles',
    code: 'key_unknown',
    parts: () => telemetryParts(),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, { purposes: ['bundle'] })] } },
  },
  {
    title: 'an identity without keys',
    code: 'key_unknown',
    parts: () => telemetryParts(),
    snapshot: { identity: { keys: [] } },
  },
  {
    title: 'a retired key by its id',
    code: 'key_not_valid',
    parts: () => telemetryParts(),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, retired), keyEntry('k2', spareKey)] } },
  },
  {
    title: 'a key that is not valid yet',
    code: 'key_not_valid',
    parts: () => telemetryParts(),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, future)] } },
  },
  {
    title: 'no key id and no key that is valid now',
    code: 'key_not_valid',
    parts: () => signedParts({ kid: undefined }),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, retired)] } },
  },
  {
    title: 'a retired key without its id, beside a valid one',
    code: 'signature_invalid',
    parts: () => signedParts({ kid: undefined }),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, retired), keyEntry('k2', spareKey)] } },
  },
  {
    title: 'the id of another key of the identity',
    code: 'signature_invalid',
    parts: header(HEADER_NAMES.kid, 'k2'),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey), keyEntry('k2', spareKey)] } },
  },
  {
    title: 'the key of another identity',
    code: 'signature_invalid',
    parts: () => telemetryParts(telemetryFields(), { key: otherKey }),
  },
  {
    title: 'another body',
    code: 'signature_invalid',
    parts: changed((parts) => setBody(parts, JSON.stringify(telemetryFields({ campaign_id: 'other' })))),
  },
  {
    title: 'a timestamp that was not signed',
    code: 'signature_invalid',
    parts: header(HEADER_NAMES.timestamp, String(NOW_SECONDS + 1)),
  },
  {
    title: 'a nonce that was not signed',
    code: 'signature_invalid',
    parts: header(HEADER_NAMES.nonce, 'another-nonce-0123'),
  },
  {
    title: 'a signature of zeros',
    code: 'signature_invalid',
    parts: header(HEADER_NAMES.signature, Buffer.alloc(64).toString('base64')),
  },
  {
    title: 'a body that is no JSON under a bad signature',
    code: 'signature_invalid',
    parts: changed((parts) => setBody(parts, '{')),
  },
];

const announced: PipelineCase[] = [
  { title: 'a gzip encoding', code: 'content_encoding', parts: header('content-encoding', 'gzip') },
  { title: 'an identity encoding', code: 'content_encoding', parts: header('content-encoding', 'identity') },
  { title: 'an empty encoding', code: 'content_encoding', parts: header('content-encoding', '') },
  {
    title: 'an encoding where nobody parses the body',
    code: 'content_encoding',
    parts: () => {
      const parts = signedParts();
      setHeader(parts, 'content-encoding', 'br');
      return parts;
    },
  },
  { title: 'no content type', code: 'content_type', parts: header('content-type') },
  ...[
    '',
    'text/plain',
    'application/jsonp',
    'application/json5',
    'application/problem+json',
    'application/json, text/plain',
    ' application/json',
    'application / json',
    'application/x-www-form-urlencoded',
  ].map((type): PipelineCase => ({
    title: `the content type ${JSON.stringify(type)}`,
    code: 'content_type',
    parts: header('content-type', type),
  })),
  {
    title: 'two content types',
    code: 'content_type',
    parts: header('content-type', 'application/json', 'application/json'),
  },
];

const contract: PipelineCase[] = [
  { title: 'a JSON route without a body', code: 'body_not_json', parts: () => telemetryParts('') },
  { title: 'a body that is no object', code: 'body_contract', parts: () => telemetryParts('[]') },
  {
    title: 'a schema version that is not allowed',
    code: 'schema_version',
    parts: () =>
      telemetryParts(
        telemetryFields({
          payload: {
            attributes: { schema_version: 'telemetry.v9', attestation_measurement_hash: ATTESTATION },
          },
        }),
      ),
  },
  {
    title: 'a telemetry event without an attestation',
    code: 'attestation_malformed',
    parts: () =>
      telemetryParts(telemetryFields({ payload: { attributes: { schema_version: SCHEMA_VERSION } } })),
  },
  {
    title: 'a body with another nonce',
    code: 'body_repeats_other_nonce',
    parts: () => telemetryParts(telemetryFields({ nonce: 'another-nonce-0123' })),
  },
  {
    title: 'a body with another timestamp',
    code: 'body_repeats_other_timestamp',
    parts: () => telemetryParts(telemetryFields({ timestamp: NOW_SECONDS - 1 })),
  },
  {
    title: 'signed metadata of another tenant',
    code: 'body_binding_mismatch',
    parts: () =>
      telemetryParts(
        telemetryFields({
          signed_metadata: { tenant_id: OTHER_TENANT, operator_id: OPERATOR, campaign_id: 'campaign-1' },
        }),
      ),
  },
  {
    title: 'a graph of another execution',
    code: 'body_binding_mismatch',
    parts: () =>
      signedJson(GRAPH_PATH, graphFields({ graph: { nodes: [], execution_fingerprint: '00'.repeat(32) } })),
  },
];

const foreign = (operator: string, tenant: string) => () =>
  telemetryParts(
    telemetryFields({
      operator_id: operator,
      tenant_id: tenant,
      signed_metadata: { tenant_id: tenant, operator_id: operator, campaign_id: 'campaign-1' },
    }),
  );

const authorisation: PipelineCase[] = [
  {
    title: 'an operator that maps to no tenant',
    code: 'operator_unmapped',
    parts: foreign('stranger', TENANT),
  },
  {
    title: 'an operator by the name of an object property',
    code: 'operator_unmapped',
    parts: foreign('__proto__', TENANT),
  },
  {
    title: 'an operator in another case',
    code: 'operator_unmapped',
    parts: foreign(OPERATOR.toUpperCase(), TENANT),
  },
  {
    title: 'an operator that is not one of the identity',
    code: 'operator_not_of_identity',
    parts: foreign(OTHER_OPERATOR, OTHER_TENANT),
    snapshot: { identity: { operators: new Set([OPERATOR]) } },
  },
  {
    title: 'an identity that may speak for nobody',
    code: 'operator_not_of_identity',
    parts: () => telemetryParts(),
    snapshot: { identity: { operators: new Set() } },
  },
  {
    title: 'the tenant of another operator',
    code: 'tenant_mismatch',
    parts: foreign(OPERATOR, OTHER_TENANT),
  },
  {
    title: 'the right tenant in upper case',
    code: 'tenant_mismatch',
    parts: foreign(OPERATOR, TENANT.toUpperCase()),
  },
  {
    title: 'an attestation that is not one of the identity',
    code: 'attestation_not_allowed',
    parts: () => telemetryParts(),
    snapshot: { identity: { attestations: new Set([EXECUTION]) } },
  },
  {
    title: 'a bundle of an operator that maps to no tenant',
    code: 'operator_unmapped',
    parts: () => bundleParts(bundleFields({ operator_id: 'stranger' })),
  },
  {
    title: 'a bundle that another key has signed',
    code: 'signature_invalid',
    parts: () => bundleParts(bundleFields({}, otherKey)),
  },
  {
    title: 'a bundle under a key for requests alone',
    code: 'key_unknown',
    parts: () => bundleParts(),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, { purposes: ['request'] })] } },
  },
];

/** Every case, in the order of the pipeline. */
export const pipelineCases: readonly PipelineCase[] = [
  ...delivery,
  ...route,
  ...certificate,
  ...headers,
  ...identity,
  ...freshness,
  ...body,
  ...signature,
  ...announced,
  ...contract,
  ...authorisation,
];
