import { claimEffect } from '../../../src/nonces/claim-effect.js';
import type { ClaimOutcome, NonceDoubt, NonceStore } from '../../../src/nonces/nonce-store.js';
import { Admission, type PendingCall } from '../../../src/verify/admission.js';
import type { Reservation } from '../../../src/verify/effects.js';
import { refuse, type ExceededLimit } from '../../../src/verify/refusal.js';
import {
  judgeParts,
  makeSnapshot,
  NOW_MS,
  profilePolicy,
  type RequestParts,
  signedJson,
  TELEMETRY_PATH,
  telemetryParts,
} from '../../support/signed-request.js';

const policy = profilePolicy('federation.telemetry', {
  freshness: { pastSkewSeconds: 30, futureSkewSeconds: 5 },
  maxBodyBytes: 1_000,
  rateLimit: { group: 'default', perMinute: 7 },
});
const snapshot = makeSnapshot({ policies: [policy] });
const LARGE = signedJson(TELEMETRY_PATH, ' '.repeat(1_001));
const doubt = (reason: NonceDoubt): ClaimOutcome => ({ kind: 'doubt', reason });
const LIMITED: Reservation = { kind: 'limited', retryAfterSeconds: 1 };
const RESERVED: Reservation = { kind: 'reserved', giveBack: () => undefined, slot: '' };

/** The limit of the refusal that ends a request whose timestamp is `skewSeconds` ahead of our clock. */
async function limitOf(
  parts: RequestParts,
  skewSeconds: number,
  { slot = RESERVED, claim = { kind: 'claimed' } }: { slot?: Reservation; claim?: ClaimOutcome } = {},
): Promise<[string, ExceededLimit | undefined]> {
  const { judgement } = judgeParts(parts, snapshot, NOW_MS - skewSeconds * 1_000);
  if (judgement.kind === 'refuse') return [judgement.code, judgement.limit];
  if (judgement.kind !== 'verified') return [judgement.kind, undefined];
  const store: NonceStore = {
    name: 'told',
    claim: () => claim,
    withdraw: () => undefined,
    noteDeliveries: () => undefined,
    areAwaited: () => [],
    status: () => ({ entries: 0, maxEntries: 0, floorSeconds: 0, clockSteps: 0 }),
    close: () => Promise.resolve(),
  };
  const bounds = { maxEntries: 100, maxEntriesPerIdentity: 10 };
  const claimNonce = claimEffect(store, { checkTimeoutMilliseconds: 200, bounds });
  const call: PendingCall = {
    requestId: 'request-1',
    worthClaiming: () => true,
    untilSpent: () => new Promise(() => undefined),
    monotonicMs: () => 0,
  };
  const outcome = await new Admission({
    rateLimits: { reserve: () => slot, giveBack: () => undefined },
    claimNonce,
  }).admit(judgement, call);
  return outcome.kind === 'refuse' ? [outcome.code, outcome.limit] : [outcome.kind, undefined];
}

const closed: ClaimOutcome = { kind: 'outside_window' };

describe('the limit that a refusal names', () => {
  it.each([
    ['timestamp_outside_window', -31, 'freshness.pastSkewSeconds', 30, telemetryParts(), {}],
    ['timestamp_outside_window', 6, 'freshness.futureSkewSeconds', 5, telemetryParts(), {}],
    ['body_too_large', 0, 'maxBodyBytes', 1_000, LARGE, {}],
    ['rate_limited', 0, 'rateLimit.perMinute', 7, telemetryParts(), { slot: LIMITED }],
    ['nonce_store_full', 0, 'nonces.maxEntries', 100, telemetryParts(), { claim: doubt('store_full') }],
    [
      'nonce_quota_exceeded',
      0,
      'nonces.maxEntriesPerIdentity',
      10,
      telemetryParts(),
      { claim: doubt('quota_exceeded') },
    ],
  ] as const)(
    'for %s is that of its policy or store',
    async (code, skewSeconds, name, value, parts, told) => {
      expect(await limitOf(parts, skewSeconds, told)).toEqual([code, { name, value }]);
    },
  );

  it.each([
    [-30, 'freshness.pastSkewSeconds', 30],
    [0, 'freshness.pastSkewSeconds', 30],
    [5, 'freshness.futureSkewSeconds', 5],
  ] as const)('is the edge at %i s once the window has closed', async (skewSeconds, name, value) => {
    const told = await limitOf(telemetryParts(), skewSeconds, { claim: closed });
    expect(told).toEqual(['timestamp_outside_window', { name, value }]);
  });

  it('is none where no limit was passed, or no setting states it', async () => {
    expect(refuse('signature_invalid').limit).toBeUndefined();
    expect(await limitOf(telemetryParts(), 0, { claim: doubt('clock_diverged') })).toEqual([
      'clock_diverged',
      undefined,
    ]);
  });
});
