/**
 * How many calls are begun in one turn of the event loop. Node writes answers out between turns, so a burst that is
 * worked off in a single turn is answered all at once, at its end: the first of its callers waits for the last,
 * Envoy has nothing to do meanwhile, and resets that would spare us a call stay unread.
 *
 * What cannot be begun at once waits in a queue that is bounded in calls, in bytes and in time, and what does not fit
 * is shed at once, while its caller still listens. None of this is touched by a call that comes alone.
 */
import { performance } from 'node:perf_hooks';
import { FairQueue, type Queued } from './fair-queue.js';
import type { ShedReason } from './method.js';

/** Bounds of what waits for its turn. */
export interface LoadLimits {
  /** Calls that wait at once. */
  readonly maxWaiting: number;
  /** Bytes of messages that are here, whole or in part, waiting or under way. */
  readonly maxHeldBytes: number;
}

/** Told of what happens to calls that could not be begun at once. */
export interface LoadObserver {
  /** A call that waited is begun. */
  waited(milliseconds: number): void;
  shed(reason: ShedReason): void;
  /** So many streams have ended below this code, refused by nghttp2: nobody was served, and nobody else tells. */
  refusedByHttp2?(streams: number): void;
}

const MEBIBYTE = 1_048_576;

/** For servers that are told nothing. */
export const DEFAULT_LOAD_LIMITS: LoadLimits = { maxWaiting: 1_024, maxHeldBytes: 64 * MEBIBYTE };

/** Tells nobody. */
export const NO_OBSERVER: LoadObserver = { waited: () => undefined, shed: () => undefined };

/**
 * Enough for the nonce store and the audit log to commit together what came together, few enough for the answers
 * to flow: of 2, 4, 6, 8 and 16 this gave the most checks a second (docs/performance.md#where-the-time-goes).
 */
const CALLS_PER_TURN = 8;
/** To shed is cheap, but a turn that sheds a whole queue would keep the frames waiting that free it. */
const LOOKED_AT_PER_TURN = 64;
/** Of the newest turn in the average of what a call takes. */
const PACE_WEIGHT = 0.1;
/** A turn that took longer was no work of ours (a pause of the process), and tells nothing about the next one. */
const SLOWEST_CALL_MILLISECONDS = 20;

/** A call whose message is here. */
export interface ScheduledCall extends Queued {
  /** `performance.now()` at its arrival. */
  readonly arrivedMs: number;
  /** `performance.now()` after which to begin it would be useless. */
  readonly latestBeginMs: number;
  /** Nobody reads an answer any more. */
  readonly cancelled: () => boolean;
  begin(): void;
  /** Answers without beginning, and lets go of what it holds. */
  shed(reason: ShedReason): void;
}

export class CallScheduler {
  readonly #limits: LoadLimits;
  readonly #observer: LoadObserver;
  readonly #nowMs: () => number;
  readonly #queue = new FairQueue<ScheduledCall>();
  /** Begun, and still holding their message. */
  readonly #running = new Set<ScheduledCall>();
  #runningBytes = 0;
  #leftInTurn = CALLS_PER_TURN;
  #isScheduled = false;
  #heldBytes = 0;
  #turnBeganMs: number | undefined;
  #millisecondsPerCall = 0;

  /** `nowMs`: the clock of `arrivedMs` and `latestBeginMs`. */
  constructor(limits: LoadLimits, observer: LoadObserver, nowMs = (): number => performance.now()) {
    this.#limits = limits;
    this.#observer = observer;
    this.#nowMs = nowMs;
  }

