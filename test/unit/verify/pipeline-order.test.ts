import { nonceKey } from '../../../src/verify/nonce-key.js';
import {
  bundleFields,
  bundleParts,
  codeOf,
  EXECUTION,
  GRAPH_PATH,
  graphFields,
  HEADER_NAMES,
  IDENTITY,
  judgeParts,
  keyEntry,
  KID,
  makeSnapshot,
  NONCE,
  NOW_MS,
  NOW_SECONDS,
  producerKey,
  profilePolicy,
  type RequestParts,
  setBody,
  setHeader,
  signedJson,
  signedParts,
  type SnapshotChange,
  spareKey,
  telemetryParts,
  VERIFIED_CONTEXT,
} from '../../support/signed-request.js';

const verdict = (parts: RequestParts, change?: SnapshotChange): string =>
  codeOf(judgeParts(parts, makeSnapshot(change)).judgement);

describe('what a judgement establishes', () => {
  it('is the whole verified context, hashes in lower case', () => {
    const fields = JSON.stringify(graphFields({ execution_fingerprint: EXECUTION.toUpperCase() }));
    const { judgement, facts } = judgeParts(signedJson(GRAPH_PATH, fields));
    const context = VERIFIED_CONTEXT;
    const key = nonceKey('request', producerKey.publicKey, NONCE);
    expect(judgement).toMatchObject({
      context,
      once: { key, timestampSeconds: NOW_SECONDS, skewSeconds: 0 },
    });
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
        skewSeconds: 0,
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

  // Fault: key-expired
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
