/** The store for one process that may forget everything when it ends: every graph has to be sent again then. */
import {
  checkExecutionBounds,
  isRetained,
  pairKey,
  tenantKey,
  type ExecutionBounds,
  type ExecutionPair,
  type ExecutionStore,
} from './execution-store.js';

/** When a pair was last submitted, and by whom. */
interface Kept {
  readonly tenant: string;
  readonly atMs: number;
}

/** Makes an empty store. Throws `StorageError` on impossible bounds. */
export function createMemoryExecutionStore(bounds: ExecutionBounds): ExecutionStore {
  checkExecutionBounds(bounds);
  const pairs = new OldestFirst(bounds);
  let closed = false;
  return {
    name: 'memory',
    remember(pair, nowMs) {
      if (closed) return Promise.reject(new Error('the execution store is closed'));
      pairs.keep(pair, nowMs);
      return Promise.resolve();
    },
    has: (pair, nowMs) => pairs.holds(pair, nowMs),
    close() {
      closed = true;
      pairs.clear();
      return Promise.resolve();
    },
  };
}

/** Pairs in the order in which they were last kept, of all and of each tenant: a `Map` remembers that order. */
class OldestFirst {
  readonly #bounds: ExecutionBounds;
  readonly #all = new Map<string, Kept>();
  readonly #ofTenants = new Map<string, Set<string>>();

  constructor(bounds: ExecutionBounds) {
    this.#bounds = bounds;
  }

  keep(pair: ExecutionPair, nowMs: number): void {
    const key = pairKey(pair).toString('latin1');
    const tenant = tenantKey(pair.tenant).toString('latin1');
    this.#forget(key);
    this.#forgetExpired(nowMs);
    const own = this.#ofTenants.get(tenant);
    if (own !== undefined && own.size >= this.#bounds.maxPerTenant) this.#forgetFirst(own);
    if (this.#all.size >= this.#bounds.maxInAll) this.#forgetFirst(this.#all);
    this.#all.set(key, { tenant, atMs: nowMs });
    this.#setOf(tenant).add(key);
  }

  holds(pair: ExecutionPair, nowMs: number): boolean {
    const kept = this.#all.get(pairKey(pair).toString('latin1'));
    return kept !== undefined && isRetained(kept.atMs, nowMs, this.#bounds);
  }

  clear(): void {
    this.#all.clear();
    this.#ofTenants.clear();
  }

  #setOf(tenant: string): Set<string> {
    const known = this.#ofTenants.get(tenant);
    if (known !== undefined) return known;
    const made = new Set<string>();
    this.#ofTenants.set(tenant, made);
    return made;
  }

  #forgetExpired(nowMs: number): void {
    for (const [key, kept] of this.#all) {
      if (isRetained(kept.atMs, nowMs, this.#bounds)) return;
      this.#forget(key);
    }
  }

  #forgetFirst(keys: ReadonlySet<string> | ReadonlyMap<string, Kept>): void {
    const first = keys.keys().next();
    if (first.done !== true) this.#forget(first.value);
  }

  #forget(key: string): void {
    const kept = this.#all.get(key);
    if (kept === undefined) return;
    this.#all.delete(key);
    const own = this.#ofTenants.get(kept.tenant);
    own?.delete(key);
    if (own?.size === 0) this.#ofTenants.delete(kept.tenant);
  }
}
