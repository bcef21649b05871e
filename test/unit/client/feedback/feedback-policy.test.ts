import { readFileSync } from 'node:fs';
import {
  bindAdjustments,
  evaluateAllow,
  FeedbackPolicy,
  type PolicyInput,
} from '../../../../src/client/feedback/index.js';
import {
  adjustments,
  ATTESTATION,
  EXECUTION,
  OTHER_TENANT,
  SIGNED_AT_SECONDS,
  TARGET,
  TENANT,
} from '../../../support/signed-feedback.js';
import { NOW_MS, verified } from './consumer.js';

const execution = { executionFingerprints: [EXECUTION], attestationHashes: [ATTESTATION] };
const UNBOUND = { feedback_bound: false };

function setUp(maxTargets?: number) {
  const time = { nowMs: NOW_MS };
  const clock = { nowMs: () => time.nowMs };
  const policy = new FeedbackPolicy({ clock, maxTargets });
  const take = (signedAtSeconds: number, ...changes: readonly object[]) =>
    policy.apply(
      bindAdjustments(verified({ data: adjustments(...changes), signedAtSeconds }, { clock }), execution),
    );
  return { time, policy, take };
}

describe('policyInput', () => {
  it('is exactly what docs/wire-contract.md says', () => {
    const { policy, take } = setUp();
    take(SIGNED_AT_SECONDS, { confidence: 1 });
    expect(JSON.stringify(policy.policyInput(TENANT, TARGET))).toBe(
      `{"feedback_bound":true,"feedback_action":"tighten","feedback_confidence":1,"feedback_control":"require-approval",` +
        `"feedback_rationale":"9 nodes in the execution graph","feedback_ttl_seconds":3600,` +
        `"feedback_attestation_measurement_hash":"${ATTESTATION}"}`,
    );
  });

  it.each([
    ['another target', TENANT, 'urn:other'],
    ['another tenant', OTHER_TENANT, TARGET],
    ['a target that every object has', TENANT, 'constructor'],
    ['a tenant that every object has', '__proto__', 'toString'],
  ])('is unbound for %s', (_title, tenant, target) => {
    const { policy, take } = setUp();
    take(SIGNED_AT_SECONDS, {});
    expect(policy.policyInput(tenant, target)).toEqual(UNBOUND);
    expect(JSON.stringify(policy.policyInput(tenant, target))).toBe('{"feedback_bound":false}');
  });

  it('ends with ttl_seconds, counted from the timestamp of the adjustment', () => {
    const { time, policy, take } = setUp();
    take(SIGNED_AT_SECONDS, { timestamp: SIGNED_AT_SECONDS - 100, ttl_seconds: 200 });
    time.nowMs = (SIGNED_AT_SECONDS + 100) * 1000 - 1;
    expect(policy.policyInput(TENANT, TARGET)).toMatchObject({ feedback_bound: true });
    time.nowMs += 1;
    expect(policy.policyInput(TENANT, TARGET)).toEqual(UNBOUND);
  });

  it('ends no later when the same adjustment is signed anew', () => {
    const { time, policy, take } = setUp();
    take(SIGNED_AT_SECONDS, { ttl_seconds: 200 });
    time.nowMs += 150_000;
    take(SIGNED_AT_SECONDS + 150, { ttl_seconds: 200 });
    time.nowMs = (SIGNED_AT_SECONDS + 190) * 1000;
    expect(policy.policyInput(TENANT, TARGET)).toEqual(UNBOUND);
  });
});

