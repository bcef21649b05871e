/**
 * The keys of key sets over a configuration as it was loaded: a check reads one immutable snapshot, whose identities have the
 * keys of their sets as if they stood in the file. Nothing of the other identities is touched or copied.
 */
import { keysOfOtherUses } from '../../config/other-uses.js';
import type { Configuration } from '../../config/settings.js';
import { restorePublicKey, type PublicKey } from '../../crypto/public-key.js';
import type { KeySetLook, KeySets } from '../../keys/key-sets/key-sets.js';
import { selectKeys, type KeyJudge, type SelectedKeys } from '../../keys/key-sets/select-keys.js';
import type { KeySetSettings } from '../../keys/key-sets/settings.js';
import type { Identity } from '../../verify/snapshot.js';
import { LayeredMap } from './layered-map.js';

/** One set of one identity, and what it gives. */
export interface KeySetInForce extends SelectedKeys {
  readonly settings: KeySetSettings;
}

/** An identity with its sets, and what it was made of. */
interface Extended {
  readonly base: Identity;
  readonly settings: readonly KeySetSettings[];
  readonly versions: string;
  readonly identity: Identity;
  readonly sets: readonly KeySetInForce[];
}

/** A set that gives nothing any more: it was never fetched. */
const NEVER = -Infinity;

export class KeySetOverlay {
  readonly #sets: Pick<KeySets, 'follow' | 'look' | 'judge'>;
  #configuration: Configuration | undefined;
  #byIdentity: ReadonlyMap<string, readonly KeySetSettings[]> = new Map();
  #otherUses: ReadonlyMap<string, string> = new Map();
  #extended: ReadonlyMap<string, Extended> = new Map();

  constructor(sets: Pick<KeySets, 'follow' | 'look' | 'judge'>) {
    this.#sets = sets;
  }

  /** What is in force, set by set. */
  get inForce(): readonly KeySetInForce[] {
    return [...this.#extended.values()].flatMap(({ sets }) => sets);
  }

  /** The configuration with the keys that its sets have given so far; sets of a former one are let go of at once. */
  extend(loaded: Configuration): Configuration {
    if (loaded !== this.#configuration) this.#take(loaded);
    if (this.#byIdentity.size === 0) return loaded;
    const extended = new Map<string, Extended>();
    for (const [name, settings] of this.#byIdentity) {
      const base = loaded.snapshot.identities.get(name);
      if (base !== undefined) extended.set(name, this.#extendIdentity(base, settings));
    }
    this.#extended = extended;
    const over = new Map([...extended].map(([name, { identity }]) => [name, identity]));
    const identities = new LayeredMap(loaded.snapshot.identities, over);
    return Object.freeze({ ...loaded, snapshot: Object.freeze({ ...loaded.snapshot, identities }) });
  }

  #take(loaded: Configuration): void {
    const { keySets = [] } = loaded.settings;
    this.#configuration = loaded;
    this.#sets.follow(keySets);
    const byIdentity = new Map<string, KeySetSettings[]>();
    for (const set of keySets) byIdentity.set(set.identity, [...(byIdentity.get(set.identity) ?? []), set]);
    this.#byIdentity = byIdentity;
    this.#otherUses = keySets.length === 0 ? new Map() : otherUses(loaded);
    this.#extended = new Map();
  }

  /** As before where none of its sets was fetched since. */
  #extendIdentity(base: Identity, settings: readonly KeySetSettings[]): Extended {
    const looks = settings.map((set) => this.#sets.look(set));
    const versions = looks.map(({ version }) => version).join();
    const known = this.#extended.get(base.name);
    if (known?.versions === versions) return known;
    const judge: KeyJudge = {
      judge: (key) => this.#sets.judge(key),
      otherUseOf: ({ fingerprint }: PublicKey) => this.#otherUses.get(fingerprint),
    };
    const fetched = settings.map((set, at) => {
      const look = looks[at];
      return {
        settings: set,
        published: look?.keys ?? new Map<string, never>(),
        staleMs: staleAt(set, look),
      };
    });
    const selected = selectKeys(fetched, base.keys, judge);
    const sets = settings.map((set, at) => ({ settings: set, keys: [], refused: [], ...selected[at] }));
    const keys = Object.freeze([...base.keys, ...sets.flatMap((set) => set.keys).map(Object.freeze)]);
    return { base, settings, versions, identity: Object.freeze({ ...base, keys }) as Identity, sets };
  }
}

/** When the keys of a set stop counting unless it is fetched again, Unix milliseconds. */
export function staleAt(
  { maxStaleSeconds }: KeySetSettings,
  look: Pick<KeySetLook, 'lastSuccessMs'> | undefined,
): number {
  return (look?.lastSuccessMs ?? NEVER) + maxStaleSeconds * 1000;
}

/** By fingerprint. */
function otherUses({ snapshot: { feedback }, settings }: Configuration): Map<string, string> {
  const uses = [...keysOfOtherUses(feedback, settings.audit)];
  return new Map(uses.map(([raw, what]) => [restorePublicKey(raw).fingerprint, what]));
}
