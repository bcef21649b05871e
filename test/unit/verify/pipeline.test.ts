import { pipelineCases } from '../../support/pipeline-cases.js';
import {
  always,
  ATTESTATION,
  bundleParts,
  CERTIFICATE,
  codeOf,
  commonFields,
  GRAPH_PATH,
  graphFields,
  HEADER_NAMES,
  headerOf,
  judgeParts,
  keyEntry,
  KID,
  makeSnapshot,
  NOW_MS,
  NOW_SECONDS,
  OPERATOR,
  producerKey,
  QUERY_PATH,
  rawPolicy,
  type RequestParts,
  setHeader,
  signedJson,
  signedParts,
  type SnapshotChange,
  spareKey,
  telemetryParts,
} from '../../support/signed-request.js';

const verdict = (parts: RequestParts, change?: SnapshotChange): string =>
  codeOf(judgeParts(parts, makeSnapshot(change)).judgement);

describe('judge refuses', () => {
  it.each(pipelineCases)('$title: $code', ({ code, parts, snapshot }) => {
    expect(verdict(parts(), snapshot)).toBe(code);
  });
});

const acceptable: readonly (readonly [title: string, parts: () => RequestParts, change?: SnapshotChange])[] =
  [
    ['a telemetry event', () => telemetryParts()],
    ['an execution graph', () => signedJson(GRAPH_PATH, graphFields())],
    ['a feedback query', () => signedJson(QUERY_PATH, commonFields())],
    ['a feedback query with a limit', () => signedJson(QUERY_PATH, { ...commonFields(), limit: 1000 })],
    ['an old bundle', () => bundleParts()],
    ['a body that nobody parses', () => signedParts()],
    ['a body of any bytes', () => signedParts({ body: Uint8Array.from([0, 255, 128, 10]) })],
    ['an empty body, marked', () => signedParts({ body: '' })],
    [
      'an empty body without mark, size and length',
      () => {
        const parts = { ...signedParts({ body: '' }), declaredSize: undefined };
        setHeader(parts, 'x-envoy-auth-partial-body');
        setHeader(parts, 'content-length');
        return parts;
      },
    ],
    [
      'a chunked body, which has no content-length',
      () => {
        const parts = telemetryParts();
        setHeader(parts, 'content-length');
        return parts;
      },
    ],
    ['a query string where the policy allows it', () => signedParts({ path: '/raw?a=1' })],
    ['a GET where the policy allows it', () => ({ ...signedParts({ body: '' }), method: 'GET' })],
    ['the policy that the route names', () => ({ ...telemetryParts(), policyName: 'federation.telemetry' })],
    ['the oldest timestamp', () => signedParts({ timestamp: String(NOW_SECONDS - 30) })],
    ['the newest timestamp', () => signedParts({ timestamp: String(NOW_SECONDS + 20) })],
    ['a nonce of 8 characters', () => signedParts({ nonce: 'a-_4567Z' })],
    ['a nonce of 128 characters', () => signedParts({ nonce: 'a'.repeat(128) })],
    ['a nonce that is a UUID', () => signedParts({ nonce: 'evt-0b8f5a52-9d3e-4c53-8a44-0d1f7d1c2a10' })],
    ['a request without a key id', () => signedParts({ kid: undefined })],
    [
      'a body of exactly the limit',
      () => signedParts({ body: '12345678' }),
      { policies: [{ ...rawPolicy, maxBodyBytes: 8 }] },
    ],
    [
      'one of several pins, while it is valid',
      () => telemetryParts(),
      {
        identity: {
          pins: [
            { kind: 'certificate', sha256: 'ff'.repeat(32), ...always },
            {
              kind: 'certificate',
              sha256: CERTIFICATE.certificateSha256,
              notBeforeMs: 0,
              notAfterMs: NOW_MS,
            },
            {
              kind: 'certificate',
              sha256: CERTIFICATE.certificateSha256,
              notBeforeMs: NOW_MS,
              notAfterMs: NOW_MS + 1,
            },
          ],
        },
      },
    ],
    [
      'a pinned public key',
      () => telemetryParts(),
      { identity: { pins: [{ kind: 'spki', sha256: 'b2'.repeat(32), ...always }] } },
    ],
    [
      'the second of two valid keys without a key id',
      () => signedParts({ kid: undefined, key: spareKey }),
      { identity: { keys: [keyEntry(KID, producerKey), keyEntry('k2', spareKey)] } },
    ],
    [
      'the certificate of a trusted hop',
      () => {
        const parts: RequestParts = { ...telemetryParts(), peerCertificate: 'missing' };
        setHeader(parts, 'x-forwarded-client-cert', `Hash=${CERTIFICATE.certificateSha256};Subject="CN=a"`);
        return parts;
      },
      { forwardedCertificate: 'trusted-hop' },
    ],
    [
      'a handshake and a hop that agree',
      () => {
        const parts = telemetryParts();
        setHeader(parts, 'x-forwarded-client-cert', `Hash=${CERTIFICATE.certificateSha256.toUpperCase()}`);
        return parts;
      },
      { forwardedCertificate: 'trusted-hop' },
    ],
    [
      'an operator of the identity with one of its attestations',
      () => telemetryParts(),
      { identity: { operators: new Set([OPERATOR]), attestations: new Set([ATTESTATION]) } },
    ],
  ];

describe('judge accepts', () => {
  it.each(acceptable.map(([title, parts, change]) => ({ title, parts, change })))(
    '$title',
    ({ parts, change }) => {
      expect(verdict(parts(), change)).toBe('verified');
    },
  );

  it.each([
    ['as the certificate has it', CERTIFICATE.certificateSha256],
    ['in upper case', CERTIFICATE.certificateSha256.toUpperCase()],
    ['with colons', CERTIFICATE.certificateSha256.replace(/..(?=.)/g, '$&:')],
    ['in upper case with colons', CERTIFICATE.certificateSha256.toUpperCase().replace(/..(?=.)/g, '$&:')],
  ])('a claimed fingerprint %s', (_how, claim) => {
    const parts = telemetryParts();
    setHeader(parts, HEADER_NAMES.certificateSha256, claim);
    expect(verdict(parts)).toBe('verified');
  });

  it('a request that claims no fingerprint', () => {
    const parts = telemetryParts();
    setHeader(parts, HEADER_NAMES.certificateSha256);
    expect(verdict(parts)).toBe('verified');
  });

  it.each(['application/json', 'Application/JSON', 'application/json; charset=utf-8'])(
    'the content type %s',
    (type) => {
      const parts = telemetryParts();
      setHeader(parts, 'content-type', type);
      expect(verdict(parts)).toBe('verified');
    },
  );

  it.each(['identity', 'Identity'])('the content encoding %s, which is none', (coding) => {
    const parts = telemetryParts();
    setHeader(parts, 'content-encoding', coding);
    expect(verdict(parts)).toBe('verified');
  });

  it('a declared pass-through without any check of certificate or signature', () => {
    const parts: RequestParts = {
      ...telemetryParts(),
      method: 'GET',
      path: '/public/page?x=1',
      headers: [],
      peerCertificate: 'missing',
    };
    expect(verdict(parts)).toBe('pass_through');
  });

  it('other names for the security headers', () => {
    const names = { ...HEADER_NAMES, nonce: 'x-other-nonce' };
    const parts = telemetryParts();
    setHeader(parts, 'x-other-nonce', headerOf(parts, HEADER_NAMES.nonce));
    setHeader(parts, HEADER_NAMES.nonce);
    expect(verdict(parts, { headers: names })).toBe('verified');
  });
});
