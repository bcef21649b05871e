/**
 * The key sets of the configuration in force: each URL is fetched once, whoever pins keys in it, and what was good last is kept
 * for as long as any of them lets it count.
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import NodeCache from 'node-cache';
import { writePublicJwk } from '../../crypto/jwk.js';
import { parsePublicKey, type PublicKey } from '../../crypto/public-key.js';
import { KeySetClient, type KeySetAddress } from './fetch-key-set.js';
import { KeySetSource, type LastGood } from './key-set-source.js';
import type { PublishedKey } from './read-key-set.js';
import type { KeySetSettings } from './settings.js';

/** A handshake takes a millisecond or two of the loop that serves, and many that begin together take them together. */
const FETCHES_AT_ONCE = 16;
/** A judgement takes up to 0.2 ms; so many are made between two pauses. */
const JUDGED_PER_SLICE = 10;
/** What was judged need not be judged again by every refresh; the bound is on what is kept of former configurations. */
const JUDGED_SECONDS = 86_400;
/** One set of thumbprints of a large configuration. */
const MAX_JUDGED = 100_000;
const NO_KEYS: ReadonlyMap<string, PublishedKey> = new Map();

/** How one set stands. */
export interface KeySetLook {
  readonly keys: ReadonlyMap<string, PublishedKey>;
  /** When the last fetch that succeeded began, Unix milliseconds. */
  readonly lastSuccessMs: number | undefined;
  /** Why the last fetch failed, in words whose subject is the server. */
  readonly fault: string | undefined;
  /** Nothing was fetched yet, well or not. */
  readonly isPending: boolean;
  /** Another number, another content. */
  readonly version: number;
}

/** Fetches since the start, by what they gave. */
export type FetchCounts = Record<'succeeded' | 'failed', number>;

/** What the sets work with. */
interface KeySetsOptions {
  readonly nowMs: () => number;
  /** Called after a fetch that succeeded: the keys of a set may be others, and count for longer. */
  readonly onChange: () => void;
  readonly onDefect: (error: unknown) => void;
  /** For the jitter. Default: `Math.random`. */
  readonly random?: () => number;
  /** Default: over the network. */
  readonly connect?: (address: KeySetAddress) => Pick<KeySetClient, 'fetch' | 'close'>;
}

export class KeySets {
  readonly fetches: FetchCounts = { succeeded: 0, failed: 0 };
  readonly #options: KeySetsOptions;
  readonly #sources = new Map<string, KeySetSource>();
  readonly #turns = new Turns(FETCHES_AT_ONCE);
  /** By hashes of ours, so that no name of somebody else's is a key of an object. */
  readonly #lastGood = new NodeCache({ useClones: false, checkperiod: 0 });
  readonly #judged = new NodeCache({ useClones: false, checkperiod: 0, stdTTL: JUDGED_SECONDS });
  #followed: ReadonlyMap<string, readonly KeySetSettings[]> = new Map();

  constructor(options: KeySetsOptions) {
    this.#options = options;
  }

  /** These from now on, and no others: what is new is fetched at once, what is gone is forgotten at once. */
  follow(sets: readonly KeySetSettings[]): void {
    this.#followed = groupById(sets);
    for (const [id, source] of this.#sources) {
      if (this.#followed.has(id)) continue;
      source.close();
      this.#sources.delete(id);
      this.#lastGood.del(id);
    }
    for (const [id, users] of this.#followed) {
      const refreshSeconds = Math.min(...users.map((user) => user.refreshSeconds));
      const known = this.#sources.get(id);
      if (known !== undefined) known.refreshEvery(refreshSeconds);
      else this.#sources.set(id, this.#open(id, users, refreshSeconds));
    }
  }

  look(settings: KeySetSettings): KeySetLook {
    const id = idOf(settings);
    const source = this.#sources.get(id);
    return {
      keys: this.#lastGood.get<LastGood>(id)?.keys ?? NO_KEYS,
      lastSuccessMs: source?.lastSuccessMs,
      fault: source?.fault,
      isPending: source?.isPending ?? true,
      version: source?.successes ?? 0,
    };
  }

  /** How many were not fetched once yet, well or not. */
  get pending(): number {
    let count = 0;
    for (const { isPending } of this.#sources.values()) if (isPending) count += 1;
    return count;
  }

  /** The key, judged as a point; undefined where it is not sound. */
  judge(key: PublishedKey): PublicKey | undefined {
    const known = this.#judged.get<PublicKey | 'unsound'>(key.thumbprint);
    if (known !== undefined) return known === 'unsound' ? undefined : known;
    const result = parsePublicKey(writePublicJwk(key.raw));
    if (this.#judged.keys().length >= MAX_JUDGED) this.#judged.flushAll();
    this.#judged.set(key.thumbprint, result.ok ? result.key : 'unsound');
    return result.ok ? result.key : undefined;
  }

  close(): void {
    for (const source of this.#sources.values()) source.close();
    this.#sources.clear();
    this.#lastGood.close();
    this.#judged.close();
  }

  #open(id: string, [first]: readonly KeySetSettings[], refreshSeconds: number): KeySetSource {
    const { nowMs, onChange, onDefect, random = Math.random, connect = overTheNetwork } = this.#options;
    if (first === undefined) throw new Error('a key set that nobody uses');
    return new KeySetSource({
      client: connect(first),
      refreshSeconds,
      lastGood: () => this.#lastGood.get<LastGood>(id),
      prepare: (good) => this.#judgePinned(id, good),
      keep: (good) => this.#keep(id, good),
      onFetched: (outcome) => {
        this.fetches[outcome] += 1;
        if (outcome === 'succeeded') onChange();
      },
      onDefect,
      inTurn: (fetch) => this.#turns.run(fetch),
      nowMs,
      random,
    });
  }

  #keep(id: string, good: LastGood): void {
    const users = this.#followed.get(id) ?? [];
    const keepSeconds = Math.max(0, ...users.map(({ maxStaleSeconds }) => maxStaleSeconds));
    this.#lastGood.set(id, good, keepSeconds);
  }

  /** Between pauses, so that a set with a thousand new keys holds up no check. */
  async #judgePinned(id: string, { keys }: LastGood): Promise<void> {
    let left = JUDGED_PER_SLICE;
    for (const { thumbprints } of this.#followed.get(id) ?? [])
      for (const key of thumbprints.flatMap((thumbprint) => keys.get(thumbprint) ?? [])) {
        if (this.#judged.has(key.thumbprint)) continue;
        this.judge(key);
        if (--left > 0) continue;
        await nextTurn();
        left = JUDGED_PER_SLICE;
      }
  }
}

function overTheNetwork(address: KeySetAddress): KeySetClient {
  return new KeySetClient(address);
}

function groupById(sets: readonly KeySetSettings[]): Map<string, KeySetSettings[]> {
  const groups = new Map<string, KeySetSettings[]>();
  for (const set of sets) {
    const id = idOf(set);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [set]);
    else group.push(set);
  }
  return groups;
}

/** The same server and path, believed under the same authorities. */
function idOf({ url, authority }: KeySetAddress): string {
  return createHash('sha256')
    .update(JSON.stringify([url, authority]))
    .digest('hex');
}

/** So many at once, the others in the order in which they came. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
