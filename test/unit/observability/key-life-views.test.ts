/** Rotation on schedule and delegation as readiness, `/status` and the metrics tell them. */
import { Registry } from 'prom-client';
import { LocalFeedbackKey } from '../../../src/feedback/feedback-key.js';
import type { DelegationLook } from '../../../src/keys/delegation/delegated-keys.js';
import { addDelegationMetrics, describeDelegation } from '../../../src/observability/delegation-view.js';
import {
  addKeyRotationMetrics,
  describeKeyRotation,
  keyRotationHealth,
  type RotationShown,
} from '../../../src/observability/key-rotation-view.js';
import { pairOf } from '../../support/fake-key-source.js';

const NOW_MS = Date.parse('2027-01-01T00:00:00Z');

async function samples(add: (registry: Registry) => void): Promise<string[]> {
  const registry = new Registry();
  add(registry);
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('a rotation on schedule', () => {
  const shown = (changes: Partial<RotationShown> = {}): RotationShown => ({
    nextRotationMs: NOW_MS + 5_000,
    domains: 3,
    failed: [],
    waitsFor: undefined,
    directory: '/state/keys',
    ...changes,
  });
  const look = (at: RotationShown | undefined) => ({
    look: () => at,
    counts: { rotations: 2, failures: 1 },
  });
  const failed = Array.from({ length: 25 }, (_, at) => ({
    tenant: at === 0 ? undefined : `tenant-${at}`,
    reason: `fault ${at}`,
  }));

  test('that is not there shows nothing', async () => {
    expect(
      await samples((registry) => addKeyRotationMetrics(registry, look(undefined), () => NOW_MS)),
    ).toEqual([]);
    expect(describeKeyRotation(look(undefined))).toBeUndefined();
    expect(keyRotationHealth(look(undefined)).note?.()).toBeUndefined();
  });

  test.each([
    ['to come', NOW_MS + 5_000, '5'],
    ['overdue', NOW_MS - 5_000, '-5'],
  ])('that is %s has figures', async (_title, nextRotationMs, seconds) => {
    const at = shown({ nextRotationMs, failed: failed.slice(0, 1) });
    expect(await samples((registry) => addKeyRotationMetrics(registry, look(at), () => NOW_MS))).toEqual([
      `countersign_feedback_key_next_rotation_seconds ${seconds}`,
      'countersign_feedback_key_rotation_good_domains 2',
      'countersign_feedback_key_rotation_failed_domains 1',
      'countersign_feedback_key_rotations_total 2',
      'countersign_feedback_key_rotation_failures_total 1',
    ]);
  });

  test('of no domain at all has a figure, and no time', async () => {
    const at = shown({ nextRotationMs: Infinity, domains: 0 });
    const [first] = await samples((registry) => addKeyRotationMetrics(registry, look(at), () => NOW_MS));
    expect(Number(first?.split(' ')[1])).toBeGreaterThan(1e12);
    expect(describeKeyRotation(look(at))).toMatchObject({ next_rotation: null, domains: 0, waits_for: null });
  });

  test('lists twenty faults and counts all of them', () => {
    const said = describeKeyRotation(look(shown({ failed }))) as { faults: object[]; failed_domains: number };
    expect([said.failed_domains, said.faults.length]).toEqual([25, 20]);
    expect(said.faults[0]).toEqual({ tenant: 'default', reason: 'fault 0' });
  });

  test.each<[string, Partial<RotationShown>, string | undefined]>([
    ['nothing where it works', {}, undefined],
    ['what it waits for', { waitsFor: 'the clock' }, 'feedback keys are not rotated now: the clock'],
    [
      'a fault before what it waits for',
      { failed, waitsFor: 'the clock' },
      'the feedback keys of 25 signing domains are not rotated: fault 0',
    ],
  ])('notes %s, and is never at fault', (_title, changes, note) => {
    const health = keyRotationHealth(look(shown(changes)));
    expect([health.fault(), health.note?.()]).toEqual([undefined, note]);
  });
});

describe('a delegation', () => {
  const key = (kid: string, notAfterMs: number) =>
    new LocalFeedbackKey(kid, pairOf(kid), { notBeforeMs: NOW_MS, notAfterMs });
  const good: DelegationLook = {
    tenant: 'tenant-1',
    keys: [key('a', NOW_MS + 2_000), key('b', NOW_MS + 1_000)],
    isFailing: false,
  };
  const failing: DelegationLook = { tenant: undefined, keys: [], isFailing: true };

  test('that is not there shows nothing', async () => {
    expect(describeDelegation([])).toBeUndefined();
    expect(await samples((registry) => addDelegationMetrics(registry, { look: () => [] }))).toEqual([]);
  });

  test('that fails comes first, and has no key that ends', async () => {
    expect(describeDelegation([good, failing])).toMatchObject({
      count: 2,
      domains: [
        { domain: 'default', failing: true, keys: [] },
        {
          domain: 'tenant-1',
          failing: false,
          keys: [{ kid: 'a', not_after: '2027-01-01T00:00:02.000Z' }, {}],
        },
      ],
    });
    expect(
      await samples((registry) => addDelegationMetrics(registry, { look: () => [good, failing] })),
    ).toEqual([
      'countersign_delegation_up{domain="default"} 0',
      'countersign_delegation_up{domain="tenant-1"} 1',
      'countersign_delegated_key_end_timestamp_seconds{domain="default"} 0',
      `countersign_delegated_key_end_timestamp_seconds{domain="tenant-1"} ${NOW_MS / 1000 + 2}`,
    ]);
  });

  test('of very many domains is told of within bounds, the one that fails always', async () => {
    const many = [...Array.from({ length: 1_200 }, (_, at) => ({ ...good, tenant: `t-${at}` })), failing];
    const said = describeDelegation(many) as { count: number; domains: { domain: string }[] };
    expect([said.count, said.domains.length, said.domains[0]?.domain]).toEqual([1_201, 100, 'default']);
    const shown = await samples((registry) => addDelegationMetrics(registry, { look: () => many }));
    expect(shown).toHaveLength(2_000);
    expect(shown).toContain('countersign_delegation_up{domain="default"} 0');
  });
});
