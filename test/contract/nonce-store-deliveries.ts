/** What every nonce store promises of allows that are over: only what was not delivered may come again, and only once. */
import fc from 'fast-check';
import type { ClaimDelivery, NonceClaim, NonceStore } from '../../src/nonces/nonce-store.js';
import { until } from '../support/until.js';
import { numberedClaim } from './nonce-claims.js';
import { deliveryOf } from './nonce-deliveries.js';
import { StoreUnderTest, type OpenStore } from './nonce-store-harness.js';

export function describeDeliveries(open: OpenStore): void {
  const test = new StoreUnderTest(open);
  const first = numberedClaim(1, { requestId: 'first' });
  const second = numberedClaim(1, { requestId: 'second' });
  const isAwaited = async (claim = first): Promise<boolean | undefined> =>
    (await test.store.areAwaited([claim.key]))[0];
  const note = async (...deliveries: ClaimDelivery[]): Promise<void> => {
    test.store.noteDeliveries(deliveries);
    await settled(test.store, numberedClaim(0, { key: deliveries[0]!.key }));
  };

  describe('what became of an allow', () => {
    it('is awaited until it is known, and then is told to copies', async () => {
      expect(await isAwaited()).toBe(false);
      await test.store.claim(first);
      expect(await isAwaited()).toBe(true);
      expect(await test.store.claim(second)).not.toHaveProperty('firstStatus', expect.anything());
      await note(deliveryOf(first, 'delivered', { status: 201 }));
      expect(await isAwaited()).toBe(false);
      expect(await test.store.claim(second)).toMatchObject({
        kind: 'replayed',
        firstRequestId: 'first',
        firstStatus: 201,
      });
    });

    it.each([0, 100, 503, 999])('is told as it was: %s', async (status) => {
      await test.store.claim(first);
      await note(deliveryOf(first, 'unknown', { status }));
      expect(await test.store.claim(second)).toMatchObject({ kind: 'replayed', firstStatus: status });
    });

    it('gives the claim back where it was not delivered, and tells so once', async () => {
      await test.store.claim(first);
      let withdrawn = 0;
      const undelivered = deliveryOf(first, 'undelivered', { onWithdrawn: () => (withdrawn += 1) });
      await note(undelivered);
      await note(undelivered);
      expect(withdrawn).toBe(1);
      expect(await test.store.claim(second)).toEqual({ kind: 'claimed' });
      await note(undelivered);
      expect(withdrawn).toBe(1);
      expect(await test.claim(1)).toMatchObject({ kind: 'replayed', firstRequestId: 'second' });
    });

    it('is what was said first', async () => {
      await test.store.claim(first);
      await note(deliveryOf(first, 'unknown', { status: 504 }));
      await note(deliveryOf(first, 'undelivered'), deliveryOf(first, 'delivered'));
      expect(await test.store.claim(second)).toMatchObject({ kind: 'replayed', firstStatus: 504 });
    });

    it('counts out of bounds and quotas what was not delivered', async () => {
      await test.end();
      await test.begin({ maxEntries: 1, maxEntriesPerIdentity: 1 });
      await test.store.claim(first);
      expect(await test.claim(2)).toMatchObject({ kind: 'doubt' });
      test.store.noteDeliveries([deliveryOf(first, 'undelivered')]);
      await until('the place is free', async () => !(await isAwaited()));
      expect(await test.claim(2)).toEqual({ kind: 'claimed' });
      expect(await test.claim(1)).toMatchObject({ kind: 'doubt' });
    });

    it('changes nothing of what nobody has claimed, and is forgotten with the claim', async () => {
      await note(deliveryOf(first, 'delivered'), deliveryOf(numberedClaim(2), 'undelivered'));
      expect(await test.store.claim(first)).toEqual({ kind: 'claimed' });
      expect(await isAwaited()).toBe(true);
    });
  });

  describe('claims and reports in any order', () => {
    it('let in one request of a nonce that may have been delivered', async () => {
      let nonces = 1_000;
      await fc.assert(
        fc.asyncProperty(fc.array(STEP, { minLength: 5, maxLength: 40 }), async (steps) => {
          nonces += 1;
          const world = new World(nonces, [test.store]);
          for (const step of steps) await world.take(step);
        }),
        { numRuns: 30 },
      );
    });
  });
}

/** What the world does next: a copy arrives, or somebody tells, perhaps again, what became of one that was let in. */
export const STEP = fc.record({
  kind: fc.constantFrom('copy', 'copy', 'report', 'burst'),
  fate: fc.constantFrom('delivered', 'undelivered', 'undelivered', 'unknown', 'taken_back'),
  which: fc.nat(),
  at: fc.nat(),
});
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

interface LetIn {
  readonly claim: NonceClaim;
  readonly fate: ClaimDelivery['outcome'];
}

/** One nonce, its copies, and what really became of each that was let in. */
export class World {
  readonly #letIn: LetIn[] = [];
  readonly #nonce: number;
  readonly #stores: readonly NonceStore[];
  readonly #claimOf: (nonce: number) => NonceClaim;
  #copies = 0;

  /** `claimOf`: a claim of that nonce. */
  constructor(
    nonce: number,
    stores: readonly NonceStore[],
    claimOf: (nonce: number) => NonceClaim = numberedClaim,
  ) {
    this.#nonce = nonce;
    this.#stores = stores;
    this.#claimOf = claimOf;
  }

  async take({ kind, fate, which, at }: Step): Promise<void> {
    const store = this.#stores[at % this.#stores.length]!;
    if (kind === 'copy') await this.#copy(store, fate);
    if (kind === 'burst') await Promise.all([1, 2, 3].map(() => this.#copy(store, fate)));
    const told = this.#letIn[which % Math.max(1, this.#letIn.length)];
    if (kind !== 'report' || told === undefined) return;
    const delivery = deliveryOf(told.claim, told.fate);
    store.noteDeliveries([delivery, delivery]);
    await settled(store, told.claim);
  }

  /** Of all that were let in at most one may have arrived: this is what the whole rule is for. */
  async #copy(store: NonceStore, fate: Step['fate']): Promise<void> {
    this.#copies += 1;
    const claim = {
      ...this.#claimOf(this.#nonce),
      requestId: `copy-${this.#copies}`,
      standsAfterMs: 60_000,
    };
    if ((await store.claim(claim)).kind !== 'claimed') return;
    if (fate === 'taken_back') return store.withdraw(claim);
    store.settle?.(claim);
    this.#letIn.push({ claim, fate });
    expect(this.#letIn.filter((one) => one.fate !== 'undelivered').length).toBeLessThanOrEqual(1);
  }
}

let markers = 0;

/** Until the store has taken in what it was told before: then it also has a report that is told now, of a claim beside it. */
export async function settled(store: NonceStore, like: NonceClaim): Promise<void> {
  const beside = numberedClaim(1_000_000 + ++markers);
  // In a cluster a nonce has its place by its last bytes.
  const key = Buffer.concat([beside.key.subarray(0, 28), like.key.subarray(28)]);
  const marker = { ...like, key, requestId: `marker-${markers}`, identity: 'svc-marker' };
  await store.claim(marker);
  store.noteDeliveries([deliveryOf(marker, 'delivered')]);
  await until('reports are taken in', async () => (await store.areAwaited([key]))[0] === false, {
    everyMs: 2,
  });
}