describe('across answers', () => {
  it('later word replaces earlier word, and what is not spoken of stays', () => {
    const { policy, take } = setUp();
    take(SIGNED_AT_SECONDS, { action: 'deny' }, { target_urn: 'urn:stays' });
    take(SIGNED_AT_SECONDS + 1, { action: 'observe' });
    expect(policy.policyInput(TENANT, TARGET)).toMatchObject({ feedback_action: 'observe' });
    expect(policy.policyInput(TENANT, 'urn:stays')).toMatchObject({ feedback_bound: true });
  });

  it('an answer that was signed earlier and comes later replaces nothing', () => {
    const { policy, take } = setUp();
    take(SIGNED_AT_SECONDS + 1, { action: 'deny' });
    take(SIGNED_AT_SECONDS, { action: 'observe' });
    expect(policy.policyInput(TENANT, TARGET)).toMatchObject({ feedback_action: 'deny' });
  });

  it('later word that has ended takes away earlier word', () => {
    const { policy, take } = setUp();
    take(SIGNED_AT_SECONDS, { action: 'deny' });
    take(SIGNED_AT_SECONDS + 1, { action: 'observe', ttl_seconds: 60, timestamp: SIGNED_AT_SECONDS - 100 });
    expect(policy.policyInput(TENANT, TARGET)).toEqual(UNBOUND);
    take(SIGNED_AT_SECONDS, { action: 'deny' });
    expect(policy.policyInput(TENANT, TARGET)).toEqual(UNBOUND);
  });

  it('an answer for which there is no room is not taken at all', () => {
    const { policy, take } = setUp(2);
    expect(take(SIGNED_AT_SECONDS, {}, { target_urn: 'urn:b' })).toBe(true);
    expect(take(SIGNED_AT_SECONDS + 1, { action: 'deny' }, { target_urn: 'urn:c' })).toBe(false);
    expect(policy.policyInput(TENANT, TARGET)).toMatchObject({ feedback_action: 'tighten' });
    expect(policy.policyInput(TENANT, 'urn:c')).toEqual(UNBOUND);
    expect(take(SIGNED_AT_SECONDS + 1, { action: 'deny' })).toBe(true);
  });

  it('room comes back some time after adjustments have ended', () => {
    const { time, take } = setUp(1);
    take(SIGNED_AT_SECONDS, { ttl_seconds: 100 });
    time.nowMs = (SIGNED_AT_SECONDS + 90) * 1000 + 599_999;
    const later = { target_urn: 'urn:b', timestamp: SIGNED_AT_SECONDS + 600 };
    expect(take(SIGNED_AT_SECONDS + 600, later)).toBe(false);
    time.nowMs += 1;
    expect(take(SIGNED_AT_SECONDS + 600, later)).toBe(true);
  });
});

interface PolicyCase {
  readonly title: string;
  readonly base_allow: boolean;
  readonly feedback: PolicyInput;
  readonly allow: boolean;
}

/** The very cases that the Rego example is tested with. */
const cases = JSON.parse(
  readFileSync(new URL('../../../../examples/policy/cases.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly PolicyCase[] };

describe('evaluateAllow', () => {
  it.each(cases.cases)('$title', ({ base_allow, feedback, allow }) => {
    expect(evaluateAllow(base_allow, feedback, NOW_MS)).toBe(allow);
  });

  it('leaves the base decision once the adjustment has ended, even with an input from before', () => {
    const { policy, take } = setUp();
    take(SIGNED_AT_SECONDS, { action: 'deny', timestamp: SIGNED_AT_SECONDS, ttl_seconds: 60 });
    const input = policy.policyInput(TENANT, TARGET);
    const endMs = (SIGNED_AT_SECONDS + 60) * 1000;
    expect(evaluateAllow(true, input, endMs - 1)).toBe(false);
    expect(evaluateAllow(true, input, endMs)).toBe(true);
    expect(evaluateAllow(false, input, endMs)).toBe(false);
  });

  it('carries the attestation from the adjustment to the input', () => {
    const { policy, take } = setUp();
    take(SIGNED_AT_SECONDS, { attestation_measurement_hash: ATTESTATION.toUpperCase() });
    expect(policy.policyInput(TENANT, TARGET)).toMatchObject({
      feedback_attestation_measurement_hash: ATTESTATION,
    });
  });
});
