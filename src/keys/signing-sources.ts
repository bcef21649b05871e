/**
 * The sources of a process, and the keys of the configuration in force that sign through them. Keys come and go with
 * reloads; whoever signs with a key of the configuration before still can.
 */
import type { StrictVerifier } from '../crypto/ed25519.js';
import { GuardedKey, type KeyObserver, type KeyState } from './guarded-key.js';
import type { KeySource, KeySourceAnswer } from './key-source.js';
import type { PinnedKey } from './test-key.js';
import { Turns } from './turns.js';

/** A source that was opened, with what its settings say of it. */
export interface OpenSource {
  readonly source: KeySource;
  readonly timeoutMilliseconds: number;
}

/** How a key is, for whoever looks. */
export interface KeyLook {
  readonly kid: string;
  readonly source: string;
  readonly state: KeyState;
  /** Why it is down. */
  readonly reason: string | undefined;
  /** Messages that wait for it. */
  readonly waiting: number;
}

/** Everything that they work with; all of it is passed in. */
interface SigningSourcesOptions {
  readonly sources: readonly OpenSource[];
  readonly verifier: StrictVerifier;
  readonly observer: KeyObserver;
  readonly monotonicMs: () => number;
  readonly firstRestMilliseconds?: number;
}

/** Recovery is noticed within a second of it. */
const FIRST_REST_MILLISECONDS = 250;
/** Of one source, so that a start with thousands of keys is no flood. */
const TESTS_AT_ONCE = 16;
/** Longer than any answer is under way that began with a configuration that is no more in force. */
const KEPT_MILLISECONDS = 60_000;

export class SigningSources {
  readonly #options: SigningSourcesOptions;
  readonly #sources = new Map<string, OpenSource & { readonly turns: Turns }>();
  /** Of each source when its keys were followed last ({@link KeySource.credentials}). */
  #credentials: ReadonlyMap<string, number | undefined> = new Map();
  readonly #keys = new Map<string, GuardedKey>();
  /** Keys that are not in force any more. */
  readonly #former = new Map<string, { readonly guarded: GuardedKey; readonly end: NodeJS.Timeout }>();

  constructor(options: SigningSourcesOptions) {
    this.#options = options;
    for (const open of options.sources)
      this.#sources.set(open.source.name, { ...open, turns: new Turns(TESTS_AT_ONCE) });
  }

  /**
   * These are the keys in force from now on. New ones are tested, and of those that stay the ones that are not well, or
   * whose source is asked with other credentials since the last time: what a key is worth may have changed with them.
   */
  follow(keys: readonly PinnedKey[]): void {
    const wanted = new Map(keys.map((key) => [nameOf(key), key]));
    for (const [name, guarded] of this.#keys) if (!wanted.has(name)) this.#dismiss(name, guarded);
    const again = this.#toTestAgain();
    for (const [name, key] of wanted) {
      if (this.#keys.has(name)) continue;
      const former = this.#recall(name);
      if (former === undefined) this.#add(name, key);
      else again.push(former);
    }
    // After the new ones, which sign nothing until they were tested.
    for (const key of again) key.test();
  }

  #toTestAgain(): GuardedKey[] {
    const before = this.#credentials;
    this.#credentials = new Map(
      [...this.#sources].map(([name, { source }]) => [name, source.credentials?.()]),
    );
    const areOthers = (source: string): boolean => before.get(source) !== this.#credentials.get(source);
    return [...this.#keys.values()].filter(({ key, isWell }) => !isWell || areOthers(key.reference.source));
  }

  /** 64 bytes that verify with the key's public half, or why there are none. Never rejects. */
  sign(key: PinnedKey, message: Uint8Array, tenant: string): Promise<KeySourceAnswer> {
    const name = nameOf(key);
    const guarded = this.#keys.get(name) ?? this.#former.get(name)?.guarded;
    if (guarded !== undefined) return guarded.sign(message, tenant);
    return Promise.resolve({ ok: false, fault: 'away', reason: 'is not open' });
  }

  /** Every key in force. */
  look(): readonly KeyLook[] {
    return [...this.#keys.values()].map(({ key, state, reason, waiting }) => ({
      kid: key.kid,
      source: key.reference.source,
      state,
      reason,
      waiting,
    }));
  }

  /** The names of the sources. */
  names(): readonly string[] {
    return [...this.#sources.keys()];
  }

  /** Ends everything that is under way, and lets go of the sources. */
  async close(): Promise<void> {
    for (const guarded of this.#keys.values()) guarded.close();
    for (const { guarded, end } of this.#former.values()) {
      clearTimeout(end);
      guarded.close();
    }
    await Promise.all([...this.#sources.values()].map(({ source }) => source.close()));
  }

  #add(name: string, key: PinnedKey): void {
    const open = this.#sources.get(key.reference.source);
    // The loader knows the names of all sources, and a change of them needs a restart.
    if (open === undefined) return;
    const { verifier, observer, monotonicMs } = this.#options;
    const { source, timeoutMilliseconds, turns } = open;
    const guarded = new GuardedKey(key, {
      source,
      timeoutMilliseconds,
      verifier,
      observer,
      monotonicMs,
      turn: (test) => turns.run(test),
      firstRestMilliseconds: this.#options.firstRestMilliseconds ?? FIRST_REST_MILLISECONDS,
    });
    this.#keys.set(name, guarded);
  }

  #dismiss(name: string, guarded: GuardedKey): void {
    this.#keys.delete(name);
    const end = setTimeout(() => {
      this.#former.delete(name);
      guarded.close();
    }, KEPT_MILLISECONDS).unref();
    this.#former.set(name, { guarded, end });
  }

  #recall(name: string): GuardedKey | undefined {
    const former = this.#former.get(name);
    if (former === undefined) return undefined;
    clearTimeout(former.end);
    this.#former.delete(name);
    this.#keys.set(name, former.guarded);
    return former.guarded;
  }
}

/** Of what was tested: another public half or version is another key. */
function nameOf({ kid, reference: { source, key, version }, publicKey }: PinnedKey): string {
  return JSON.stringify([kid, source, key, version, publicKey.fingerprint]);
}
