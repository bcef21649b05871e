/** The snapshot that accepts the valid request, its identities, keys and policies, and how a test changes them. */
import type { VerifiedContext } from '../../src/verify/decision.js';
import { buildContract } from '../../src/config/compile/json-body.js';
import { profiles } from '../../src/config/compile/profiles.js';
import { createStrictVerifier, type StrictVerifier } from '../../src/crypto/ed25519.js';
import { selectEngine } from '../../src/crypto/engines.js';
import { generateKeyPair, type PrivateKey } from '../../src/crypto/private-key.js';
import type { SecurityHeaderNames } from '../../src/protocol/header-names.js';
import type { PeerCertificate } from '../../src/verify/inbound-request.js';
import type {
  Identity,
  PassThroughPolicy,
  Policy,
  SignedPolicy,
  Snapshot,
  VerificationKey,
} from '../../src/verify/snapshot.js';

/** The middle of a second, so that a test sees whether fractions are cut. */
export const NOW_MS = 1_764_000_000_500;
export const NOW_SECONDS = 1_764_000_000;
export const IDENTITY = 'producer-01';
export const OTHER_IDENTITY = 'producer-02';
export const OPERATOR = 'operator-7';
export const TENANT = '0b8f5a52-9d3e-4c53-8a44-0d1f7d1c2a10';
export const OTHER_OPERATOR = 'operator-8';
export const OTHER_TENANT = '7f1d2c3b-1111-4222-8333-444455556666';
export const KID = 'k1';
export const NONCE = 'nonce-0123456789abcdefgh';
export const SCHEMA_VERSION = 'telemetry.v1';
export const CERTIFICATE = {
  certificateSha256: 'a1'.repeat(32),
  spkiSha256: 'b2'.repeat(32),
} satisfies PeerCertificate;
export const OTHER_CERTIFICATE = {
  certificateSha256: 'c3'.repeat(32),
  spkiSha256: 'd4'.repeat(32),
} satisfies PeerCertificate;
export const ATTESTATION = '5e'.repeat(32);
export const EXECUTION = '6f'.repeat(32);

/** What a judgement establishes of a valid request of the federation. */
export const VERIFIED_CONTEXT: VerifiedContext = {
  identity: IDENTITY,
  kid: KID,
  assurance: 'certificate_pin',
  certificateSha256: CERTIFICATE.certificateSha256,
  tenant: TENANT,
  operator: OPERATOR,
  attestation: ATTESTATION,
  execution: EXECUTION,
};
export const always = { notBeforeMs: -Infinity, notAfterMs: Infinity };

export const producerKey = generateKeyPair(new Uint8Array(32).fill(1));
export const otherKey = generateKeyPair(new Uint8Array(32).fill(2));
export const spareKey = generateKeyPair(new Uint8Array(32).fill(3));
export const strictVerifier: StrictVerifier = createStrictVerifier(selectEngine());

export const HEADER_NAMES: SecurityHeaderNames = {
  identity: 'x-service-identity',
  certificateSha256: 'x-client-cert-sha256',
  timestamp: 'x-telemetry-timestamp',
  nonce: 'x-telemetry-nonce',
  signature: 'x-telemetry-signature',
  kid: 'x-telemetry-kid',
};

/** A key of an identity, valid always and for requests and bundles unless told otherwise. */
export function keyEntry(
  kid: string,
  key: PrivateKey,
  change: Partial<VerificationKey> = {},
): VerificationKey {
  return { kid, purposes: ['request', 'bundle'], publicKey: key.publicKey, ...always, ...change };
}

/** The producer of the valid request, with one pin and one key. */
export function makeIdentity(change: Partial<Identity> = {}): Identity {
  return {
    name: IDENTITY,
    revoked: false,
    pins: [{ kind: 'certificate', sha256: CERTIFICATE.certificateSha256, ...always }],
    keys: [keyEntry(KID, producerKey)],
    operators: undefined,
    attestations: undefined,
    ...change,
  };
}

const otherIdentity = makeIdentity({
  name: OTHER_IDENTITY,
  pins: [{ kind: 'certificate', sha256: OTHER_CERTIFICATE.certificateSha256, ...always }],
  keys: [keyEntry(KID, otherKey)],
});

/** A policy of one of the four profiles. */
export function profilePolicy(
  name: keyof typeof profiles,
  change: Partial<Omit<SignedPolicy, 'kind'>> = {},
): SignedPolicy {
  const { match, events, signature, rateLimitGroup, contract } = profiles[name];
  return {
    kind: 'signed',
    name,
    match,
    events,
    signature,
    freshness: { pastSkewSeconds: 30, futureSkewSeconds: 20 },
    once: signature === 'headers',
    maxBodyBytes: 4096,
    body: buildContract(contract([SCHEMA_VERSION])),
    rateLimit: { group: rateLimitGroup, perMinute: 120 },
    answer: 'as_is',
    remembersExecution: false,
    ...change,
  };
}

/** Sign-only: bytes that nobody parses, on a path of its own, query strings allowed. */
export const rawPolicy: SignedPolicy = {
  ...profilePolicy('federation.telemetry'),
  name: 'raw',
  match: { kind: 'exact', path: '/raw', methods: new Set(['POST', 'GET']), allowQuery: true },
  events: { accepted: 'request.accepted', rejected: 'request.rejected' },
  body: undefined,
  rateLimit: undefined,
};

export const passThroughPolicy: PassThroughPolicy = {
  kind: 'pass_through',
  name: 'public',
  match: { kind: 'prefix', path: '/public/', methods: new Set(['GET']), allowQuery: true },
  events: { accepted: 'request.accepted', rejected: 'request.rejected' },
  reason: 'pages for people',
};

const standardPolicies: readonly Policy[] = [
  profilePolicy('federation.telemetry'),
  profilePolicy('federation.execution-graph'),
  profilePolicy('federation.feedback-query'),
  profilePolicy('federation.verify'),
  rawPolicy,
  passThroughPolicy,
];

/** What a test may change of the snapshot. `identity` changes the producer alone. */
export type SnapshotChange = Partial<Omit<Snapshot, 'policies' | 'identities'>> & {
  readonly identity?: Partial<Identity>;
  readonly policies?: readonly Policy[];
};

/** The snapshot that accepts `telemetryParts()`; named policies replace the standard ones of their name. */
export function makeSnapshot({ identity, policies = [], ...rest }: SnapshotChange = {}): Snapshot {
  const byName = new Map([...standardPolicies, ...policies].map((policy) => [policy.name, policy]));
  const producer = makeIdentity(identity);
  return {
    generation: 1,
    headers: HEADER_NAMES,
    forwardedCertificate: 'ignore',
    identities: new Map([producer, otherIdentity].map((entry) => [entry.name, entry])),
    operators: new Map([
      [OPERATOR, TENANT],
      [OTHER_OPERATOR, OTHER_TENANT],
    ]),
    policies: byName,
    feedback: undefined,
    ...rest,
  };
}
