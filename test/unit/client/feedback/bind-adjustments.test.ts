import {
  bindAdjustments,
  FeedbackPolicy,
  type BoundFeedback,
  type Execution,
} from '../../../../src/client/feedback/index.js';
import { BoundFeedback as BoundFeedbackClass } from '../../../../src/client/feedback/bind-adjustments.js';
import {
  adjustments,
  ATTESTATION,
  EXECUTION,
  OTHER_TENANT,
  SIGNED_AT_SECONDS,
  TARGET,
  TENANT,
} from '../../../support/signed-feedback.js';
import { clock, NOW_MS, verified } from './consumer.js';

const execution: Execution = { executionFingerprints: [EXECUTION], attestationHashes: [ATTESTATION] };

function bind(...changes: readonly object[]): BoundFeedback {
  return bindAdjustments(verified({ data: adjustments(...changes) }), execution);
}

/** `reason`, or `reason member`, of every dropped adjustment. */
function reasons({ dropped }: BoundFeedback): string[] {
  return dropped.map(({ reason, member }) => (member === undefined ? reason : `${reason} ${member}`));
}

describe('an adjustment for us', () => {
  it('is applied, with all that it says', () => {
    const { applied, dropped, tenant, signedAtSeconds } = bind({});
    expect(dropped).toEqual([]);
    expect({ tenant, signedAtSeconds }).toEqual({ tenant: TENANT, signedAtSeconds: SIGNED_AT_SECONDS });
    expect(applied).toEqual([
      {
        tenantId: TENANT,
        executionFingerprint: EXECUTION,
        attestationMeasurementHash: ATTESTATION,
        targetUrn: TARGET,
        action: 'tighten',
        confidence: 0.82,
        rationale: '9 nodes in the execution graph',
        control: 'require-approval',
        ttlSeconds: 3600,
        timestampSeconds: SIGNED_AT_SECONDS - 10,
        schemaVersion: 'feedback.adjustment.v1',
        endsAtMs: (SIGNED_AT_SECONDS + 3590) * 1000,
      },
    ]);
  });

  it.each([
    ['hashes in upper case', { execution_fingerprint: EXECUTION.toUpperCase() }],
    ['an attestation in upper case', { attestation_measurement_hash: ATTESTATION.toUpperCase() }],
    ['no confidence at all', { confidence: 0 }],
    ['all confidence', { confidence: 1 }],
    ['the shortest life', { ttl_seconds: 60 }],
    ['the longest life', { ttl_seconds: 86_400 }],
    ['an action that we do not know', { action: 'quarantine' }],
    ['a timestamp with a fraction', { timestamp: SIGNED_AT_SECONDS - 0.5 }],
    ['a timestamp a little ahead', { timestamp: SIGNED_AT_SECONDS + 300 }],
    ['empty words', { rationale: '', control: '' }],
    ['members of its own', { more: { tenant_id: OTHER_TENANT, action: 'deny' }, __proto__x: [] }],
  ])('is applied with %s', (_title, changes) => {
    expect(reasons(bind(changes))).toEqual([]);
  });

  it('is found by hashes that are given in upper case, among others', () => {
    const feedback = verified({ data: adjustments({}) });
    const { applied } = bindAdjustments(feedback, {
      executionFingerprints: new Set(['0'.repeat(64), EXECUTION.toUpperCase()]),
      attestationHashes: ['f'.repeat(64), ATTESTATION.toUpperCase()],
    });
    expect(applied).toHaveLength(1);
  });
});

