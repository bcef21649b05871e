/** A store under test with the clock it runs by; one for each test, closed after it. */
import type { ClaimOutcome, NonceClaim, NonceStore } from '../../src/nonces/nonce-store.js';
import type { NonceStoreOptions } from '../../src/nonces/nonce-store.js';
import { fakeClock, numberedClaim, SKEW_SECONDS, START_SECONDS, type FakeClock } from './nonce-claims.js';

/** Opens an empty store, which has lost whatever there was before; the suite closes it. */
export type OpenStore = (options: NonceStoreOptions) => NonceStore | Promise<NonceStore>;

/** A full retention: an entry lives this long after its timestamp. */
export const RETENTION_SECONDS = SKEW_SECONDS + 1;

/** Options of a roomy store. */
export function optionsWith(clock: FakeClock): NonceStoreOptions {
  return {
    clock,
    pastSkewSeconds: SKEW_SECONDS,
    futureSkewSeconds: SKEW_SECONDS,
    maxEntries: 100_000,
    maxEntriesPerIdentity: 100_000,
  };
}

export class StoreUnderTest {
  readonly #open: OpenStore;
  readonly #opened: NonceStore[] = [];
  #clock = fakeClock(START_SECONDS);

  /** Registers the hooks that open a store before each test and close it afterwards. */
  constructor(open: OpenStore) {
    this.#open = open;
    beforeEach(() => this.begin());
    afterEach(async () => {
      while (this.#opened.length > 0) await this.end();
    });
  }

  get clock(): FakeClock {
    return this.#clock;
  }

  get store(): NonceStore {
    return this.#opened.at(-1)!;
  }

  /** Opens a store whose start-up floor has passed at `START_SECONDS`. */
  async begin(but: Partial<NonceStoreOptions> = {}): Promise<void> {
    const floorSeconds = but.futureSkewSeconds ?? SKEW_SECONDS;
    await this.start(START_SECONDS - floorSeconds - 1, but);
    this.#clock.advance(floorSeconds + 1);
  }

  /** Opens a store at a time. */
  async start(atSeconds: number, but: Partial<NonceStoreOptions> = {}): Promise<void> {
    this.#clock = fakeClock(atSeconds);
    this.#opened.push(await this.#open({ ...optionsWith(this.#clock), ...but }));
  }

  async end(): Promise<void> {
    await this.#opened.pop()?.close();
  }

  async claim(number: number, but: Partial<NonceClaim> = {}): Promise<ClaimOutcome> {
    return this.store.claim(numberedClaim(number, but));
  }
}
