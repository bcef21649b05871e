/** From stored execution graphs to feedback adjustments (docs/wire-contract.md#a-signed-answer). */
import type { StoredRecord } from './record-store.js';

/** From so many nodes on a graph is taken to be worth tightening. */
const TIGHTEN_FROM_NODES = 8;

/** How long an adjustment holds; the contract allows 60..86,400 s. */
const TTL_SECONDS = 3_600;

/** One adjustment, in the fields and the order of docs/wire-contract.md. */
export interface Adjustment {
  readonly tenant_id: string;
  readonly execution_fingerprint: string;
  readonly target_urn: string;
  readonly action: 'observe' | 'tighten';
  readonly confidence: number;
  readonly rationale: string;
  readonly control: string;
  readonly ttl_seconds: number;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly schema_version: 'feedback.adjustment.v1';
  readonly attestation_measurement_hash: string;
}

/** The members of a graph submission that an adjustment is made of. */
export interface GraphSubmission {
  readonly executionFingerprint: string;
  readonly targetUrn: string;
  readonly nodes: number;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a submitted body. Undefined when it has no fingerprint, no target or no list of nodes. */
export function readGraphSubmission(body: unknown): GraphSubmission | undefined {
  if (!isObject(body) || !isObject(body['graph'])) return undefined;
  const { execution_fingerprint: executionFingerprint } = body;
  const { target_urn: targetUrn, nodes } = body['graph'];
  if (typeof executionFingerprint !== 'string' || typeof targetUrn !== 'string' || !Array.isArray(nodes)) {
    return undefined;
  }
  return { executionFingerprint, targetUrn, nodes: nodes.length };
}

/** The adjustment for a stored graph: tenant and attestation are those that the verifier vouched for at ingest. */
export function adjustmentFor(record: StoredRecord): Adjustment | undefined {
  const graph = readGraphSubmission(record.body);
  if (graph === undefined) return undefined;
  const tighten = graph.nodes >= TIGHTEN_FROM_NODES;
  return {
    tenant_id: record.tenant_id,
    execution_fingerprint: graph.executionFingerprint,
    target_urn: graph.targetUrn,
    action: tighten ? 'tighten' : 'observe',
    confidence: tighten ? 0.82 : 0.55,
    rationale: `${graph.nodes} nodes in the execution graph`,
    control: tighten ? 'require-approval' : 'log-only',
    ttl_seconds: TTL_SECONDS,
    timestamp: Math.floor(record.received_at_ms / 1000),
    schema_version: 'feedback.adjustment.v1',
    attestation_measurement_hash: record.attestation_measurement_hash,
  };
}
