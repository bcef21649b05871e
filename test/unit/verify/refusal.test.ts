import { answerFor, REFUSAL_CODES, refuse, type RefusalCode } from '../../../src/verify/refusal.js';
import { effectCodes } from '../../support/effect-codes.js';
import { pipelineCases } from '../../support/pipeline-cases.js';

/** docs/wire-contract.md#answers-and-refusals: status, and what the client may read. */
const wireContract: Readonly<Record<RefusalCode, readonly [status: number, clientCode: string]>> = {
  check_malformed: [503, 'unavailable'],
  upgrade_refused: [401, 'unauthenticated'],
  authority_ambiguous: [401, 'unauthenticated'],
  no_policy: [404, 'not_found'],
  path_not_normal: [404, 'not_found'],
  method_not_allowed: [405, 'method_not_allowed'],
  query_not_allowed: [404, 'not_found'],
  certificate_missing: [401, 'unauthenticated'],
  certificate_malformed: [401, 'unauthenticated'],
  certificate_sources_disagree: [401, 'unauthenticated'],
  header_missing: [401, 'unauthenticated'],
  header_duplicate: [401, 'unauthenticated'],
  header_malformed: [401, 'unauthenticated'],
  certificate_claim_mismatch: [401, 'unauthenticated'],
  identity_unknown: [401, 'unauthenticated'],
  identity_revoked: [401, 'unauthenticated'],
  pin_mismatch: [401, 'unauthenticated'],
  pin_not_valid: [401, 'unauthenticated'],
  certificate_details_missing: [401, 'unauthenticated'],
  certificate_name_mismatch: [401, 'unauthenticated'],
  certificate_name_not_valid: [401, 'unauthenticated'],
  certificate_untrusted: [401, 'unauthenticated'],
  timestamp_outside_window: [401, 'unauthenticated'],
  body_not_whole: [413, 'body_not_accepted'],
  body_too_large: [413, 'body_not_accepted'],
  key_unknown: [401, 'unauthenticated'],
  key_not_valid: [401, 'unauthenticated'],
  signature_invalid: [401, 'unauthenticated'],
  content_encoding: [415, 'unsupported_encoding'],
  content_type: [415, 'unsupported_media_type'],
  body_not_json: [422, 'invalid_json'],
  body_contract: [422, 'invalid_body'],
  schema_version: [422, 'schema_version_not_allowed'],
  attestation_malformed: [422, 'invalid_attestation'],
  body_repeats_other_nonce: [401, 'body_mismatch'],
  body_repeats_other_timestamp: [401, 'body_mismatch'],
  body_binding_mismatch: [401, 'metadata_mismatch'],
  operator_unmapped: [403, 'operator_not_permitted'],
  operator_not_of_identity: [403, 'operator_not_permitted'],
  tenant_mismatch: [403, 'operator_not_permitted'],
  attestation_not_allowed: [403, 'attestation_not_permitted'],
  rate_limited: [429, 'rate_limited'],
  replayed_nonce: [409, 'replayed_nonce'],
  nonce_below_floor: [503, 'unavailable'],
  nonce_store_full: [503, 'unavailable'],
  nonce_quota_exceeded: [503, 'unavailable'],
  clock_diverged: [503, 'unavailable'],
  nonce_store_unavailable: [503, 'unavailable'],
  execution_store_unavailable: [503, 'unavailable'],
  rate_limit_unavailable: [503, 'unavailable'],
  deadline_spent: [503, 'unavailable'],
  audit_unavailable: [503, 'unavailable'],
  overloaded: [503, 'unavailable'],
  internal_error: [503, 'unavailable'],
};

describe('the union of refusal codes', () => {
  it('is the one that docs/wire-contract.md is written for', () => {
    expect([...REFUSAL_CODES].sort()).toEqual(Object.keys(wireContract).sort());
  });

  it('has a negative test for every code', () => {
    const tested = new Set<string>([...pipelineCases.map(({ code }) => code), ...effectCodes]);
    expect(REFUSAL_CODES.filter((code) => !tested.has(code))).toEqual([]);
  });
});

describe('the answer for a refusal', () => {
  it.each(Object.entries(wireContract))('%s is %j', (code, [status, clientCode]) => {
    expect(answerFor(code as RefusalCode)).toMatchObject({ status, clientCode });
  });

  it('has one text for everything before the signature', () => {
    const opaque = Object.keys(wireContract)
      .map((code) => answerFor(code as RefusalCode))
      .filter(({ clientCode }) => clientCode === 'unauthenticated');
    expect(new Set(opaque.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });

  it('refuses to answer for a code that is none', () => {
    expect(() => answerFor('no_such_code' as RefusalCode)).toThrow('no_such_code');
  });

  it('has a detail only where one was given', () => {
    expect(refuse('no_policy')).toEqual({ kind: 'refuse', code: 'no_policy' });
    expect(refuse('no_policy', 'why')).toEqual({ kind: 'refuse', code: 'no_policy', detail: 'why' });
  });
});
