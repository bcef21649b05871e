import { DeliveryWaits, type DeliveryWaitsOptions } from '../../../src/nonces/delivery-waits.js';
import { claimEffect } from '../../../src/nonces/claim-effect.js';
import { deliveryNotes } from '../../../src/nonces/deliveries.js';
import { createMemoryNonceStore } from '../../../src/nonces/memory-store.js';
import { MemoryRateLimits } from '../../../src/rate-limits/memory.js';
import { Admission, type PendingCall } from '../../../src/verify/admission.js';
import { claimText } from '../../../src/verify/claim-text.js';
import type { ClaimPlan } from '../../../src/verify/effects.js';
import type { Verified } from '../../../src/verify/pipeline.js';
import { fakeClock, numberedClaim, SKEW_SECONDS, START_SECONDS } from '../../contract/nonce-claims.js';
import { until } from '../../support/until.js';

const WINDOW = { pastSkewSeconds: SKEW_SECONDS, futureSkewSeconds: SKEW_SECONDS };
const BOUNDS = { maxEntries: 1_000, maxEntriesPerIdentity: 1_000 };

function setUp(but: Partial<DeliveryWaitsOptions> = {}, perMinute = 1_000) {
  const clock = fakeClock(START_SECONDS - SKEW_SECONDS - 1);
  const store = createMemoryNonceStore({ clock, ...WINDOW, ...BOUNDS });
  clock.advance(SKEW_SECONDS + 1);
  const state = { isTold: true };
  const waits = new DeliveryWaits({
    store,
    isTold: () => state.isTold,
    maxInAll: 4,
    maxPerIdentity: 2,
    maxPerNonce: 2,
    maxWaitMs: 5_000,
    clock,
    ...but,
  });
  const claimNonce = claimEffect(store, { checkTimeoutMilliseconds: 1_000, bounds: BOUNDS, waits });
  const rateLimits = new MemoryRateLimits();
  const admission = new Admission({ rateLimits, claimNonce });
  const note = deliveryNotes(store, rateLimits);
  let requests = 0;
  const copy = async (nonce: number, { wanted = (): boolean => true, identity = 'svc-a' } = {}) => {
    const { key, timestampSeconds } = numberedClaim(nonce);
    const requestId = `request-${++requests}`;
    const verified = {
      policy: { freshness: WINDOW, rateLimit: { group: 'g', perMinute } },
      context: { identity },
      once: { key, timestampSeconds, skewSeconds: 0 },
    } as unknown as Verified;
    const call: PendingCall = {
      requestId,
      worthClaiming: wanted,
      untilSpent: () => new Promise(() => undefined),
      monotonicMs: clock.monotonicMs,
    };
    const outcome = await admission.admit(verified, call);
    if (outcome.kind === 'refuse') return outcome;
    outcome.settle();
    return { kind: 'allow' as const, decisionId: requestId, claim: claimText(outcome.taken!) };
  };
  const allow = async (nonce: number, identity = 'svc-a') => {
    const outcome = await copy(nonce, { identity });
    if (outcome.kind !== 'allow') throw new Error(outcome.code);
    return outcome;
  };
  const tell = (
    of: { decisionId: string; claim: string },
    outcome: 'delivered' | 'undelivered',
    status: number,
  ) => note([{ decisionId: of.decisionId, claim: of.claim, outcome, status }]);
  return { clock, store, state, waits, copy, allow, tell };
}

const planLike = (nonce: number, identity = 'svc-a') =>
  ({ ...numberedClaim(nonce), identity }) as unknown as ClaimPlan;

