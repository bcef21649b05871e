/** Valid requests: every negative test begins here and changes one thing. */
import type { StrictVerifier } from '../../src/crypto/ed25519.js';
import type { PrivateKey } from '../../src/crypto/private-key.js';
import { selectSigner } from '../../src/crypto/signing.js';
import { type DecisionFacts, noFacts } from '../../src/verify/decision.js';
import type { InboundRequest, PeerCertificate } from '../../src/verify/inbound-request.js';
import { judge, type Judgement } from '../../src/verify/pipeline.js';
import type { Snapshot } from '../../src/verify/snapshot.js';
import {
  ATTESTATION,
  CERTIFICATE,
  EXECUTION,
  HEADER_NAMES,
  IDENTITY,
  KID,
  makeSnapshot,
  NONCE,
  NOW_MS,
  NOW_SECONDS,
  OPERATOR,
  producerKey,
  SCHEMA_VERSION,
  strictVerifier,
  TENANT,
} from './snapshots.js';

export * from './snapshots.js';

const signer = selectSigner();

/** A request in pieces that a test may change before it is frozen into an `InboundRequest`. */
export interface RequestParts {
  method: string;
  path: string;
  authority: string;
  policyName: string | undefined;
  headers: [name: string, value: string | Uint8Array][];
  body: Uint8Array;
  declaredSize: number | undefined;
  peerCertificate: PeerCertificate | 'missing' | 'malformed';
  rawHeaders: boolean;
  rawBody: boolean;
}

/** What is signed, and by whom. */
export interface SigningOptions {
  readonly path?: string;
  readonly body?: string | Uint8Array;
  readonly key?: PrivateKey;
  readonly kid?: string | undefined;
  readonly timestamp?: string;
  readonly nonce?: string;
}

/** A correctly signed request with any body; everything about it but the options is the producer's. */
export function signedParts(options: SigningOptions = {}): RequestParts {
  const { path = '/raw', key = producerKey, kid = KID, nonce = NONCE } = options;
  const timestamp = options.timestamp ?? String(NOW_SECONDS);
  const body = bytes(options.body ?? 'hello');
  const signature = signer.sign(key, Buffer.concat([Buffer.from(`${timestamp}.${nonce}.`), body]));
  const parts = unsignedParts(path, body);
  parts.headers.push(
    [HEADER_NAMES.timestamp, timestamp],
    [HEADER_NAMES.nonce, nonce],
    [HEADER_NAMES.signature, Buffer.from(signature).toString('base64')],
  );
  if (!('kid' in options) || options.kid !== undefined) parts.headers.push([HEADER_NAMES.kid, kid]);
  return parts;
}

/** The producer's request before it is signed; for bundles, all of it. */
export function unsignedParts(path: string, body: Uint8Array): RequestParts {
  return {
    method: 'POST',
    path,
    authority: 'localhost:8443',
    policyName: undefined,
    headers: [
      ['content-type', 'application/json'],
      ['content-length', String(body.length)],
      ['x-request-id', '0f5c7a9e-0000-4000-8000-000000000001'],
      ['x-envoy-auth-partial-body', 'false'],
      [HEADER_NAMES.identity, IDENTITY],
      [HEADER_NAMES.certificateSha256, CERTIFICATE.certificateSha256],
    ],
    body,
    declaredSize: body.length,
    peerCertificate: CERTIFICATE,
    rawHeaders: true,
    rawBody: true,
  };
}

/** Text as UTF-8, bytes as they are. */
export function bytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text;
}

/** Replaces every instance of a header by these values; none removes it. */
export function setHeader(
  parts: RequestParts,
  name: string,
  ...values: readonly (string | Uint8Array)[]
): void {
  parts.headers = parts.headers.filter(([present]) => present !== name);
  for (const value of values) parts.headers.push([name, value]);
}

/** The first value of a header, as text. */
export function headerOf(parts: RequestParts, name: string): string {
  const found = parts.headers.find(([present]) => present === name);
  if (found === undefined) throw new Error(`the request has no ${name}`);
  return Buffer.from(bytes(found[1])).toString('latin1');
}

/** Another body of the same announcements: lengths follow, signatures do not. */
export function setBody(parts: RequestParts, body: string | Uint8Array): void {
  parts.body = bytes(body);
  parts.declaredSize = parts.body.length;
  setHeader(parts, 'content-length', String(parts.body.length));
}

/** Freezes the parts as the adapter would: texts become one byte a character. */
export function inbound(parts: RequestParts): InboundRequest {
  const headers = new Map<string, string[]>();
  for (const [name, value] of parts.headers) {
    const text = typeof value === 'string' ? value : Buffer.from(value).toString('latin1');
    headers.set(name, [...(headers.get(name) ?? []), text]);
  }
  const { rawHeaders, rawBody, ...rest } = parts;
  return { ...rest, rawHeaders, rawBody, headers };
}

