/**
 * Feedback keys on schedule, as the process that keeps them sees it (the supervisor, or a verifier that is alone): when to
 * make a round, and when better not. It stands between the files and whoever loads them, so that it knows the signing
 * domains of the configuration in force; what a round changes comes into force by the ordinary reload.
 */
import type { ConfigurationSource, LoadedFiles, RotatedDomains } from '../reload/load-files.js';
import type { DomainOutcome } from '../../keys/rotation/round.js';
import type { Clock } from '../../nonces/nonce-store.js';
import { systemClock } from '../clocks.js';
import { RotationStatus } from './rotation-status.js';
import { roundInThread, type MakeRound } from './round-thread.js';

/** What a rotation is made of; tests have clocks and rounds of their own. */
interface KeyRotationOptions {
  readonly files: ConfigurationSource;
  readonly clock?: Clock;
  readonly round?: MakeRound;
}

/** Also how soon a step of the clock is noticed, and how soon what failed is tried again. A timer of weeks would fire at once (setTimeout takes 24.8 days). */
const LONGEST_WAIT_MILLISECONDS = 60_000;
const SHORTEST_WAIT_MILLISECONDS = 100;
/** Between two looks the clocks of a machine in order drift by milliseconds. */
const STEP_MILLISECONDS = 1_000;
/** What corrects a clock has done so by then. */
const SETTLE_MILLISECONDS = 300_000;

export class KeyRotation implements ConfigurationSource {
  readonly status: RotationStatus;
  readonly #files: ConfigurationSource;
  readonly #clock: Clock;
  readonly #round: MakeRound;
  /** Of the configuration in force. */
  #current: RotatedDomains | undefined;
  /** Of one that was loaded and is not in force, or not yet. */
  #loaded: RotatedDomains | undefined;
  #follows = true;
  #running: Promise<boolean> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looked: { readonly nowMs: number; readonly monotonicMs: number } | undefined;
  #settledMs = 0;
  #isClosed = false;

  constructor({ files, clock = systemClock, round = roundInThread }: KeyRotationOptions) {
    this.#files = files;
    this.#clock = clock;
    this.#round = round;
    this.status = new RotationStatus(clock.nowMs);
  }

  /** As the files load; whether it comes into force is told by {@link applied}. */
  async load(): Promise<LoadedFiles> {
    const loaded = await this.#files.load();
    this.#follows = false;
    if (loaded.problems === undefined) this.#loaded = loaded.rotated;
    return loaded;
  }

  /** What was loaded last is in force: its domains are looked at. */
  applied(): void {
    this.#files.applied?.();
    this.#take();
    if (this.#current !== undefined) void this.#wake(true);
  }

  /** The first round, before anything is served. True when it changed a file: what was loaded is to be loaded again. */
  async begin(): Promise<boolean> {
    this.#take();
    return this.#current === undefined ? false : this.#wake(true);
  }

  /** Whoever loads and serves what `begin` has changed says so, once. */
  began(): void {
    this.#take();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #take(): void {
    this.#follows = true;
    this.#current = this.#loaded;
    this.status.follow(this.#current);
  }

  /** Of what is due, or of all. One round at a time; true when it changed a file. */
  async #wake(all = false): Promise<boolean> {
    clearTimeout(this.#timer);
    // Several may have waited for the same round, and each begins one of its own.
    while (this.#running !== undefined) await this.#running;
    clearTimeout(this.#timer);
    this.#running = this.#look(all);
    const isChanged = await this.#running;
    this.#running = undefined;
    this.#schedule();
    return isChanged;
  }

  async #look(all: boolean): Promise<boolean> {
    const current = this.#current;
    this.#judgeClock();
    const waitsFor = this.#waitsFor();
    this.status.waits(waitsFor);
    if (current === undefined || waitsFor !== undefined || this.#isClosed) return false;
    const due = this.status.due(this.#clock.nowMs());
    const domains = all ? current.domains : current.domains.filter(({ tenant }) => due.has(tenant));
    if (domains.length === 0) return false;
    const outcomes = await this.#round({ ...current, domains });
    for (const outcome of outcomes) this.status.note(outcome);
    return outcomes.some(isChange);
  }

  /** Why no round is made now. */
  #waitsFor(): string | undefined {
    if (!this.#follows)
      return 'what is in the configuration is not in force: it was refused, or needs a restart';
    if (this.#clock.monotonicMs() < this.#settledMs)
      return 'the clock was stepped; what it says is waited for to stay';
    return undefined;
  }

  /** A clock that leaps by an error would announce and retire what is not due. */
  #judgeClock(): void {
    const [nowMs, monotonicMs] = [this.#clock.nowMs(), this.#clock.monotonicMs()];
    const before = this.#looked;
    this.#looked = { nowMs, monotonicMs };
    if (before === undefined || this.#current === undefined) return;
    const stepMs = nowMs - before.nowMs - (monotonicMs - before.monotonicMs);
    if (Math.abs(stepMs) < STEP_MILLISECONDS) return;
    const { announceMs, overlapMs } = this.#current.settings.schedule;
    this.#settledMs = monotonicMs + Math.min(SETTLE_MILLISECONDS, announceMs / 2, overlapMs / 2);
  }

  #schedule(): void {
    if (this.#isClosed || this.#current === undefined) return;
    const untilMs = Math.max(
      this.status.nextMs() - this.#clock.nowMs(),
      this.#settledMs - this.#clock.monotonicMs(),
    );
    const waitMs = Math.min(LONGEST_WAIT_MILLISECONDS, Math.max(SHORTEST_WAIT_MILLISECONDS, untilMs));
    this.#timer = setTimeout(() => void this.#wake(), waitMs).unref();
  }
}

function isChange(outcome: DomainOutcome): boolean {
  return outcome.kind === 'good' && (outcome.announced !== undefined || outcome.retired.length > 0);
}
