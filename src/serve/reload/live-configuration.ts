/**
 * The configuration in force. A request takes the snapshot once, when it begins; a reload replaces the whole by one
 * assignment, and so does a key set that brings other keys. Private keys that are no longer in force are wiped when the last
 * answer that might be signed with them has left (docs/security-requirements.md#25, #33).
 */
import type { Configuration } from '../../config/settings.js';
import { allKeys, type FeedbackSettings } from '../../feedback/feedback-settings.js';
import type { Snapshot } from '../../verify/snapshot.js';

/** Puts something over a configuration that was loaded. */
export type Extend = (configuration: Configuration) => Configuration;

export class LiveConfiguration {
  /** What the process was started with: stores and sockets are opened by it. */
  readonly started: Configuration;
  readonly #holders = new Map<FeedbackSettings, number>();
  #loaded: Configuration;
  #current: Configuration;
  readonly #extensions = new Set<Extend>();
  #onSwap: () => void = () => undefined;

  constructor(started: Configuration) {
    this.started = started;
    this.#loaded = started;
    this.#current = started;
  }

  get current(): Configuration {
    return this.#current;
  }

  /** As it is in the files. */
  get loaded(): Configuration {
    return this.#loaded;
  }

  get snapshot(): Snapshot {
    return this.#current.snapshot;
  }

  /** Puts another configuration in force. Whoever has the former snapshot goes on with it. */
  swap(next: Configuration): void {
    const before = this.#loaded.snapshot.feedback;
    this.#loaded = next;
    this.#extend();
    this.#wipeUnheld(before);
    this.#onSwap();
  }

  /** Called from now on whenever another configuration is in force. */
  onSwap(listener: () => void): void {
    this.#onSwap = listener;
  }

  /** From now on `extend` has its say about every configuration, and about the present one whenever this is called again. */
  extendBy(extend: Extend): void {
    this.#extensions.add(extend);
    this.#extend();
  }

  #extend(): void {
    const { feedback: former } = this.snapshot;
    let extended = this.#loaded;
    for (const extend of this.#extensions) extended = extend(extended);
    this.#current = extended;
    this.#wipeUnheld(former);
  }

  /** Keeps the keys of the present snapshot alive until the function that it returns is called, once. */
  hold(): () => void {
    const { feedback } = this.snapshot;
    if (feedback === undefined) return () => undefined;
    this.#holders.set(feedback, this.#held(feedback) + 1);
    return () => this.#release(feedback);
  }

  #release(feedback: FeedbackSettings): void {
    const left = this.#held(feedback) - 1;
    if (left > 0) this.#holders.set(feedback, left);
    else this.#holders.delete(feedback);
    this.#wipeUnheld(feedback);
  }

  #held(feedback: FeedbackSettings): number {
    return this.#holders.get(feedback) ?? 0;
  }

  /** What another one has too, in force or held, stays. */
  #wipeUnheld(feedback: FeedbackSettings | undefined): void {
    if (feedback === undefined || this.#isInForce(feedback) || this.#held(feedback) > 0) return;
    const used = new Set(
      [...this.#inForce(), ...this.#holders.keys()].flatMap((settings) => allKeys(settings)),
    );
    for (const key of allKeys(feedback)) if (key.kind === 'local' && !used.has(key)) key.wipe();
  }

  #inForce(): FeedbackSettings[] {
    return [this.#loaded, this.#current].flatMap(({ snapshot }) => snapshot.feedback ?? []);
  }

  #isInForce(feedback: FeedbackSettings): boolean {
    return this.#inForce().includes(feedback);
  }
}

/** Wipes the private keys of a snapshot that nobody signs with, or ever will. */
export function wipeFeedbackKeys({ feedback }: Snapshot): void {
  if (feedback === undefined) return;
  for (const key of allKeys(feedback)) if (key.kind === 'local') key.wipe();
}
