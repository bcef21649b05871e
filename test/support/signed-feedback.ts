/**
 * Signs answers for tests, from docs/wire-contract.md#a-signed-answer alone: it shares the canonical form with the code under
 * test, which has an oracle of its own, and nothing else.
 */
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { canonicalize } from '../../src/feedback/canonical-json.js';

export const TENANT = '11111111-1111-4111-8111-111111111111';
export const OTHER_TENANT = '22222222-2222-4222-8222-222222222222';
export const SIGNED_AT_SECONDS = 1_764_000_000;
export const EXECUTION = 'e1'.repeat(32);
export const ATTESTATION = 'a1'.repeat(32);
export const TARGET = 'urn:target:gripper';

/** A key pair in the forms that tests need. */
export interface TestKey {
  readonly privateKey: KeyObject;
  /** Base64 of the 32 bytes. */
  readonly base64: string;
  readonly pem: string;
  readonly jwk: { readonly kty: string; readonly crv: string; readonly x: string };
}

/** The same key for the same byte. */
export function testKey(fill: number): TestKey {
  const pkcs8 = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.alloc(32, fill),
  ]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return {
    privateKey,
    base64: Buffer.from(x, 'base64url').toString('base64'),
    pem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    jwk: { kty: 'OKP', crv: 'Ed25519', x },
  };
}

export const KEY = testKey(1);
export const KID = 'fb-2026-11';

/** What a test may want otherwise. */
export interface AnswerChanges {
  /** JSON text of the list of adjustments. */
  readonly data?: string;
  readonly tenant?: string;
  readonly signedAtSeconds?: number;
  readonly nonce?: string;
  readonly schemaVersion?: string;
  readonly kid?: string;
  readonly key?: TestKey;
  /** What the envelope says; the signature is Ed25519 all the same. */
  readonly algorithm?: string;
}

let answers = 0;

/** A nonce that no other answer of this process has. */
export function freshNonce(): string {
  answers += 1;
  return `test-nonce-${String(answers).padStart(13, '0')}`;
}

/** The delivered text of a signed answer. */
export function signedAnswer(changes: AnswerChanges = {}): string {
  const { data = '[]', tenant = TENANT, signedAtSeconds = SIGNED_AT_SECONDS, kid = KID } = changes;
  const { nonce = freshNonce(), schemaVersion = 'feedback.response.v1', key = KEY } = changes;
  const canonical = canonicalize(Buffer.from(data));
  if (!canonical.ok) throw new Error(`no canonical form: ${canonical.fault}`);
  const canonicalText = Buffer.from(canonical.canonical).toString('latin1');
  const input = `${tenant}|${signedAtSeconds}|${nonce}|${schemaVersion}|${kid}|${canonicalText}`;
  const signature = sign(null, Buffer.from(input), key.privateKey).toString('base64');
  const { algorithm = 'Ed25519' } = changes;
  const rest = { signature, kid, signature_algorithm: algorithm, signed_at: signedAtSeconds, nonce };
  const tail = JSON.stringify({ ...rest, schema_version: schemaVersion }).slice(1);
  return `{"request_id":"r-1","status":"accepted","data":${data},"errors":[],${tail}`;
}

/** An adjustment that binds, as the contract lists its members. */
export const ADJUSTMENT = {
  tenant_id: TENANT,
  execution_fingerprint: EXECUTION,
  target_urn: TARGET,
  action: 'tighten',
  confidence: 0.82,
  rationale: '9 nodes in the execution graph',
  control: 'require-approval',
  ttl_seconds: 3600,
  timestamp: SIGNED_AT_SECONDS - 10,
  schema_version: 'feedback.adjustment.v1',
  attestation_measurement_hash: ATTESTATION,
} as const;

/** JSON text of a list of adjustments, each with changes of its own; a member that is `undefined` is left out. */
export function adjustments(...changes: readonly object[]): string {
  return JSON.stringify(changes.map((change) => ({ ...ADJUSTMENT, ...change })));
}
