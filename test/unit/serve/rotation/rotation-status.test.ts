/** What is told of the rotation of each signing domain. */
import type { DomainOutcome } from '../../../../src/keys/rotation/round.js';
import { RotationStatus, type RotationEvent } from '../../../../src/serve/rotation/rotation-status.js';

const START = Date.UTC(2026, 10, 1);
const DAY = 86_400_000;
const TENANT = '11111111-1111-4111-8111-111111111111';
const [FIRST, SECOND] = [
  { kid: 'k1', notBeforeMs: START, notAfterMs: START + 32 * DAY },
  { kid: 'k2', notBeforeMs: START + 30 * DAY, notAfterMs: Infinity },
] as const;

let nowMs: number;
let status: RotationStatus;
beforeEach(() => {
  nowMs = START;
  status = new RotationStatus(() => nowMs);
  follow(undefined, TENANT);
});

function follow(...tenants: (string | undefined)[]): void {
  const settings = { directory: '/keys', schedule: { everyMs: 30 * DAY, announceMs: DAY, overlapMs: DAY } };
  status.follow({ settings, domains: tenants.map((tenant) => ({ tenant, keys: [] })) });
}

function good(
  tenant: string | undefined,
  more: Partial<Extract<DomainOutcome, { kind: 'good' }>> = {},
): DomainOutcome {
  const next = { nextMs: nowMs + 28 * DAY, nextRotationMs: START + 30 * DAY };
  return { tenant, kind: 'good', announced: undefined, retired: [], keys: [FIRST, SECOND], ...next, ...more };
}

function heard(): RotationEvent[] {
  const events: RotationEvent[] = [];
  status.onEvent((event) => events.push(event));
  return events;
}

test('every domain is due before its first round', () => {
  expect([...status.due(nowMs)]).toEqual([undefined, TENANT]);
  status.note(good(undefined));
  expect([...status.due(nowMs)]).toEqual([TENANT]);
  status.note(good(TENANT, { nextMs: nowMs + 5 }));
  expect(status.nextMs()).toBe(nowMs + 5);
});

test('another key that signs is a rotation, the first one that is seen is none', () => {
  const events = heard();
  status.note(good(undefined));
  expect(events).toEqual([]);
  nowMs = START + 30 * DAY;
  status.note(good(undefined));
  expect(events).toEqual([{ tenant: undefined, kind: 'rotated', kid: 'k2' }]);
  expect(status.counts.rotations).toBe(1);
  status.note(good(undefined, { keys: [SECOND], retired: ['k1'] }));
  expect(events.at(-1)).toEqual({ tenant: undefined, kind: 'retired', kid: 'k1' });
  expect(status.counts.rotations).toBe(1);
});

test('what was told before anybody listened is told to whoever listens first', () => {
  const announced = { kid: 'k1', notBeforeMs: START, fingerprint: 'f' };
  status.note(good(undefined, { announced }));
  expect(heard()).toEqual([{ tenant: undefined, kind: 'announced', ...announced }]);
});

test('what is kept for them is bounded, and of it the last is kept', () => {
  for (let count = 0; count < 1_001; count++)
    status.note({ tenant: undefined, kind: 'failed', reason: `${count}` });
  const events = heard();
  expect(events).toHaveLength(1_000);
  expect(events.at(-1)).toMatchObject({ reason: '1000' });
});

test('a failure keeps what was known, so an overdue rotation stays visible', () => {
  status.note(good(undefined));
  status.note(good(TENANT));
  nowMs = START + 31 * DAY;
  status.note({ tenant: TENANT, kind: 'failed', reason: 'EROFS' });
  expect(status.look()).toMatchObject({
    nextRotationMs: START + 30 * DAY,
    failed: [{ tenant: TENANT, reason: 'EROFS' }],
  });
  expect(status.nextMs()).toBeLessThanOrEqual(nowMs + 60_000);
});

test('ten thousand domains: one that fails is the one that is due', () => {
  const tenants = Array.from(
    { length: 10_000 },
    (_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
  );
  follow(...tenants);
  for (const tenant of tenants) status.note(good(tenant));
  const failing = tenants[5_000]!;
  status.note({ tenant: failing, kind: 'failed', reason: 'EIO' });
  expect([...status.due(nowMs + 60_000)]).toEqual([failing]);
  expect(status.look()).toMatchObject({ domains: 10_000, failed: [{ tenant: failing }] });
});

test('without a rotation nothing is shown', () => {
  status.follow(undefined);
  expect(status.look()).toBeUndefined();
  expect(status.nextMs()).toBe(Infinity);
});