describe('an adjustment is dropped', () => {
  it.each([
    ['for another tenant', { tenant_id: OTHER_TENANT }, 'other_tenant'],
    [
      'for our tenant in another case',
      { tenant_id: TENANT.replace('4111', '4111 ').trim() + ' ' },
      'other_tenant',
    ],
    ['for another execution', { execution_fingerprint: '0'.repeat(64) }, 'other_execution'],
    ['for another attestation', { attestation_measurement_hash: '0'.repeat(64) }, 'other_attestation'],
    ['of another schema', { schema_version: 'feedback.adjustment.v2' }, 'other_schema'],
    ['made 301 s ahead of its signature', { timestamp: SIGNED_AT_SECONDS + 301 }, 'from_the_future'],
    ['that has ended this second', { timestamp: SIGNED_AT_SECONDS - 56, ttl_seconds: 60 }, 'ended'],
    ['that ended last year', { timestamp: SIGNED_AT_SECONDS - 31_536_000 }, 'ended'],
    ['without a tenant', { tenant_id: undefined }, 'malformed tenant_id'],
    ['with a tenant that is a list', { tenant_id: [TENANT] }, 'malformed tenant_id'],
    ['without a schema', { schema_version: undefined }, 'malformed schema_version'],
    ['without an execution', { execution_fingerprint: undefined }, 'malformed execution_fingerprint'],
    [
      'with an execution of 63 digits',
      { execution_fingerprint: 'e'.repeat(63) },
      'malformed execution_fingerprint',
    ],
    [
      'with an attestation that is no hex',
      { attestation_measurement_hash: 'g'.repeat(64) },
      'malformed attestation_measurement_hash',
    ],
    [
      'with an attestation that is null',
      { attestation_measurement_hash: null },
      'malformed attestation_measurement_hash',
    ],
    ['without a target', { target_urn: undefined }, 'malformed target_urn'],
    ['with an empty target', { target_urn: '' }, 'malformed target_urn'],
    ['with a control character in its target', { target_urn: 'urn:a\u0007' }, 'malformed target_urn'],
    ['with a target of 2,049 characters', { target_urn: 'u'.repeat(2049) }, 'malformed target_urn'],
    ['without an action', { action: undefined }, 'malformed action'],
    ['with an action in upper case', { action: 'DENY' }, 'malformed action'],
    ['with a blank in its action', { action: 'deny ' }, 'malformed action'],
    ['with a confidence above 1', { confidence: 1.01 }, 'malformed confidence'],
    ['with a confidence below 0', { confidence: -0.01 }, 'malformed confidence'],
    ['with a confidence that is a text', { confidence: '0.9' }, 'malformed confidence'],
    ['without a confidence', { confidence: undefined }, 'malformed confidence'],
    ['with a confidence that is true', { confidence: true }, 'malformed confidence'],
    ['without a rationale', { rationale: undefined }, 'malformed rationale'],
    ['with a control that is an object', { control: {} }, 'malformed control'],
    ['with a life of 59 s', { ttl_seconds: 59 }, 'malformed ttl_seconds'],
    ['with a life of a day and a second', { ttl_seconds: 86_401 }, 'malformed ttl_seconds'],
    ['with a life of 60.5 s', { ttl_seconds: 60.5 }, 'malformed ttl_seconds'],
    ['with a life that is a text', { ttl_seconds: '3600' }, 'malformed ttl_seconds'],
    ['with a life below zero', { ttl_seconds: -3600 }, 'malformed ttl_seconds'],
    ['without a timestamp', { timestamp: undefined }, 'malformed timestamp'],
    ['with a timestamp that is a text', { timestamp: '1764000000' }, 'malformed timestamp'],
    ['with a timestamp below zero', { timestamp: -1 }, 'malformed timestamp'],
    ['with a timestamp of twelve digits', { timestamp: 100_000_000_000 }, 'malformed timestamp'],
  ])('%s', (_title, changes, reason) => {
    const bound = bind(changes);
    expect(bound.applied).toEqual([]);
    expect(reasons(bound)).toEqual([reason]);
  });

  it.each([
    ['3600.0', 'malformed ttl_seconds'],
    ['3.6e3', 'malformed ttl_seconds'],
    ['1e999999', undefined],
    ['9'.repeat(400), 'malformed ttl_seconds'],
  ])('with a life written as %s', (lexeme, reason) => {
    const data = adjustments({}).replace('3600', lexeme);
    const run = () => reasons(bindAdjustments(verified({ data }), execution));
    if (reason === undefined) expect(run).toThrow('no canonical form');
    else expect(run()).toEqual([reason]);
  });

  it.each(['null', '1', '"text"', '[]', '[[{"a":1}]]', 'true'])('that is %s and no object', (element) => {
    const data = `[${element},${adjustments({}).slice(1)}`;
    const { applied, dropped } = bindAdjustments(verified({ data }), execution);
    expect(applied).toHaveLength(1);
    expect(dropped).toMatchObject([{ index: 0, reason: 'malformed' }]);
  });

  it('telling its place and what it says of itself', () => {
    expect(bind({}, { tenant_id: OTHER_TENANT, action: 7 }).dropped).toEqual([
      {
        index: 1,
        reason: 'other_tenant',
        adjustment: {
          tenantId: OTHER_TENANT,
          executionFingerprint: EXECUTION,
          attestationMeasurementHash: ATTESTATION,
          targetUrn: TARGET,
          action: undefined,
        },
      },
    ]);
  });

  it('when nothing was run', () => {
    const none = { executionFingerprints: [], attestationHashes: [] };
    expect(reasons(bindAdjustments(verified({ data: adjustments({}) }), none))).toEqual(['other_execution']);
  });
});

