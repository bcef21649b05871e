/** The name of an execution (docs/wire-contract.md#a-signed-answer). Runs anywhere: no Node built-in and no Buffer. */
import { sha256 } from '@noble/hashes/sha2.js';
import { hexFromBytes } from '../../crypto/bytes.js';
import { canonicalize } from '../../feedback/canonical-json.js';

/** What an execution is known by. Every value is a text and goes in as it is, hashes in their own case. */
export interface ExecutionFacts {
  readonly manifestHash: string;
  readonly toolHash: string;
  readonly operatorId: string;
  readonly tenantId: string;
  readonly policyDecisionHash: string;
  readonly attestationMeasurementHash: string;
  /** As a text, such as `1764000000`. */
  readonly timestamp: string;
}

/**
 * SHA-256 of the canonical JSON of the seven facts: 64 lower-case hex digits.
 * @throws TypeError when a fact is no text: a number would be printed in another way, and name another execution.
 */
export function executionFingerprint(facts: ExecutionFacts): string {
  const members: Readonly<Record<string, unknown>> = {
    manifest_hash: facts.manifestHash,
    tool_hash: facts.toolHash,
    operator_id: facts.operatorId,
    tenant_id: facts.tenantId,
    policy_decision_hash: facts.policyDecisionHash,
    attestation_measurement_hash: facts.attestationMeasurementHash,
    timestamp: facts.timestamp,
  };
  for (const [name, value] of Object.entries(members))
    if (typeof value !== 'string') throw new TypeError(`${name} must be a text`);
  const result = canonicalize(new TextEncoder().encode(JSON.stringify(members)));
  if (!result.ok) throw new Error('texts always have a canonical form');
  return hexFromBytes(sha256(result.canonical));
}
