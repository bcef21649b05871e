/** What a signed answer and a withheld one look like at the consumer, judged without this project's code. */
import { execFileSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { PRODUCER_A, type Party } from '../../../tools/local-federation/parties.js';
import type { AuditRecord } from './audit-reader.js';
import { refusalBody } from './expectations.js';
import type { Answer } from './outgoing.js';
import type { Seen } from './stage.js';

/** An adjustment of docs/wire-contract.md, for producer A's tenant. */
export function adjustment(
  change: Readonly<Record<string, unknown>> = {},
  party: Party = PRODUCER_A,
): object {
  return {
    tenant_id: party.tenant,
    execution_fingerprint: 'ab'.repeat(32),
    target_urn: 'urn:target:1',
    action: 'tighten',
    confidence: 0.82,
    rationale: 'größer\u2028\u{1F600}',
    control: 'policy',
    ttl_seconds: 600,
    timestamp: 1_764_000_000,
    schema_version: 'feedback.adjustment.v1',
    attestation_measurement_hash: 'cd'.repeat(32),
    ...change,
  };
}

/** The envelope of docs/wire-contract.md#a-signed-answer. */
export interface Envelope {
  readonly request_id: string;
  readonly status: string;
  readonly data: readonly unknown[];
  readonly errors: readonly unknown[];
  readonly signature: string;
  readonly kid: string;
  readonly signature_algorithm: string;
  readonly signed_at: number;
  readonly nonce: string;
  readonly schema_version: string;
}

const MEMBERS = [
  ...['data', 'errors', 'kid', 'nonce', 'request_id', 'schema_version', 'signature', 'signature_algorithm'],
  ...['signed_at', 'status'],
];

/** CPython's own words for `data`. */
const CANONICAL =
  'import json,sys;print(json.dumps(json.load(sys.stdin.buffer)["data"],sort_keys=True,separators=(",",":")),end="")';

/** For which of the tenants OpenSSL finds the signature good, over the text that CPython makes of the delivered body. */
export function genuineFor(body: string, keyring: string, tenants: readonly string[]): string[] {
  const { signed_at, nonce, schema_version, kid, signature } = JSON.parse(body) as Envelope;
  const data = execFileSync('python3', ['-c', CANONICAL], { input: body, encoding: 'utf8' });
  const raw = (JSON.parse(keyring) as Record<string, string>)[kid] ?? '';
  const x = Buffer.from(raw, 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return tenants.filter((tenant) => {
    const text = [tenant, signed_at, nonce, schema_version, kid, data].join('|');
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  });
}

/**
 * The two records of an exchange: the decision on the query, and what became of the answer. Where Envoy answers for
 * the application, the record of that may be written after the client has its answer, during the next exchange.
 */
export function recordsOf({ records: all }: Seen): {
  readonly decision: AuditRecord;
  readonly answer: AuditRecord;
} {
  const query = all.find(({ event }) => event === 'request.accepted');
  const records = all.filter(({ decision_id }) => decision_id === query?.decision_id);
  const [decision, answer, ...others] = records;
  if (decision === undefined || answer === undefined || others.length > 0)
    throw new Error(`${records.length} records: ${records.map(({ event }) => event).join(', ')}`);
  expect(decision).toMatchObject({ code: 'allow' });
  expect(answer.decision_id).toBe(decision.decision_id);
  return { decision, answer };
}

/** Signed for producer A and for nobody else, recorded, and with headers that fit the body; returns the envelope. */
export function expectSigned(seen: Seen, keyring: string, other: Party): Envelope {
  const { answer } = seen;
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(answer.body)),
  });
  expectNoOldHeaders(answer);
  const envelope = JSON.parse(answer.body) as Envelope;
  expect(Object.keys(envelope).sort()).toEqual(MEMBERS);
  expect(envelope).toMatchObject({ signature_algorithm: 'Ed25519', schema_version: 'feedback.response.v1' });
  expect(Math.abs(envelope.signed_at - Date.now() / 1000)).toBeLessThan(30);
  const tenants = [PRODUCER_A.tenant, other.tenant];
  expect(genuineFor(answer.body, keyring, tenants)).toEqual([PRODUCER_A.tenant]);
  const { answer: record } = recordsOf(seen);
  expect(record).toMatchObject({
    event: 'cognitive.feedback.issued',
    code: 'signed',
    kid: envelope.kid,
    adjustments: envelope.data.length,
    tenant: PRODUCER_A.tenant,
  });
  return envelope;
}

/** What said something about the upstream's body, or looks like the verifier's word. */
const OLD = ['etag', 'content-md5', 'digest', 'last-modified', 'content-encoding', 'age', 'expires'];

function expectNoOldHeaders({ headers }: Answer): void {
  const names = [...headers.keys()];
  expect(names.filter((name) => OLD.includes(name) || name.startsWith('x-countersign-'))).toEqual([]);
}

/** Nothing that could be taken for a signed answer, nor anything of what the upstream said. */
export function expectNothingLeft({ answer }: Seen, upstreamText: string): void {
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.body).not.toContain('signature');
  if (upstreamText !== '') expect(answer.body).not.toContain(upstreamText);
  expectNoOldHeaders(answer);
}

/** What a withheld answer has to look like. */
export interface ExpectedWithholding {
  readonly status: number;
  readonly audit: string;
  /** HEAD has no body. */
  readonly bodiless?: boolean;
}

/** Withheld by the signer: its envelope with the decision's id, one record with the precise code. */
export function expectWithheld(seen: Seen, { status, audit, bodiless = false }: ExpectedWithholding): void {
  const { decision, answer: record } = recordsOf(seen);
  expect({ status: seen.answer.status, audit: record.code, recorded: record.status }).toEqual({
    status,
    audit,
    recorded: status,
  });
  expect(record.event).toBe('cognitive.feedback.refused');
  if (bodiless) return;
  expect(seen.answer.headers.get('cache-control')).toBe('no-store');
  expect(refusalBody(seen).request_id).toBe(decision.decision_id);
}
