/** The four bodies of the federation profile (docs/wire-contract.md#the-federations-bodies). */
import { createHash, sign, type KeyObject } from 'node:crypto';
import { SCHEMA_VERSION, type Party } from './parties.js';
import type { SignedParts } from './producer.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The measurement that the examples attest. */
export const ATTESTATION = sha256('countersign local federation: attested measurement');
const CAMPAIGN = 'campaign-local';

/** Paths of the profile's routes. */
export const PATHS = {
  telemetry: '/internal/v1/telemetry',
  graph: '/internal/v1/cognitive/execution-graph',
  feedback: '/internal/v1/cognitive/feedback/adjustments/query',
  bundle: '/internal/v1/federation/verify',
} as const;

/** A body before it is serialised; a case may change a member of it first. */
export type Body = Readonly<Record<string, unknown>>;

/** One telemetry event of `party`, of an execution of its own unless one is named. */
export function telemetryBody(
  party: Party,
  { timestamp, nonce }: SignedParts,
  execution = sha256(nonce),
): Body {
  return {
    operator_id: party.operator,
    campaign_id: CAMPAIGN,
    tenant_id: party.tenant,
    execution_hash: execution,
    timestamp,
    nonce,
    signed_metadata: { tenant_id: party.tenant, operator_id: party.operator, campaign_id: CAMPAIGN },
    payload: {
      event: 'local-federation.demonstration',
      attributes: { schema_version: SCHEMA_VERSION, attestation_measurement_hash: ATTESTATION },
    },
  };
}

/** What a graph is about. */
export interface GraphSubject {
  /** Of the execution, 64 hex digits. */
  readonly fingerprint: string;
  readonly target: string;
}

/** An execution graph of `nodes` nodes, of an execution of its own unless one is named. */
export function graphBody(
  party: Party,
  { timestamp, nonce }: SignedParts,
  nodes: number,
  subject: GraphSubject = { fingerprint: sha256(`graph ${nonce}`), target: 'urn:target:local-federation' },
): Body {
  const { fingerprint, target } = subject;
  return {
    operator_id: party.operator,
    tenant_id: party.tenant,
    execution_fingerprint: fingerprint,
    timestamp,
    nonce,
    schema_version: 'execution.graph.v1',
    attestation_measurement_hash: ATTESTATION,
    graph: {
      tenant_id: party.tenant,
      operator_id: party.operator,
      execution_fingerprint: fingerprint,
      target_urn: target,
      nodes: Array.from({ length: nodes }, (_, index) => ({ id: `node-${index}` })),
    },
  };
}

/** A query for the tenant's last adjustments. */
export function feedbackBody(party: Party, { timestamp, nonce }: SignedParts): Body {
  return { operator_id: party.operator, tenant_id: party.tenant, timestamp, nonce, limit: 5 };
}

/** A bundle: its own signature over its five fields stands in for the signature headers. */
export function bundleBody(party: Party, { timestamp, nonce }: SignedParts, key: KeyObject): Body {
  const fields = {
    operator_id: party.operator,
    campaign_id: CAMPAIGN,
    execution_hash: sha256(nonce),
    timestamp,
    nonce,
  };
  const signature = sign(null, Buffer.from(Object.values(fields).join('|')), key).toString('base64');
  return { bundle: { ...fields, signature } };
}
