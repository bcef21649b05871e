import { Admission, type Admitted, type PendingCall } from '../../../src/verify/admission.js';
import type { Verified } from '../../../src/verify/pipeline.js';
import { MemoryRateLimits } from '../../../src/rate-limits/memory.js';
import type { Claimed, ClaimNonce, RateLimits, Reservation } from '../../../src/verify/effects.js';
import { refuse, type Refusal } from '../../../src/verify/refusal.js';
import { CERTIFICATE, codeOf, IDENTITY, KID, OPERATOR, profilePolicy } from '../../support/signed-request.js';

/** A store in a Map; `deferred` answers a turn later, as a store on disk does. */
class FakeNonces {
  readonly holders = new Map<string, string>();
  readonly #deferred: boolean;
  claims = 0;
  failure: Refusal | undefined;

  constructor(deferred: boolean) {
    this.#deferred = deferred;
  }

  readonly claim: ClaimNonce = (plan, stillWanted) => {
    this.claims++;
    const decide = (): Claimed | Refusal => {
      if (this.failure !== undefined) return this.failure;
      if (!stillWanted()) return refuse('deadline_spent');
      const name = plan.key.toString('hex');
      const holder = this.holders.get(name);
      if (holder !== undefined)
        return { ...refuse('replayed_nonce'), first: { requestId: holder, seenAtMs: 1 } };
      this.holders.set(name, plan.requestId);
      return { kind: 'claimed', settle: () => undefined, withdraw: () => void this.holders.delete(name) };
    };
    return this.#deferred ? new Promise((resolve) => setImmediate(() => resolve(decide()))) : decide();
  };
}

/** Limits that are shared: the same answers a turn later, or doubt. */
class FakeSharedLimits implements RateLimits {
  readonly #own = new MemoryRateLimits();
  reservations = 0;
  failure: Refusal | undefined;

