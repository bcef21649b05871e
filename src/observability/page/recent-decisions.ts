/**
 * What was decided in the last quarter of an hour, and the last refusals, for the page: counts by code in slots of five
 * seconds, and a ring of refusals. Memory is bounded by both; an allow costs one addition and no allocation.
 */
import { performance } from 'node:perf_hooks';
import type { DecisionFacts } from '../../verify/decision.js';
import type { Refusal } from '../../verify/refusal.js';

/** Long enough to see a rate in, short enough to see a beginning. */
export const SLOT_SECONDS = 5;
/** A quarter of an hour. */
export const SLOTS = 180;
/** Some hundred kilobytes. */
export const KEPT_REFUSALS = 400;
/** As in a record. */
const MAX_PATH_CHARACTERS = 256;
const MAX_TEXT_CHARACTERS = 128;

/** A refused request, as it is at hand where it is answered. */
export interface RefusedRequest {
  readonly nowMs: number;
  readonly decisionId: string;
  readonly refusal: Refusal;
  readonly facts: DecisionFacts;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly envoyRequestId: string | undefined;
  /** Report-only let it pass all the same. */
  readonly passed?: true;
}

/** One refusal for people. What the caller merely wrote is named `claimed…`; nothing in it is secret. */
export interface RecentRefusal {
  readonly atMs: number;
  readonly decisionId: string;
  readonly code: string;
  readonly detail?: string | undefined;
  readonly method?: string | undefined;
  /** Without its query. */
  readonly path?: string | undefined;
  readonly envoyRequestId?: string | undefined;
  readonly policy?: string | undefined;
  readonly identity?: string | undefined;
  readonly claimedIdentity?: string | undefined;
  readonly kid?: string | undefined;
  readonly claimedKid?: string | undefined;
  readonly certificateSha256?: string | undefined;
  readonly skewSeconds?: number | undefined;
  readonly firstDecisionId?: string | undefined;
  /** It would be refused, and was let pass. */
  readonly passed?: true | undefined;
}

/** Counts of whole slots by code; the last of each list is the slot that ended last. */
export type CodeSeries = Readonly<Record<string, readonly number[]>>;

/** Counts by code, in a ring of slots. */
export class SlotCounts {
  /** Monotonic seconds of this machine, so that several processes have the same slots. */
  readonly #nowSeconds: () => number;
  readonly #slots = Array.from({ length: SLOTS + 1 }, () => new Map<string, number>());
  #current: number;

  constructor(nowSeconds: () => number) {
    this.#nowSeconds = nowSeconds;
    this.#current = this.#slotNow();
  }

  add(code: string): void {
    const counts = this.#advance();
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }

  /** The slot under way is not in it: half of it would look like a fall. */
  series(): CodeSeries {
    this.#advance();
    const series = new Map<string, number[]>();
    for (let age = SLOTS; age >= 1; age--)
      for (const [code, count] of this.#at(this.#current - age)) {
        const counts = series.get(code) ?? new Array<number>(SLOTS).fill(0);
        counts[SLOTS - age] = count;
        series.set(code, counts);
      }
    return Object.fromEntries(series);
  }

  #advance(): Map<string, number> {
    const now = this.#slotNow();
    for (let slot = Math.max(this.#current + 1, now - SLOTS); slot <= now; slot++) this.#at(slot).clear();
    this.#current = Math.max(this.#current, now);
    return this.#at(this.#current);
  }

  #at(slot: number): Map<string, number> {
    const length = this.#slots.length;
    return this.#slots[((slot % length) + length) % length] ?? new Map<string, number>();
  }

  #slotNow(): number {
    return Math.floor(this.#nowSeconds() / SLOT_SECONDS);
  }
}

/** What the page knows of the decisions of one process. */
export class RecentDecisions {
  readonly #decisions: SlotCounts;
  readonly #answers: SlotCounts;
  readonly #refusals: RefusedRequest[] = [];
  #next = 0;

  constructor(nowSeconds: () => number = machineSeconds) {
    this.#decisions = new SlotCounts(nowSeconds);
    this.#answers = new SlotCounts(nowSeconds);
  }

  /** A request may pass. */
  passed(code: 'allow' | 'pass_through'): void {
    this.#decisions.add(code);
  }

  refused(request: RefusedRequest): void {
    this.#decisions.add(request.refusal.code);
    this.#keep(request);
  }

  /** It would be refused, and goes on. */
  reported(request: RefusedRequest): void {
    this.#decisions.add('would_refuse');
    this.#keep({ ...request, passed: true });
  }

  #keep(request: RefusedRequest): void {
    this.#refusals[this.#next] = { ...request, path: detached(request.path) };
    this.#next = (this.#next + 1) % KEPT_REFUSALS;
  }

  /** An answer was signed, or withheld by a code. */
  answered(code: string): void {
    this.#answers.add(code);
  }

  decisions(): CodeSeries {
    return this.#decisions.series();
  }

  answers(): CodeSeries {
    return this.#answers.series();
  }

  /** The newest first. */
  refusals(): readonly RecentRefusal[] {
    const { length } = this.#refusals;
    return Array.from({ length }, (_, age) => this.#refusals[(this.#next - 1 - age + 2 * length) % length])
      .filter((refused) => refused !== undefined)
      .map(forPeople);
  }
}

/** `performance.now` begins with each process; CLOCK_MONOTONIC, which it follows, is the machine's. */
const START_SECONDS = Number(process.hrtime.bigint()) / 1e9 - performance.now() / 1000;

function machineSeconds(): number {
  return START_SECONDS + performance.now() / 1000;
}

/** What was cut ends in `…`. A slice of a long text would keep the whole of it in memory. */
function detached(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const queryStart = path.indexOf('?');
  const plain = queryStart < 0 ? path : path.slice(0, queryStart);
  const short = plain.length > MAX_PATH_CHARACTERS ? `${plain.slice(0, MAX_PATH_CHARACTERS)}…` : plain;
  return short.length === path.length ? path : Buffer.from(short).toString();
}

function forPeople({
  facts,
  refusal,
  nowMs,
  decisionId,
  method,
  path,
  envoyRequestId,
  passed,
}: RefusedRequest): RecentRefusal {
  const { identity, kid, certificateSha256, skewSeconds } = facts;
  return {
    atMs: nowMs,
    decisionId,
    code: refusal.code,
    detail: refusal.detail,
    method: method?.slice(0, MAX_TEXT_CHARACTERS),
    path,
    envoyRequestId: envoyRequestId?.slice(0, MAX_TEXT_CHARACTERS),
    policy: facts.policy?.name,
    identity,
    claimedIdentity:
      identity === undefined ? facts.claimedIdentity?.slice(0, MAX_TEXT_CHARACTERS) : undefined,
    kid,
    claimedKid: kid === undefined ? facts.claimedKid?.slice(0, MAX_TEXT_CHARACTERS) : undefined,
    certificateSha256,
    skewSeconds,
    firstDecisionId: refusal.first?.requestId,
    passed,
  };
}
