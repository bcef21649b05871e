/**
 * One published set, fetched again and again in the background. A fetch that fails leaves what is known as it is, and is tried
 * again soon; how long that goes well is for whoever reads `lastSuccessMs`.
 */
import type { KeySetAnswer, KeySetClient } from './fetch-key-set.js';
import type { PublishedKey } from './read-key-set.js';

/** `max-age` of a server makes fetches no more frequent than this, or than the configuration does. */
const MIN_REFRESH_SECONDS = 10;
/** So that processes that were started together do not ask together for ever. */
const JITTER = 0.1;
const FIRST_RETRY_MILLISECONDS = 1_000;
const LONGEST_RETRY_MILLISECONDS = 60_000;

/** The last set that was good, in a cache that forgets it. */
export interface LastGood {
  /** By thumbprint. */
  readonly keys: ReadonlyMap<string, PublishedKey>;
  readonly etag: string | undefined;
}

/** What a source works with. */
export interface KeySetSourceOptions {
  readonly client: Pick<KeySetClient, 'fetch' | 'close'>;
  readonly refreshSeconds: number;
  /** What is known; undefined where it is none, or was forgotten. */
  readonly lastGood: () => LastGood | undefined;
  /** Makes ready what is to be kept, which may take a while. */
  readonly prepare: (good: LastGood) => Promise<void>;
  /** Keeps it, from now on. */
  readonly keep: (good: LastGood) => void;
  /** Called after every fetch. */
  readonly onFetched: (outcome: 'succeeded' | 'failed') => void;
  /** Called for what must not happen; the next fetch follows all the same. */
  readonly onDefect: (error: unknown) => void;
  /** Runs a fetch when there is room for one. */
  readonly inTurn: <T>(fetch: () => Promise<T>) => Promise<T>;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: () => number;
  /** 0 to 1. */
  readonly random: () => number;
}

export class KeySetSource {
  readonly #options: KeySetSourceOptions;
  #refreshSeconds: number;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;
  #lastSuccessMs: number | undefined;
  #fault: string | undefined;
  #successes = 0;

  /** Begins to fetch at once. */
  constructor(options: KeySetSourceOptions) {
    this.#options = options;
    this.#refreshSeconds = options.refreshSeconds;
    this.#schedule(0);
  }

  /** When the last fetch that succeeded began, Unix milliseconds; undefined before the first. */
  get lastSuccessMs(): number | undefined {
    return this.#lastSuccessMs;
  }

  /** Why the last fetch failed, in words whose subject is the server; undefined where it succeeded. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Whether it was not fetched once yet, well or not. */
  get isPending(): boolean {
    return this.#successes === 0 && this.#failures === 0;
  }

  /** Grows with every fetch that succeeded. */
  get successes(): number {
    return this.#successes;
  }

  /** From now on it is fetched this often. */
  refreshEvery(seconds: number): void {
    const isSooner = seconds < this.#refreshSeconds;
    this.#refreshSeconds = seconds;
    if (isSooner && this.#timer !== undefined) this.#schedule(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#options.client.close();
  }

  #schedule(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#round(), milliseconds).unref();
  }

  async #round(): Promise<void> {
    this.#timer = undefined;
    let maxAgeSeconds: number | undefined;
    try {
      const { startedMs, answer } = await this.#fetch();
      if (this.#isClosed) return;
      if (answer.kind !== 'failed') ({ maxAgeSeconds } = answer);
      await this.#take(goodOf(answer, this.#options.lastGood()), startedMs);
    } catch (error) {
      this.#failures += 1;
      this.#options.onDefect(error);
    } finally {
      this.#schedule(this.#pauseMs(maxAgeSeconds));
    }
  }

  #fetch(): Promise<{ readonly startedMs: number; readonly answer: KeySetAnswer }> {
    const { client, inTurn, lastGood, nowMs } = this.#options;
    return inTurn(async () => {
      const startedMs = nowMs();
      return { startedMs, answer: await client.fetch(lastGood()?.etag) };
    });
  }

  async #take(good: LastGood | string, startedMs: number): Promise<void> {
    const { prepare, keep, onFetched } = this.#options;
    if (typeof good === 'string') {
      this.#failures += 1;
      this.#fault = good;
      onFetched('failed');
      return;
    }
    await prepare(good);
    if (this.#isClosed) return;
    this.#failures = 0;
    this.#fault = undefined;
    this.#lastSuccessMs = startedMs;
    this.#successes += 1;
    keep(good);
    onFetched('succeeded');
  }

  /** Never longer than the configuration says, whatever the server does. */
  #pauseMs(maxAgeSeconds: number | undefined): number {
    const { random } = this.#options;
    const refreshMs = this.#refreshSeconds * 1000;
    if (this.#failures > 0) {
      const retryMs = FIRST_RETRY_MILLISECONDS * 2 ** Math.min(this.#failures - 1, 10);
      return Math.min(retryMs, LONGEST_RETRY_MILLISECONDS, refreshMs) * (0.5 + 0.5 * random());
    }
    const leastMs = Math.min(refreshMs, MIN_REFRESH_SECONDS * 1000);
    const pauseMs =
      maxAgeSeconds === undefined ? refreshMs : Math.min(refreshMs, Math.max(leastMs, maxAgeSeconds * 1000));
    return pauseMs * (1 - JITTER * random());
  }
}

/** What is good now, or why nothing new is known to be. */
function goodOf(answer: KeySetAnswer, known: LastGood | undefined): LastGood | string {
  if (answer.kind === 'failed') return answer.reason;
  if (answer.kind === 'new')
    return { keys: new Map(answer.keys.map((key) => [key.thumbprint, key])), etag: answer.etag };
  return known ?? 'says that nothing has changed, and what it said before is forgotten';
}