  reserve(...of: Parameters<MemoryRateLimits['reserve']>): Promise<Reservation | Refusal> {
    this.reservations++;
    return new Promise((resolve) => setImmediate(() => resolve(this.failure ?? this.#own.reserve(...of))));
  }

  giveBack(slot: string): void {
    this.#own.giveBack(slot);
  }
}

interface Given {
  readonly deferred?: boolean;
  readonly shared?: boolean;
  readonly perMinute?: number;
}

function setUp({ deferred = true, shared = false, perMinute = 2 }: Given = {}) {
  const nonces = new FakeNonces(deferred);
  const limits = new FakeSharedLimits();
  const rateLimits = shared ? limits : new MemoryRateLimits();
  const admission = new Admission({ rateLimits, claimNonce: nonces.claim });
  const verified = (
    nonce: string,
    change: { operator?: string | undefined; once?: boolean } = {},
  ): Verified => ({
    kind: 'verified',
    policy: profilePolicy('federation.telemetry', { rateLimit: { group: 'g', perMinute } }),
    context: {
      identity: IDENTITY,
      kid: KID,
      assurance: 'certificate_pin',
      certificateSha256: CERTIFICATE.certificateSha256,
      tenant: undefined,
      operator: 'operator' in change ? change.operator : OPERATOR,
      attestation: undefined,
      execution: undefined,
    },
    once:
      change.once === false ? undefined : { key: Buffer.from(nonce), timestampSeconds: 1, skewSeconds: 0 },
  });
  let calls = 0;
  const call = (change: Partial<PendingCall> = {}): PendingCall => ({
    requestId: `request-${++calls}`,
    worthClaiming: () => true,
    untilSpent: () => new Promise(() => undefined),
    monotonicMs: () => 0,
    ...change,
  });
  /** Not answered yet. */
  const hold = async (nonce: string, change: Partial<PendingCall> = {}) =>
    admission.admit(verified(nonce), call(change));
  /** Answered as soon as it is admitted. */
  const admit: typeof hold = async (nonce, change) => {
    const outcome = await hold(nonce, change);
    if (outcome.kind === 'admitted') outcome.settle();
    return outcome;
  };
  return { nonces, limits, admission, verified, call, hold, admit };
}

const codes = (outcomes: readonly { readonly kind: string }[]): string[] => outcomes.map(codeOf);
const admitted = (outcome: Admitted | Refusal): Admitted => {
  if (outcome.kind !== 'admitted') throw new Error(`refused: ${outcome.code}`);
  return outcome;
};

describe.each([
  ['a store that answers at once', { deferred: false }],
  ['a store that answers later', { deferred: true }],
  ['a store and limits that answer later', { deferred: true, shared: true }],
])('admission over %s', (_title, given) => {
  it('admits the first with a nonce and tells the next one who was first', async () => {
    const { admit } = setUp(given);
    expect(codeOf(await admit('a'))).toBe('admitted');
    expect(await admit('a')).toMatchObject({ code: 'replayed_nonce', first: { requestId: 'request-1' } });
  });

  it('claims nothing for a request over the limit and says when to come back', async () => {
    const { admit, nonces } = setUp({ ...given, perMinute: 1 });
    await admit('a');
    const limited = await admit('b', { monotonicMs: () => 59_500 });
    const limit = { name: 'rateLimit.perMinute', value: 1 };
    expect(limited).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1, limit });
    expect(nonces.claims).toBe(1);
    expect(codeOf(await admit('b', { monotonicMs: () => 60_000 }))).toBe('admitted');
  });

  it('gives the slot of a replay back', async () => {
    const { admit } = setUp(given);
    await admit('a');
    for (let copy = 0; copy < 10; copy++) expect(codeOf(await admit('a'))).toBe('replayed_nonce');
    expect(codes([await admit('b'), await admit('c')])).toEqual(['admitted', 'rate_limited']);
  });

  it('gives the slot back when the store will not say', async () => {
    const { admit, nonces } = setUp({ ...given, perMinute: 1 });
    nonces.failure = refuse('nonce_store_unavailable');
    for (let attempt = 0; attempt < 3; attempt++)
      expect(codeOf(await admit('a'))).toBe('nonce_store_unavailable');
    nonces.failure = undefined;
    expect(codeOf(await admit('a'))).toBe('admitted');
  });

  it('does not ask the store when the deadline is nearly spent, and keeps no slot', async () => {
    const { admit, nonces } = setUp({ ...given, perMinute: 1 });
    expect(codeOf(await admit('a', { worthClaiming: () => false }))).toBe('deadline_spent');
    expect(nonces.claims).toBe(0);
    expect(codeOf(await admit('a'))).toBe('admitted');
  });

  it('returns slot and nonce of an allow that could not be given', async () => {
    const { admit, hold, nonces } = setUp({ ...given, perMinute: 1 });
    await admitted(await hold('a')).undo();
    expect(nonces.holders.size).toBe(0);
    expect(codeOf(await admit('a'))).toBe('admitted');
  });
});

describe('admission', () => {
  it('takes a slot and claims nothing where the policy asks for no claim', async () => {
    const { admission, verified, call, nonces } = setUp({ perMinute: 1 });
    const first = await admission.admit(verified('a', { once: false }), call());
    expect(codeOf(await admission.admit(verified('a', { once: false }), call()))).toBe('rate_limited');
    await admitted(first).undo();
    expect(codeOf(await admission.admit(verified('a', { once: false }), call()))).toBe('admitted');
    expect(nonces.claims).toBe(0);
  });

  it('counts a request without an operator against its identity', async () => {
    const { admission, verified, call } = setUp({ perMinute: 1 });
    const nobody = { operator: undefined };
    expect(codeOf(await admission.admit(verified('a', nobody), call()))).toBe('admitted');
    expect(codeOf(await admission.admit(verified('b', nobody), call()))).toBe('rate_limited');
    expect(codeOf(await admission.admit(verified('c'), call()))).toBe('admitted');
  });

  // Fault: copies
  it('gives 1,000 copies that arrive together one allow and one slot', async () => {
    const { admit, nonces } = setUp({ perMinute: 2 });
    const outcomes = codes(await Promise.all(Array.from({ length: 1000 }, () => admit('a'))));
    expect(outcomes.filter((code) => code === 'admitted')).toHaveLength(1);
    expect(outcomes.filter((code) => code === 'replayed_nonce')).toHaveLength(999);
    expect(nonces.holders.size).toBe(1);
    expect(codes([await admit('b'), await admit('c')])).toEqual(['admitted', 'rate_limited']);
  });

  it('does not let a request wait for another nonce', async () => {
    const { admit, nonces } = setUp({ perMinute: 10 });
    const both = Promise.all([admit('a'), admit('b')]);
    expect(nonces.claims).toBe(2);
    expect(codes(await both)).toEqual(['admitted', 'admitted']);
  });

  it('tells copies what the store told their twin, without asking again', async () => {
    const { admit, nonces } = setUp();
    nonces.failure = refuse('nonce_store_full');
    expect(codes(await Promise.all([admit('a'), admit('a'), admit('a')]))).toEqual(
      Array(3).fill('nonce_store_full'),
    );
    expect(nonces.claims).toBe(1);
  });

  it('lets a copy take the place of a twin that was withdrawn, and then its slot too', async () => {
    const { admit, hold, nonces } = setUp({ perMinute: 1 });
    const withdrawn = hold('a').then((outcome) => admitted(outcome).undo());
    const copies = Promise.all([admit('a'), admit('a')]);
    await withdrawn;
    expect(codes(await copies).sort()).toEqual(['admitted', 'replayed_nonce']);
    expect(nonces.holders.size).toBe(1);
    expect(codeOf(await admit('b'))).toBe('rate_limited');
  });

  it('withdraws a copy that took the place of its twin when the operator has used up its allowance', async () => {
    const { admit, hold, nonces } = setUp({ perMinute: 1 });
    const withdrawn = hold('a').then(async (outcome) => {
      await admitted(outcome).undo();
      return admit('b');
    });
    const copy = admit('a');
    expect(codes([await withdrawn, await copy])).toEqual(['admitted', 'rate_limited']);
    expect([...nonces.holders.keys()]).toEqual([Buffer.from('b').toString('hex')]);
  });

  it('abandons a copy whose own caller has gone', async () => {
    const { admit, hold } = setUp();
    const withdrawn = hold('a').then((outcome) => admitted(outcome).undo());
    const copy = admit('a', { worthClaiming: () => false });
    await withdrawn;
    expect(codeOf(await copy)).toBe('deadline_spent');
  });
});

describe.each([
  ['a store that answers at once', { deferred: false }],
  ['a store that answers later', { deferred: true }],
  ['a store and limits that answer later', { deferred: true, shared: true }],
])('a copy, over %s,', (_title, given) => {
  const nextTurns = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  };

  // Fault: copies
  it('waits until its twin is answered, and then names it', async () => {
    const { admit, hold } = setUp(given);
    const twin = admitted(await hold('a'));
    let told: string | undefined;
    const copy = admit('a').then((outcome) => {
      told = codeOf(outcome);
      return outcome;
    });
    await nextTurns();
    expect(told).toBeUndefined();
    twin.settle();
    expect(await copy).toMatchObject({ code: 'replayed_nonce', first: { requestId: 'request-1' } });
  });

  it('is never told of a twin whose allow was taken back after its claim: it takes its place', async () => {
    const { admit, hold, nonces } = setUp({ ...given, perMinute: 1 });
    const twin = admitted(await hold('a'));
    const copies = Promise.all(Array.from({ length: 20 }, () => admit('a')));
    await nextTurns();
    await twin.undo();
    const outcomes = await copies;
    expect(codes(outcomes).sort()).toEqual(['admitted', ...Array<string>(19).fill('replayed_nonce')]);
    const [holder] = nonces.holders.values();
    for (const outcome of outcomes)
      if (outcome.kind === 'refuse') expect(outcome.first?.requestId).toBe(holder);
    expect(holder).not.toBe('request-1');
  });

  it('whose deadline is spent while it waits is told so, and not that it is a replay', async () => {
    const { admit, hold } = setUp(given);
    const twin = admitted(await hold('a'));
    const copy = admit('a', { untilSpent: () => Promise.resolve() });
    expect(codeOf(await copy)).toBe('deadline_spent');
    twin.settle();
    expect(codeOf(await admit('a'))).toBe('replayed_nonce');
  });

  it('goes on where its twin could not be withdrawn, and does as the store says', async () => {
    const { verified, call, nonces } = setUp(given);
    const stuck = new Admission({
      rateLimits: new MemoryRateLimits(),
      claimNonce: (plan, stillWanted) =>
        Promise.resolve(nonces.claim(plan, stillWanted)).then((result) =>
          result.kind === 'claimed'
            ? { ...result, withdraw: () => Promise.reject(new Error('gone')) }
            : result,
        ),
    });
    const twin = admitted(await stuck.admit(verified('a'), call()));
    const copy = stuck.admit(verified('a'), call());
    await expect(twin.undo()).rejects.toThrow('gone');
    expect(codeOf(await copy)).toBe('replayed_nonce');
  });
});

