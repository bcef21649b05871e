/**
 * The configuration in force. A request takes the snapshot once, when it begins; a reload replaces the whole by one
 * assignment. Private keys that are no longer in force are wiped when the last answer that might be signed with
 * them has left (docs/security-requirements.md#25, #33).
 */
import type { Configuration } from '../../config/settings.js';
import type { Snapshot } from '../../verify/snapshot.js';

export class LiveConfiguration {
  /** What the process was started with: stores and sockets are opened by it. */
  readonly started: Configuration;
  readonly #holders = new Map<Snapshot, number>();
  #current: Configuration;

  constructor(started: Configuration) {
    this.started = started;
    this.#current = started;
  }

  get current(): Configuration {
    return this.#current;
  }

  get snapshot(): Snapshot {
    return this.#current.snapshot;
  }

  /** Puts another configuration in force. Whoever has the former snapshot goes on with it. */
  swap(next: Configuration): void {
    const { snapshot: former } = this.#current;
    this.#current = next;
    this.#wipeUnheld(former);
  }

  /** Keeps the keys of the present snapshot alive until the function that it returns is called, once. */
  hold(): () => void {
    const { snapshot } = this.#current;
    this.#holders.set(snapshot, this.#held(snapshot) + 1);
    return () => this.#release(snapshot);
  }

  #release(snapshot: Snapshot): void {
    const left = this.#held(snapshot) - 1;
    if (left > 0) this.#holders.set(snapshot, left);
    else this.#holders.delete(snapshot);
    this.#wipeUnheld(snapshot);
  }

  #held(snapshot: Snapshot): number {
    return this.#holders.get(snapshot) ?? 0;
  }

  #wipeUnheld(snapshot: Snapshot): void {
    if (snapshot !== this.#current.snapshot && this.#held(snapshot) === 0) wipeFeedbackKeys(snapshot);
  }
}

/** Wipes the private keys of a snapshot that nobody signs with, or ever will. */
export function wipeFeedbackKeys({ feedback }: Snapshot): void {
  if (feedback === undefined) return;
  for (const { keys } of [feedback.defaultDomain, ...feedback.tenantDomains.values()])
    for (const key of keys) if (key.kind === 'local') key.wipe();
}
