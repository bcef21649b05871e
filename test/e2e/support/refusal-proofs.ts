/** Where each refusal code is shown: end to end, or, with the reason, by a unit test. The compiler keeps the list complete. */
import type { RefusalCode } from '../../../src/verify/refusal.js';

export type Proof =
  /** In the tables of `cases/`, over HTTP/1.1 and HTTP/2, on both Envoy lines. */
  | { readonly by: 'table' }
  /** In a file of its own under test/e2e, which names the code. */
  | { readonly by: 'test'; readonly file: string }
  /** Nothing that comes through Envoy can bring it about. */
  | { readonly by: 'unit'; readonly file: string; readonly why: string };

const table: Proof = { by: 'table' };
const test = (file: string): Proof => ({ by: 'test', file: `test/e2e/${file}` });

export const REFUSAL_PROOFS: Readonly<Record<RefusalCode, Proof>> = {
  check_malformed: test('other-envoy.test.ts'),
  upgrade_refused: test('other-envoy.test.ts'),
  authority_ambiguous: table,
  no_policy: table,
  path_not_normal: table,
  method_not_allowed: table,
  query_not_allowed: table,
  certificate_missing: test('other-envoy.test.ts'),
  certificate_malformed: test('other-envoy.test.ts'),
  certificate_sources_disagree: test('other-envoy.test.ts'),
  header_missing: table,
  header_duplicate: table,
  header_malformed: table,
  certificate_claim_mismatch: table,
  identity_unknown: table,
  identity_revoked: table,
  pin_mismatch: table,
  pin_not_valid: table,
  certificate_details_missing: test('certificate-names.test.ts'),
  certificate_name_mismatch: test('certificate-names.test.ts'),
  certificate_name_not_valid: test('certificate-names.test.ts'),
  certificate_untrusted: test('certificate-names.test.ts'),
  timestamp_outside_window: table,
  body_not_whole: test('limits.test.ts'),
  body_too_large: table,
  key_unknown: table,
  key_not_valid: table,
  signature_invalid: table,
  content_encoding: table,
  content_type: table,
  body_not_json: table,
  body_contract: table,
  schema_version: table,
  attestation_malformed: table,
  body_repeats_other_nonce: table,
  body_repeats_other_timestamp: table,
  body_binding_mismatch: table,
  operator_unmapped: table,
  operator_not_of_identity: table,
  tenant_mismatch: table,
  attestation_not_allowed: table,
  rate_limited: test('once.test.ts'),
  rate_limit_unavailable: {
    by: 'unit',
    file: 'test/contract/rate-limits-lmdb.test.ts',
    why: 'the nonce store in the same place fails with it, and says so before',
  },
  replayed_nonce: test('once.test.ts'),
  nonce_below_floor: test('limits.test.ts'),
  nonce_store_full: test('limits.test.ts'),
  nonce_quota_exceeded: test('limits.test.ts'),
  clock_diverged: {
    by: 'unit',
    file: 'test/contract/nonce-store-clocks.ts',
    why: 'it takes a wall clock that jumps, and the clock of the machine that runs the tests must not',
  },
  nonce_store_unavailable: test('faults.test.ts'),
  execution_store_unavailable: {
    by: 'unit',
    file: 'test/unit/envoy/check/check-service-effects.test.ts',
    why: 'the disk that fails this store fails the nonce store in the same directory before it',
  },
  deadline_spent: test('faults.test.ts'),
  audit_unavailable: test('faults.test.ts'),
  overloaded: test('limits.test.ts'),
  internal_error: {
    by: 'unit',
    file: 'test/unit/envoy/check/check-service.test.ts',
    why: 'it is what a defect is answered with; a request that brings one about is a bug to be mended',
  },
};