/** Fields of a JSON body that a test may change or add. */
type Fields = Readonly<Record<string, unknown>>;

/** Operator, tenant, time and nonce as the headers have them. */
export function commonFields(): Record<string, unknown> {
  return { operator_id: OPERATOR, tenant_id: TENANT, timestamp: NOW_SECONDS, nonce: NONCE };
}

/** A telemetry event; `change` replaces top-level fields. */
export function telemetryFields(change: Fields = {}): Record<string, unknown> {
  return {
    ...commonFields(),
    campaign_id: 'campaign-1',
    execution_hash: EXECUTION,
    signed_metadata: { tenant_id: TENANT, operator_id: OPERATOR, campaign_id: 'campaign-1' },
    payload: {
      event_type: 'scan',
      attributes: { schema_version: SCHEMA_VERSION, attestation_measurement_hash: ATTESTATION },
    },
    ...change,
  };
}

/** An execution graph; `change` replaces top-level fields. */
export function graphFields(change: Fields = {}): Record<string, unknown> {
  return {
    ...commonFields(),
    execution_fingerprint: EXECUTION,
    schema_version: 'execution.graph.v1',
    attestation_measurement_hash: ATTESTATION,
    graph: {
      nodes: [],
      target_urn: 'urn:x',
      tenant_id: TENANT,
      operator_id: OPERATOR,
      execution_fingerprint: EXECUTION,
    },
    ...change,
  };
}

export const TELEMETRY_PATH = '/internal/v1/telemetry';
export const GRAPH_PATH = '/internal/v1/cognitive/execution-graph';
export const QUERY_PATH = '/internal/v1/cognitive/feedback/adjustments/query';
export const BUNDLE_PATH = '/internal/v1/federation/verify';

/** A signed telemetry request; the second argument is its body, as fields or as text. */
export function telemetryParts(
  body: Fields | string = telemetryFields(),
  options: SigningOptions = {},
): RequestParts {
  return signedJson(TELEMETRY_PATH, body, options);
}

/** A signed request with a JSON body, given as fields or as the very text. */
export function signedJson(path: string, body: Fields | string, options: SigningOptions = {}): RequestParts {
  return signedParts({ path, body: typeof body === 'string' ? body : JSON.stringify(body), ...options });
}

/** The fields of a bundle, signed by `key` as they stand. */
export function bundleFields(change: Fields = {}, key: PrivateKey = producerKey): Record<string, unknown> {
  const fields = {
    operator_id: OPERATOR,
    campaign_id: 'campaign-1',
    execution_hash: EXECUTION,
    timestamp: NOW_SECONDS - 86_400,
    nonce: 'bundle-nonce-1',
    ...change,
  };
  const { operator_id, campaign_id, execution_hash, timestamp, nonce } = fields;
  const message = [operator_id, campaign_id, execution_hash, timestamp, nonce].join('|');
  const signature = Buffer.from(signer.sign(key, Buffer.from(message))).toString('base64');
  return { ...fields, signature, ...('signature' in change ? { signature: change['signature'] } : {}) };
}

/** A request to the federation's verify route; it carries no signature headers. */
export function bundleParts(bundle: unknown = bundleFields()): RequestParts {
  const body = typeof bundle === 'string' ? bundle : JSON.stringify({ bundle });
  return unsignedParts(BUNDLE_PATH, bytes(body));
}

/** What one judgement showed: the answer, the facts, and the stages that ran. */
export interface Judged {
  readonly judgement: Judgement;
  readonly facts: DecisionFacts;
  readonly stages: readonly string[];
  /** How often a signature was verified. */
  readonly verifications: number;
}

/** Judges parts on a snapshot, at the middle of `NOW_SECONDS` unless told otherwise. */
export function judgeParts(
  parts: RequestParts,
  snapshot: Snapshot = makeSnapshot(),
  nowMs: number = NOW_MS,
): Judged {
  const facts = noFacts();
  const stages: string[] = [];
  let verifications = 0;
  const verifier: StrictVerifier = {
    engineName: 'counting',
    verify: (...question) => {
      verifications++;
      return strictVerifier.verify(...question);
    },
  };
  const mark = (stage: string): void => void stages.push(stage);
  const judgement = judge(inbound(parts), { snapshot, verifier, nowMs, timer: { mark } }, facts);
  return { judgement, facts, stages, verifications };
}

/** The code of a refusal, else the kind of the judgement. */
export function codeOf(result: { readonly kind: string }): string {
  return 'code' in result && typeof result.code === 'string' ? result.code : result.kind;
}