describe('a copy of an allow of which it is not known whether it was delivered', () => {
  it('waits, and is told the status of the first', async () => {
    const { copy, allow, tell, waits } = setUp();
    const first = await allow(1);
    const second = copy(1);
    await until('it waits', () => waits.waiting === 1);
    tell(first, 'delivered', 202);
    expect(await second).toMatchObject({
      code: 'replayed_nonce',
      first: { requestId: first.decisionId, status: 202 },
    });
    expect(waits.waiting).toBe(0);
    expect(await copy(1)).toMatchObject({ code: 'replayed_nonce', first: { status: 202 } });
  });

  it('is let in when the first was not delivered: one of all that wait, and the others wait for that one', async () => {
    const { copy, allow, tell, waits } = setUp({ maxPerIdentity: 3, maxPerNonce: 3 });
    const first = await allow(1);
    const copies = [copy(1), copy(1), copy(1)];
    await until('they wait', () => waits.waiting === 3);
    tell(first, 'undelivered', 503);
    const winner = await Promise.race(copies);
    expect(winner).toMatchObject({ kind: 'allow' });
    await until('the others wait', () => waits.waiting > 0);
    tell(winner as typeof first, 'delivered', 200);
    const kinds = (await Promise.all(copies)).map((outcome) => outcome.kind);
    expect(kinds.toSorted()).toEqual(['allow', 'refuse', 'refuse']);
  });

  it('holds no slot while it waits, and the undelivered one gives its own back', async () => {
    const { copy, allow, tell, waits } = setUp({}, 2);
    const first = await allow(1);
    const second = copy(1);
    await until('it waits', () => waits.waiting === 1);
    const other = await allow(2);
    tell(first, 'undelivered', 503);
    expect(await second).toMatchObject({ kind: 'allow' });
    expect(await copy(3)).toMatchObject({ code: 'rate_limited' });
    tell(other, 'undelivered', 503);
    tell(other, 'undelivered', 503);
    expect(await copy(3)).toMatchObject({ kind: 'allow' });
    expect(await copy(4)).toMatchObject({ code: 'rate_limited' });
  });

  it('is told 409 at once where nobody is there to tell, and as soon as he has gone', async () => {
    const { copy, allow, state, waits } = setUp();
    const first = await allow(1);
    const second = copy(1);
    await until('it waits', () => waits.waiting === 1);
    state.isTold = false;
    const refusal = await second;
    expect(refusal).toMatchObject({ code: 'replayed_nonce', first: { requestId: first.decisionId } });
    expect(refusal).not.toHaveProperty('first.status');
    expect(await copy(1)).toMatchObject({ code: 'replayed_nonce' });
  });

  it('is told 409 at once when the first is so old that nobody will tell of it', async () => {
    const { copy, allow, clock } = setUp();
    await allow(1);
    clock.advance(31);
    // Still inside the window of a claim that is signed now.
    expect((await copy(1)).kind).toBe('refuse');
  });

  it('is told 409 when its time is over', async () => {
    const { copy, allow, waits } = setUp();
    const first = await allow(1);
    let wanted = true;
    const second = copy(1, { wanted: () => wanted });
    await until('it waits', () => waits.waiting === 1);
    wanted = false;
    expect(await second).toMatchObject({ code: 'replayed_nonce', first: { requestId: first.decisionId } });
    expect(waits.waiting).toBe(0);
  });

  it('waits no longer than a part of its time', async () => {
    const { copy, allow, waits, clock } = setUp();
    await allow(1);
    const second = copy(1);
    await until('it waits', () => waits.waiting === 1);
    clock.advance(6);
    expect(await second).toMatchObject({ code: 'replayed_nonce' });
  });

  it('is bounded in number, of each identity and in all, and is told to come again', async () => {
    const { allow, copy, waits } = setUp();
    for (const nonce of [1, 2, 3]) await allow(nonce);
    void copy(1);
    void copy(2);
    await until('they wait', () => waits.waiting === 2);
    expect(await copy(3)).toMatchObject({ code: 'overloaded' });
    // Another identity has places of its own.
    void waits.wait(planLike(1, 'svc-b'), () => true);
    void waits.wait(planLike(2, 'svc-b'), () => true);
    expect(await waits.wait(planLike(3, 'svc-c'), () => true)).toBe('crowded');
  });
});

describe('many copies of one allow', () => {
  it('wait each for itself, some of them, and the others are told at once that they are copies', async () => {
    const { allow, copy, tell, waits } = setUp({ maxInAll: 100, maxPerIdentity: 100 });
    const first = await allow(1);
    const codes: string[] = [];
    const copies = Array.from({ length: 100 }, async () => {
      const outcome = await copy(1);
      codes.push(outcome.kind === 'refuse' ? outcome.code : outcome.kind);
    });
    await until('all but two are answered', () => codes.length === 98);
    expect(new Set(codes)).toEqual(new Set(['replayed_nonce']));
    expect(waits.waiting).toBe(2);
    tell(first, 'delivered', 202);
    await Promise.all(copies);
    expect(codes.slice(98)).toEqual(['replayed_nonce', 'replayed_nonce']);
    expect(waits.waiting).toBe(0);
  });

  it('are let in once when it was not delivered, with one slot between them', async () => {
    const { allow, copy, tell, waits } = setUp({ maxInAll: 100, maxPerIdentity: 100, maxPerNonce: 100 }, 2);
    const first = await allow(1);
    const copies = Array.from({ length: 50 }, () => copy(1));
    await until('all wait', () => waits.waiting === 50);
    tell(first, 'undelivered', 503);
    const winner = await Promise.race(
      copies.map(async (one) => ((await one).kind === 'allow' ? one : new Promise<never>(() => undefined))),
    );
    await until('the others wait', () => waits.waiting === 49);
    tell(winner as typeof first, 'delivered', 202);
    const kinds = (await Promise.all(copies)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'allow')).toHaveLength(1);
    expect(await copy(2)).toMatchObject({ kind: 'allow' });
    expect(await copy(3)).toMatchObject({ code: 'rate_limited' });
  });
});

describe('reports that are none of ours', () => {
  it('are passed over', async () => {
    const { allow, copy, tell, state } = setUp();
    const first = await allow(1);
    state.isTold = false;
    for (const claim of ['', '[]', 'x'.repeat(10_000)])
      tell({ decisionId: first.decisionId, claim }, 'undelivered', 503);
    tell({ decisionId: 'another', claim: first.claim }, 'undelivered', 503);
    expect(await copy(1)).toMatchObject({ code: 'replayed_nonce' });
  });
});
