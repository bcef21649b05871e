/**
 * Allows of which Envoy never told what became: it drops entries without a word when the verifier cannot take them
 * (docs/envoy-behaviour.md#25). They are counted by the time of the decision, so that a request which is still under way
 * is not taken for a lost one, in memory that does not grow.
 */

/** Longer than a request may take at Envoy, retries included, and its entry on the way. */
const GRACE_MS = 60_000;
const BUCKET_MS = 10_000;
/** Of the grace and the bucket that is being filled. */
const BUCKETS = GRACE_MS / BUCKET_MS + 1;

export class AllowsAwaited {
  /** Allows minus deliveries, by the bucket of the decision's time. */
  readonly #buckets = new Int32Array(BUCKETS);
  #newest: number;
  /** Of all that are older than the buckets. */
  #overdue = 0;
  #told = 0;

  /** `nowMs` is the wall clock, Unix milliseconds, here and everywhere. */
  constructor(nowMs: number) {
    this.#newest = Math.floor(nowMs / BUCKET_MS);
  }

  allowed(nowMs: number): void {
    this.#add(nowMs, nowMs, 1);
  }

  /** `decidedMs`: about when the verifier decided. */
  ended(nowMs: number, decidedMs: number): void {
    this.#add(nowMs, decidedMs, -1);
  }

  /** Allows that are older than the grace and of which nothing was told. Of one of several workers it can be negative. */
  overdue(nowMs: number): number {
    this.#advance(nowMs);
    return this.#overdue;
  }

  /** How many more there are than at the last question. */
  newlyOverdue(nowMs: number): number {
    const overdue = this.overdue(nowMs);
    const more = Math.max(0, overdue - this.#told);
    this.#told = Math.max(this.#told, overdue);
    return more;
  }

  #add(nowMs: number, atMs: number, change: number): void {
    this.#advance(nowMs);
    const bucket = Number.isFinite(atMs) ? Math.floor(atMs / BUCKET_MS) : this.#newest;
    if (bucket <= this.#newest - BUCKETS) this.#overdue += change;
    else this.#change(Math.min(bucket, this.#newest), change);
  }

  #change(bucket: number, change: number): void {
    const at = bucket % BUCKETS;
    this.#buckets[at] = (this.#buckets[at] ?? 0) + change;
  }

  /** A clock that was set back stays where it was, one that was set forward makes everything overdue once. */
  #advance(nowMs: number): void {
    const present = Math.floor(nowMs / BUCKET_MS);
    for (let steps = 0; this.#newest < present && steps < BUCKETS; steps++) {
      this.#newest++;
      const at = this.#newest % BUCKETS;
      this.#overdue += this.#buckets[at] ?? 0;
      this.#buckets[at] = 0;
    }
    this.#newest = Math.max(this.#newest, present);
  }
}
