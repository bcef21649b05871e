import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DEFAULT_HEADER_NAMES,
  generateNonce,
  portableKeyPair,
  signingInput,
  signRequest,
  type SignRequestOptions,
} from '../../../src/client/index.js';
import { decodeCanonicalBase64 } from '../../../src/crypto/bytes.js';
import { readPublicKey } from '../../../src/crypto/key-text.js';
import { portableVerifier } from '../../../src/crypto/portable.js';
import { encodePublicKey, parsePublicKey } from '../../../src/crypto/public-key.js';
import { signatureBase } from '../../../src/verify/checks/signature.js';
import { NONCE } from '../../../src/protocol/syntax.js';

const key = portableKeyPair(new Uint8Array(32).fill(7));
const body = Buffer.from('{"a":1.0}\n');
const options: SignRequestOptions = {
  identity: 'producer-a',
  signingKey: key,
  kid: 'k1',
  certificateSha256: 'AB'.repeat(32),
  body,
  timestampSeconds: 1_764_000_000,
  nonce: 'nonce-0123456789abcdefgh',
};

describe('signRequest', () => {
  it('gives the headers of docs/wire-contract.md, in its order', () => {
    const { headers, signature } = signRequest(options);
    expect(Object.entries(headers)).toEqual([
      ['x-service-identity', 'producer-a'],
      ['x-client-cert-sha256', 'ab'.repeat(32)],
      ['x-telemetry-timestamp', '1764000000'],
      ['x-telemetry-nonce', 'nonce-0123456789abcdefgh'],
      ['x-telemetry-signature', Buffer.from(signature).toString('base64')],
      ['x-telemetry-kid', 'k1'],
    ]);
  });

  it('signs what the verifier reads, byte for byte', () => {
    const { headers } = signRequest(options);
    const signature = decodeCanonicalBase64(headers['x-telemetry-signature'] ?? '', 64);
    const timestamp = '1764000000';
    const message = signatureBase(
      { timestamp, timestampSeconds: 1_764_000_000, nonce: options.nonce, signature: signature! },
      body,
    );
    expect(Buffer.from(signingInput({ timestamp, nonce: options.nonce, body }))).toEqual(message);
    const loaded = readPublicKey(key.publicKey);
    expect('raw' in loaded && portableVerifier.verify(loaded, message, signature!)).toBe(true);
  });

  it('makes a signature that openssl verifies', () => {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-sign-'));
    const file = (name: string, content: string | Uint8Array) => {
      writeFileSync(join(directory, name), content);
      return join(directory, name);
    };
    try {
      const parsed = parsePublicKey(key.publicKey);
      const publicKey = file('key.pub', parsed.ok ? encodePublicKey(parsed.key, 'pem') : '');
      const message = file('message', Buffer.concat([Buffer.from(`1764000000.${options.nonce}.`), body]));
      const signature = file('signature', signRequest(options).signature);
      const printed = execFileSync('openssl', [
        ...['pkeyutl', '-verify', '-pubin', '-inkey', publicKey, '-rawin'],
        ...['-in', message, '-sigfile', signature],
      ]);
      expect(printed.toString()).toContain('Signature Verified Successfully');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('leaves out the headers of what was not given', () => {
    const { headers } = signRequest({ ...options, kid: undefined, certificateSha256: undefined });
    expect(Object.keys(headers)).toEqual([
      'x-service-identity',
      'x-telemetry-timestamp',
      'x-telemetry-nonce',
      'x-telemetry-signature',
    ]);
  });

  it('signs an empty body', () => {
    expect(signRequest({ ...options, body: new Uint8Array(0) }).signature).toHaveLength(64);
  });

  it('uses the header names of a gateway that has its own', () => {
    const headerNames = { ...DEFAULT_HEADER_NAMES, identity: 'x-other-identity' };
    const { headers } = signRequest({ ...options, headerNames });
    expect(headers['x-other-identity']).toBe('producer-a');
    expect(headers['x-service-identity']).toBeUndefined();
  });

  it.each<[string, Partial<SignRequestOptions>, RegExp]>([
    ['an identity with a space', { identity: 'a b' }, /^identity must match/],
    ['an identity with a line break', { identity: 'a\nx-evil: 1' }, /^identity must match/],
    ['an empty identity', { identity: '' }, /^identity must match/],
    ['a nonce with a dot', { nonce: 'abcdefgh.i' }, /^nonce must match/],
    ['a nonce of seven characters', { nonce: 'abcdefg' }, /^nonce must match/],
    ['a timestamp in milliseconds', { timestampSeconds: 1_764_000_000_000 }, /^timestampSeconds must match/],
    ['a timestamp with a fraction', { timestampSeconds: 1_764_000_000.5 }, /^timestampSeconds must match/],
    ['a timestamp that is no number', { timestampSeconds: NaN }, /^timestampSeconds must match/],
    ['a kid with a slash', { kid: 'a/b' }, /^kid must match/],
    ['a short fingerprint', { certificateSha256: 'ab' }, /^certificateSha256 must match/],
  ])('refuses %s', (_title, change, message) => {
    expect(() => signRequest({ ...options, ...change })).toThrow(message);
  });
});

describe('generateNonce', () => {
  it('gives 24 URL-safe characters, other ones every time', () => {
    const nonces = Array.from({ length: 50 }, () => generateNonce());
    for (const nonce of nonces) {
      expect(nonce).toHaveLength(24);
      expect(nonce).toMatch(NONCE);
    }
    expect(new Set(nonces).size).toBe(50);
  });

  it('takes its randomness from where it is told to', () => {
    expect(generateNonce((byteLength) => new Uint8Array(byteLength))).toBe('A'.repeat(24));
  });
});
