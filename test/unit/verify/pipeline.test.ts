import { pipelineCases } from '../../support/pipeline-cases.js';
import {
  ATTESTATION,
  always,
  bundleFields,
  bundleParts,
  CERTIFICATE,
  codeOf,
  EXECUTION,
  graphFields,
  GRAPH_PATH,
  HEADER_NAMES,
  headerOf,
  IDENTITY,
  judgeParts,
  keyEntry,
  KID,
  makeSnapshot,
  NONCE,
  NOW_MS,
  NOW_SECONDS,
  OPERATOR,
  producerKey,
  profilePolicy,
  QUERY_PATH,
  commonFields,
  rawPolicy,
  setBody,
  setHeader,
  signedJson,
  signedParts,
  spareKey,
  telemetryParts,
  TENANT,
  type RequestParts,
  type SnapshotChange,
} from '../../support/signed-request.js';
import { nonceKey } from '../../../src/verify/nonce-key.js';

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

  it.each(['application/json', 'Application/JSON', 'application/json; charset=utf-8', 'application/json ;x'])(
    'the content type %s',
    (type) => {
      const parts = telemetryParts();
      setHeader(parts, 'content-type', type);
      expect(verdict(parts)).toBe('verified');
    },
  );

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

describe('what a judgement establishes', () => {
  it('is the whole verified context, hashes in lower case', () => {
    const fields = JSON.stringify(graphFields({ execution_fingerprint: EXECUTION.toUpperCase() }));
    const { judgement, facts } = judgeParts(signedJson(GRAPH_PATH, fields));
    const context = {
      identity: IDENTITY,
      kid: KID,
      certificateSha256: CERTIFICATE.certificateSha256,
      tenant: TENANT,
      operator: OPERATOR,
      attestation: ATTESTATION,
      execution: EXECUTION,
    };
    const key = nonceKey('request', producerKey.publicKey, NONCE);
    expect(judgement).toMatchObject({ context, once: { key, timestampSeconds: NOW_SECONDS } });
    expect(facts).toMatchObject({ ...context, claimedIdentity: IDENTITY, nonceHash: key });
  });

  it('names an identity as claimed only, until its certificate is pinned to it', () => {
    const parts = telemetryParts();
    setHeader(parts, HEADER_NAMES.identity, 'producer-02');
    const { facts } = judgeParts(parts);
    expect(facts).toMatchObject({ claimedIdentity: 'producer-02', identity: undefined, kid: undefined });
  });

  it('has no key and no nonce before the signature has verified', () => {
    const parts = telemetryParts();
    setBody(parts, '{}');
    const { facts } = judgeParts(parts);
    expect(facts).toMatchObject({ identity: IDENTITY, kid: undefined, nonceHash: undefined });
  });

  it('is no claim for a bundle, unless the policy asks for it', () => {
    expect(judgeParts(bundleParts()).judgement).toMatchObject({ kind: 'verified', once: undefined });
    const once = makeSnapshot({ policies: [profilePolicy('federation.verify', { once: true })] });
    const fresh = bundleParts(bundleFields({ timestamp: NOW_SECONDS }));
    expect(judgeParts(fresh, once).judgement).toMatchObject({
      once: {
        key: nonceKey('bundle', producerKey.publicKey, 'bundle-nonce-1'),
        timestampSeconds: NOW_SECONDS,
      },
    });
  });
});

describe('the order of the checks', () => {
  it('parses no JSON before the signature has verified', () => {
    const parts = telemetryParts();
    setBody(parts, 'no JSON at all');
    expect(judgeParts(parts)).toMatchObject({
      judgement: { code: 'signature_invalid' },
      stages: ['authenticate', 'signature'],
    });
  });

  it('verifies no signature for a certificate that is not pinned', () => {
    const parts: RequestParts = {
      ...telemetryParts(),
      peerCertificate: { certificateSha256: 'ee'.repeat(32), spkiSha256: undefined },
    };
    setHeader(parts, HEADER_NAMES.certificateSha256);
    expect(judgeParts(parts)).toMatchObject({ judgement: { code: 'pin_mismatch' }, verifications: 0 });
  });

  it('verifies no signature for a stale or a partial request', () => {
    const stale = signedParts({ timestamp: String(NOW_SECONDS - 31) });
    expect(judgeParts(stale).verifications).toBe(0);
    const partial = { ...telemetryParts(), declaredSize: 1 };
    expect(judgeParts(partial).verifications).toBe(0);
  });

  it('tries only the named key', () => {
    const keys = [keyEntry('k0', spareKey), keyEntry(KID, producerKey), keyEntry('k2', spareKey)];
    expect(judgeParts(telemetryParts(), makeSnapshot({ identity: { keys } })).verifications).toBe(1);
  });

  it.each([
    ['the certificate before the headers', { certificate: true, headers: true }, 'certificate_missing'],
    ['the headers before the identity', { headers: true, identity: true }, 'header_missing'],
    ['the identity before the time', { identity: true, stale: true }, 'identity_unknown'],
    ['the time before the body', { stale: true, partial: true }, 'timestamp_outside_window'],
    ['the body before the signature', { partial: true, forged: true }, 'body_not_whole'],
    ['the signature before the content type', { forged: true, type: true }, 'signature_invalid'],
  ])('judges %s', (_title, faults: Record<string, boolean>, code) => {
    const parts = telemetryParts(
      undefined,
      faults['stale'] === true ? { timestamp: String(NOW_SECONDS - 100) } : {},
    );
    if (faults['certificate'] === true) parts.peerCertificate = 'missing';
    if (faults['headers'] === true) setHeader(parts, HEADER_NAMES.nonce);
    if (faults['identity'] === true) setHeader(parts, HEADER_NAMES.identity, 'nobody');
    if (faults['partial'] === true) parts.declaredSize = 1;
    if (faults['forged'] === true)
      setHeader(parts, HEADER_NAMES.signature, Buffer.alloc(64, 1).toString('base64'));
    if (faults['type'] === true) setHeader(parts, 'content-type', 'text/plain');
    expect(verdict(parts)).toBe(code);
  });

  it('uses the key at the first millisecond of its validity and not at the end of it', () => {
    const keys = [keyEntry(KID, producerKey, { notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 10 })];
    const snapshot = makeSnapshot({ identity: { keys } });
    const at = (nowMs: number) => codeOf(judgeParts(telemetryParts(), snapshot, nowMs).judgement);
    expect([at(NOW_MS - 1), at(NOW_MS), at(NOW_MS + 9), at(NOW_MS + 10)]).toEqual([
      'key_not_valid',
      'verified',
      'verified',
      'key_not_valid',
    ]);
  });

  it('keeps both ends of the window for the whole of their second', () => {
    const at = (seconds: number, nowMs: number) =>
      codeOf(judgeParts(signedParts({ timestamp: String(seconds) }), makeSnapshot(), nowMs).judgement);
    expect(at(NOW_SECONDS - 30, NOW_SECONDS * 1000 + 999)).toBe('verified');
    expect(at(NOW_SECONDS - 30, NOW_SECONDS * 1000 + 1000)).toBe('timestamp_outside_window');
    expect(at(NOW_SECONDS + 20, NOW_SECONDS * 1000)).toBe('verified');
    expect(at(NOW_SECONDS + 20, NOW_SECONDS * 1000 - 1)).toBe('timestamp_outside_window');
  });
});
