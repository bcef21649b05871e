/**
 * The rate limit of one process: at most N allowed requests in any 60 seconds, per operator and group, a sliding window.
 * What that means is written in docs/configuration.md#what-a-limit-means, and one contract suite holds every store to it
 * (test/contract). Entries exist only for mapped operators.
 */
import { randomBytes } from 'node:crypto';
import type { RateLimits, Reservation } from '../verify/effects.js';
import type { RateLimit } from '../verify/snapshot.js';

const WINDOW_MS = 60_000;
const SLOT_PREFIX_BYTES = 9;
/** The prefix, the time, and the name of the window, which may be any text. */
const SLOT = /^(\S+) ([0-9.e+-]+) (.*)$/s;

/** The limits of one process, exact to the millisecond: a step of the wall clock neither frees nor blocks anybody. */
export class MemoryRateLimits implements RateLimits {
  readonly #windows = new Map<string, SlidingWindow>();
  /** Begins the names of its own slots: the times of another process mean nothing here. */
  readonly #slotPrefix = `m${randomBytes(SLOT_PREFIX_BYTES).toString('base64url')}`;

  reserve(limit: RateLimit, subject: string, nowMs: number): Reservation {
    // The group's length before it: no two pairs have one name.
    const name = `${limit.group.length}:${limit.group}${subject}`;
    let window = this.#windows.get(name);
    if (window === undefined) {
      window = new SlidingWindow();
      this.#windows.set(name, window);
    }
    const retryAfterSeconds = window.reserve(limit.perMinute, nowMs);
    if (retryAfterSeconds > 0) return { kind: 'limited', retryAfterSeconds };
    return {
      kind: 'reserved',
      giveBack: () => window.giveBack(nowMs),
      slot: `${this.#slotPrefix} ${nowMs} ${name}`,
    };
  }

  giveBack(slot: string): void {
    const [, prefix, reservedMs, name] = SLOT.exec(slot) ?? [];
    if (prefix !== this.#slotPrefix || name === undefined) return;
    this.#windows.get(name)?.giveBack(Number(reservedMs));
  }
}

/** The times of the last reservations, oldest first, in one array whose dead front is cut now and then. */
class SlidingWindow {
  #times: number[] = [];
  #first = 0;

  /** 0 when a slot was taken, else the whole seconds until there may be one. */
  reserve(perMinute: number, nowMs: number): number {
    this.#expire(nowMs);
    const held = this.#times.length - this.#first;
    if (held >= perMinute) return this.#secondsUntilFree(held - perMinute, nowMs);
    this.#times.push(nowMs);
    return 0;
  }

  /** Searched from the end: what is given back was mostly reserved a moment ago. */
  giveBack(reservedMs: number): void {
    const at = this.#times.lastIndexOf(reservedMs);
    if (at >= this.#first) this.#times.splice(at, 1);
  }

  #expire(nowMs: number): void {
    while (this.#first < this.#times.length && (this.#times[this.#first] ?? 0) <= nowMs - WINDOW_MS)
      this.#first++;
    if (this.#first < 1024 || this.#first * 2 < this.#times.length) return;
    this.#times = this.#times.slice(this.#first);
    this.#first = 0;
  }

  /** `excess` > 0 after a reload that lowered the limit: that many more have to leave first. */
  #secondsUntilFree(excess: number, nowMs: number): number {
    const oldest = this.#times[this.#first + excess] ?? nowMs;
    return Math.max(1, Math.ceil((oldest + WINDOW_MS - nowMs) / 1000));
  }
}