describe('a copy of a request whose own caller had gone', () => {
  it('is judged for itself', async () => {
    const { admit } = setUp({ shared: true });
    let twinIsWorth = true;
    const twin = admit('a', { worthClaiming: () => twinIsWorth });
    const copy = admit('a');
    twinIsWorth = false;
    expect(codes([await twin, await copy])).toEqual(['deadline_spent', 'admitted']);
  });
});

describe('admission over limits that are shared', () => {
  const shared = true;

  it('gives 1,000 copies that arrive together one allow, one claim each at most, and one reservation', async () => {
    const { admit, nonces, limits } = setUp({ shared, perMinute: 2 });
    const outcomes = codes(await Promise.all(Array.from({ length: 1000 }, () => admit('a'))));
    expect(outcomes.filter((code) => code === 'admitted')).toHaveLength(1);
    expect(outcomes.filter((code) => code === 'replayed_nonce')).toHaveLength(999);
    expect(nonces.claims).toBe(1000);
    expect(limits.reservations).toBe(1);
    expect(codes([await admit('b'), await admit('c')])).toEqual(['admitted', 'rate_limited']);
  });

  it('admits nobody in doubt about the limit, and claims nothing', async () => {
    const { admit, nonces, limits } = setUp({ shared });
    limits.failure = refuse('rate_limit_unavailable');
    expect(codes(await Promise.all([admit('a'), admit('a'), admit('b')]))).toEqual(
      Array(3).fill('rate_limit_unavailable'),
    );
    expect(nonces.claims).toBe(0);
    limits.failure = undefined;
    expect(codeOf(await admit('a'))).toBe('admitted');
  });

  it('gives the slot back and claims nothing when the deadline was spent on the limit', async () => {
    const { admit, nonces } = setUp({ shared, perMinute: 1 });
    let isWorth = true;
    const late = admit('a', { worthClaiming: () => isWorth });
    isWorth = false;
    expect(codeOf(await late)).toBe('deadline_spent');
    expect(nonces.claims).toBe(0);
    expect(codeOf(await admit('a'))).toBe('admitted');
  });

  it('withdraws a copy that took the place of its twin when the limit is in doubt by then', async () => {
    const { admit, hold, nonces, limits } = setUp({ shared });
    const withdrawn = hold('a').then((outcome) => {
      limits.failure = refuse('rate_limit_unavailable');
      return admitted(outcome).undo();
    });
    const copy = admit('a');
    await withdrawn;
    expect(codeOf(await copy)).toBe('rate_limit_unavailable');
    expect(nonces.holders.size).toBe(0);
    limits.failure = undefined;
    expect(codeOf(await admit('a'))).toBe('admitted');
  });

  it('lets requests with other nonces reserve at the same time, and no more of them in than the limit', async () => {
    const { admit, limits } = setUp({ shared, perMinute: 2 });
    const all = Promise.all(['a', 'b', 'c'].map((nonce) => admit(nonce)));
    expect(limits.reservations).toBe(3);
    expect(codes(await all).sort()).toEqual(['admitted', 'admitted', 'rate_limited']);
  });
});
