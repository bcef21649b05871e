/**
 * Taking over a changed configuration while requests are judged: loaded by the loader of the start, tested, and then
 * put in force by one assignment, whole or not at all. Whatever is wrong with it, the last good one stays.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { printFile } from '../config/file-print.js';
import { settingsThatNeedRestart } from '../config/restart-settings.js';
import { renderProblems } from '../config/render.js';
import type { Configuration, FilePrints, LoadResult } from '../config/settings.js';
import type { Signer } from '../crypto/signing.js';
import { findDisagreeingNewKey } from '../feedback/signing-self-test.js';
import { wipeFeedbackKeys, type LiveConfiguration } from './live-configuration.js';

/** Who asked: a file that changed, SIGHUP, or `POST /reload`. */
export type ReloadCause = 'file' | 'signal' | 'request';

/** What became of a reload. The problems are sentences for whoever wrote the files; they hold no secret. */
export type ReloadOutcome =
  | { readonly kind: 'applied'; readonly generation: number; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Everything that a reload works with; all of it is passed in. */
export interface ReloadOptions {
  readonly live: LiveConfiguration;
  /** Loads the file of the start under this generation. Never throws for anything in a file. */
  readonly load: (generation: number) => LoadResult;
  readonly signer: Signer;
  /** Monotonic milliseconds. */
  readonly monotonicMs: () => number;
  /** What the files looked like; called after each load, good or bad, so that the next change is noticed. */
  readonly onLoaded: (prints: FilePrints) => void;
  /** Called for each reload that ran; `causes` are of all that were answered by it. */
  readonly onOutcome: (outcome: ReloadOutcome, causes: ReadonlySet<ReloadCause>) => void;
}

/** Files that are being written while they are read are read again, this often. */
const ATTEMPTS = 5;
const BETWEEN_ATTEMPTS_MILLISECONDS = 50;
/** A load keeps the event loop to itself, so a storm of them is let at it for a third of the time. */
const REST_PER_LOAD = 2;

export class Reloader {
  readonly #options: ReloadOptions;
  #running: Promise<ReloadOutcome> | undefined;
  #next: Promise<ReloadOutcome> | undefined;
  #causes = new Set<ReloadCause>();
  #restUntilMs = 0;

  constructor(options: ReloadOptions) {
    this.#options = options;
  }

  /**
   * Loads what is in the files from now on. However often it is called while one load is under way, only one more
   * follows, which all those callers are answered by. Rejects only for a defect.
   */
  reload(cause: ReloadCause): Promise<ReloadOutcome> {
    this.#causes.add(cause);
    this.#next ??= this.#after(this.#running);
    return this.#next;
  }

  async #after(running: Promise<ReloadOutcome> | undefined): Promise<ReloadOutcome> {
    await running?.catch(() => undefined);
    await sleep(Math.max(0, this.#restUntilMs - this.#options.monotonicMs()));
    // Begun in a turn of its own, so that whoever asks from its first moment on is answered by the next one.
    this.#running = Promise.resolve().then(() => this.#run());
    this.#next = undefined;
    return this.#running;
  }

  async #run(): Promise<ReloadOutcome> {
    const causes = this.#causes;
    this.#causes = new Set();
    const { live } = this.#options;
    const result = await this.#loadWhole();
    const outcome = result === undefined ? CHANGING : this.#take(result);
    if (outcome.kind === 'applied' && result?.ok === true) live.swap(result.configuration);
    this.#options.onOutcome(outcome, causes);
    return outcome;
  }

  /** Undefined when the files changed under every attempt. What is returned was in the files at one moment. */
  async #loadWhole(): Promise<LoadResult | undefined> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const result = this.#load();
      if (isUnchanged(result.prints)) return result;
      if (result.ok) wipeFeedbackKeys(result.configuration.snapshot);
      await sleep(BETWEEN_ATTEMPTS_MILLISECONDS);
    }
    return undefined;
  }

  #load(): LoadResult {
    const { load, live, monotonicMs, onLoaded } = this.#options;
    const startedMs = monotonicMs();
    const result = load(live.snapshot.generation + 1);
    const endedMs = monotonicMs();
    this.#restUntilMs = endedMs + REST_PER_LOAD * (endedMs - startedMs);
    onLoaded(result.prints);
    return result;
  }

  #take(result: LoadResult): ReloadOutcome {
    if (!result.ok) return refused(result.problems.map((problem) => renderProblems([problem])));
    const { configuration } = result;
    const problems = this.#problemsOf(configuration);
    if (problems.length > 0) {
      wipeFeedbackKeys(configuration.snapshot);
      return refused(problems);
    }
    const warnings = configuration.warnings.map(({ path, message }) => `${path}: ${message}`);
    return { kind: 'applied', generation: configuration.snapshot.generation, warnings };
  }

  #problemsOf(next: Configuration): readonly string[] {
    const { live, signer } = this.#options;
    const fixed = settingsThatNeedRestart(live.started, next);
    if (fixed.length > 0)
      return fixed.map((place) => `${place}: needs a restart; everything stays as it was until then`);
    const { feedback } = next.snapshot;
    const disagreeing = feedback && findDisagreeingNewKey(feedback, live.snapshot.feedback, signer);
    if (disagreeing === undefined) return [];
    return [`the signing self-test failed for the feedback key ${disagreeing}`];
  }
}

const CHANGING: ReloadOutcome = refused(['the files go on changing while they are read']);

function refused(problems: readonly string[]): Extract<ReloadOutcome, { kind: 'refused' }> {
  return { kind: 'refused', problems };
}

/** Every file still is what was read, so there was a moment between the readings at which all of them were. */
function isUnchanged(prints: FilePrints): boolean {
  return [...prints].every(([path, print]) => printFile(path) === print);
}