  /** Calls that have arrived and wait for a turn. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Bytes of messages that are here. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Begins the call now or in a later turn; within its lane in the order of arrival. Or sheds it, at once. */
  submit(call: ScheduledCall): void {
    this.#schedule();
    if (this.#leftInTurn === 0) this.#wait(call);
    else this.#begin(call);
  }

  /** Counts what a call brings. Where it does not fit, the heaviest lane gives way; false when that is not enough. */
  hold(bytes: number): boolean {
    this.#heldBytes += bytes;
    while (this.#heldBytes > this.#limits.maxHeldBytes) {
      const call = this.#queue.heaviest('bytes', bytes);
      if (call === undefined) return false;
      this.#queue.remove(call);
      this.shed(call, 'bytes');
    }
    return true;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** The call is about to let go of what it holds. */
  finish(call: ScheduledCall): void {
    if (this.#running.delete(call)) this.#runningBytes -= call.heldBytes;
  }

  /** The caller had gone before its call could be begun. */
  countCancelled(): void {
    this.#observer.shed('cancelled');
  }

  /** The caller has gone: if the call still waits, it is as if it had never been here. */
  cancel(call: ScheduledCall): void {
    if (this.#queue.remove(call)) this.#observer.shed('cancelled');
  }

  shed(call: ScheduledCall, reason: ShedReason): void {
    this.#observer.shed(reason);
    call.shed(reason);
  }

  #begin(call: ScheduledCall): void {
    this.#leftInTurn--;
    this.#running.add(call);
    this.#runningBytes += call.heldBytes;
    if (this.#isOverShare(call)) {
      this.finish(call);
      this.shed(call, 'bytes');
    } else call.begin();
  }

  /**
   * What waits gives way, what is under way does not. So of that a lane may have as much as is free (Choudhury and
   * Hahne, "Dynamic queue length thresholds", 1998): one alone half of all, two a third each. That leaves room for a
   * peer that comes new, whatever the others hold and however long.
   */
  #isOverShare(call: ScheduledCall): boolean {
    const freeBytes = this.#limits.maxHeldBytes - this.#runningBytes;
    if (this.#runningBytes <= freeBytes) return false;
    let bytes = 0;
    for (const { lane, heldBytes } of this.#running) if (lane === call.lane) bytes += heldBytes;
    return bytes > freeBytes;
  }

  #wait(call: ScheduledCall): void {
    if (this.#nowMs() + this.#expectedWaitMilliseconds(call.lane) > call.latestBeginMs)
      this.shed(call, 'deadline');
    else if (this.#queue.size < this.#limits.maxWaiting || this.#displaceFor(call.lane))
      this.#queue.push(call);
    else this.shed(call, 'queue_full');
  }

  /** The queue is full: a lane that has more than this one would then have gives a place. */
  #displaceFor(lane: string): boolean {
    const call = this.#queue.heaviest('calls', this.#queue.countIn(lane) + 1);
    if (call === undefined) return false;
    this.#queue.remove(call);
    this.shed(call, 'queue_full');
    return true;
  }

  /** Before the last call of a lane comes at most as many of each other lane. */
  #expectedWaitMilliseconds(lane: string): number {
    const calls = Math.min(this.#queue.size, this.#queue.countIn(lane) * this.#queue.laneCount);
    return calls * this.#millisecondsPerCall;
  }

  /** By way of the tick queue, so that what the calls of this turn have scheduled comes before the next turn. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(() => setImmediate(() => this.#next()));
  }

  #next(): void {
    this.#isScheduled = false;
    if (this.#queue.size === 0) this.#turnBeganMs = undefined;
    else this.#measure();
    this.#leftInTurn = CALLS_PER_TURN;
    for (let looked = 0; this.#leftInTurn > 0 && looked < LOOKED_AT_PER_TURN; looked++) {
      const call = this.#queue.shift();
      if (call === undefined) return;
      this.#beginOrDrop(call);
    }
    if (this.#queue.size > 0) this.#schedule();
  }

  #beginOrDrop(call: ScheduledCall): void {
    const nowMs = this.#nowMs();
    if (call.cancelled()) this.countCancelled();
    else if (nowMs > call.latestBeginMs) this.shed(call, 'deadline');
    else {
      this.#observer.waited(nowMs - call.arrivedMs);
      this.#schedule();
      this.#begin(call);
    }
  }

  /** While calls wait, every turn is full, and the time from turn to turn is what its calls take in all. */
  #measure(): void {
    const nowMs = this.#nowMs();
    if (this.#turnBeganMs !== undefined) {
      const sample = Math.min((nowMs - this.#turnBeganMs) / CALLS_PER_TURN, SLOWEST_CALL_MILLISECONDS);
      this.#millisecondsPerCall += (sample - this.#millisecondsPerCall) * PACE_WEIGHT;
    }
    this.#turnBeganMs = nowMs;
  }
}