describe('several adjustments for one target', () => {
  it('leave the last one, and report the others', () => {
    const bound = bind({ action: 'deny' }, { target_urn: 'urn:other' }, { action: 'observe' });
    expect(bound.applied.map(({ targetUrn, action }) => [targetUrn, action])).toEqual([
      ['urn:other', 'tighten'],
      [TARGET, 'observe'],
    ]);
    expect(bound.dropped).toMatchObject([{ index: 0, reason: 'superseded', adjustment: { action: 'deny' } }]);
  });

  it('leave none when the last one has ended: it was later word all the same', () => {
    const bound = bind(
      { action: 'deny' },
      { action: 'observe', ttl_seconds: 60, timestamp: SIGNED_AT_SECONDS - 90 },
    );
    expect(bound.applied).toEqual([]);
    expect(reasons(bound)).toEqual(['superseded', 'ended']);
    expect(bound.latest.map(({ action }) => action)).toEqual(['observe']);
  });

  it('are not replaced by one that is not bound', () => {
    const bound = bind({ action: 'deny' }, { action: 'observe', execution_fingerprint: '0'.repeat(64) });
    expect(bound.applied.map(({ action }) => action)).toEqual(['deny']);
    expect(reasons(bound)).toEqual(['other_execution']);
  });

  it.each(['__proto__', 'constructor', 'toString'])('are told apart even when the target is %s', (target) => {
    expect(bind({ target_urn: target }, {}).applied.map(({ targetUrn }) => targetUrn)).toEqual([
      target,
      TARGET,
    ]);
  });
});

describe('what was not verified', () => {
  const envelope = { tenant: TENANT, signedAtSeconds: 0, canonicalData: new Uint8Array(0), verifiedAtMs: 0 };

  /* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment -- that the compiler refuses it is the test */
  it('cannot be bound: a type error, and a refusal at run time', () => {
    // @ts-expect-error an object that looks like one was not verified
    expect(() => bindAdjustments(envelope, execution)).toThrow(TypeError);
    const parsed: { data: unknown[] } = { data: [] };
    // @ts-expect-error nor was a parsed answer
    expect(() => bindAdjustments(parsed, execution)).toThrow(TypeError);
    // @ts-expect-error nor was nothing
    expect(() => bindAdjustments(undefined, execution)).toThrow(TypeError);
  });

  it('cannot be applied to a policy either', () => {
    const policy = new FeedbackPolicy({ clock });
    const lists = { tenant: TENANT, signedAtSeconds: 0, latest: [], applied: [], dropped: [] };
    // @ts-expect-error a list of adjustments was not bound
    expect(() => policy.apply(lists)).toThrow(TypeError);
    // @ts-expect-error the seal is a symbol that never leaves its module
    expect(() => new BoundFeedbackClass(Symbol('bound'), lists)).toThrow(TypeError);
  });
  /* eslint-enable @typescript-eslint/no-unsafe-class-instance-assignment */

  it('cannot be bound by borrowing the prototype', () => {
    const feedback = verified();
    const fake = Object.create(Object.getPrototypeOf(feedback) as object) as typeof feedback;
    expect(() => bindAdjustments(fake, execution)).toThrow(TypeError);
    expect(() => bindAdjustments(new Proxy(feedback, {}), execution)).toThrow(TypeError);
  });
});

describe('an execution', () => {
  it.each([
    ['a fingerprint that is no hash', { executionFingerprints: ['x'], attestationHashes: [] }],
    ['a text for a list', { executionFingerprints: EXECUTION, attestationHashes: [] }],
    ['an attestation that is no hash', { executionFingerprints: [], attestationHashes: [`${ATTESTATION} `] }],
  ])('with %s is a mistake of the caller', (_title, wrong) => {
    expect(() => bindAdjustments(verified(), wrong)).toThrow(RangeError);
  });

  it('keeps nothing of the answer that could be changed', () => {
    const { applied } = bind({});
    expect(() => Object.assign(applied[0]!, { action: 'observe' })).toThrow(TypeError);
    expect(NOW_MS).toBeGreaterThan(0);
  });
});
