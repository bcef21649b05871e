/** How the rotation of every signing domain stands, and what has happened to its keys: told to log, audit log, metrics and `/status`. */
import { keyStates } from '../../feedback/rotation.js';
import type { DomainOutcome } from '../../keys/rotation/round.js';
import type { RotationShown } from '../../observability/key-rotation-view.js';
import type { RotatedDomains } from '../reload/load-files.js';

/** Something that happened to a key of a domain. */
export type RotationEvent = {
  /** Undefined for the domain of all others. */
  readonly tenant: string | undefined;
} & (
  | {
      readonly kind: 'announced';
      readonly kid: string;
      readonly notBeforeMs: number;
      readonly fingerprint: string;
    }
  /** Signs from now on. */
  | { readonly kind: 'rotated'; readonly kid: string }
  | { readonly kind: 'retired'; readonly kid: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'recovered' }
);

type Good = Extract<DomainOutcome, { kind: 'good' }>;

/** One domain. */
interface DomainStatus {
  readonly good: Pick<Good, 'keys' | 'nextMs' | 'nextRotationMs'> | undefined;
  readonly signs: string | undefined;
  readonly fault: string | undefined;
  /** When it is looked at again, Unix milliseconds. */
  readonly nextMs: number;
  /** When another key is to sign, or was. */
  readonly nextRotationMs: number;
}

/** Events that nobody has asked for yet; the first ones come before there is a log. */
const MOST_EVENTS_KEPT = 1_000;
const RETRY_MILLISECONDS = 60_000;

export class RotationStatus {
  readonly #nowMs: () => number;
  readonly #domains = new Map<string | undefined, DomainStatus>();
  #directory: string | undefined;
  #waitsFor: string | undefined;
  #kept: RotationEvent[] = [];
  #listeners: ((event: RotationEvent) => void)[] = [];
  readonly counts = { rotations: 0, failures: 0 };

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Tells everything from now on, and first of all what has happened before anybody listened. */
  onEvent(listener: (event: RotationEvent) => void): void {
    for (const event of this.#kept) listener(event);
    this.#listeners = [...this.#listeners, listener];
  }

  /** The domains that there are now. */
  follow(rotated: RotatedDomains | undefined): void {
    this.#directory = rotated?.settings.directory;
    const tenants = new Set(rotated?.domains.map(({ tenant }) => tenant));
    for (const tenant of this.#domains.keys()) if (!tenants.has(tenant)) this.#domains.delete(tenant);
    for (const tenant of tenants)
      if (!this.#domains.has(tenant)) this.#domains.set(tenant, unknownDomain(this.#nowMs()));
  }

  /** Why nothing is done at present. */
  waits(reason: string | undefined): void {
    this.#waitsFor = reason;
  }

  /** The domains that are to be looked at. */
  due(nowMs: number): ReadonlySet<string | undefined> {
    return new Set([...this.#domains].filter(([, { nextMs }]) => nextMs <= nowMs).map(([tenant]) => tenant));
  }

  /** When the next of them is. */
  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { nextMs } of this.#domains.values()) next = Math.min(next, nextMs);
    return next;
  }

  /** What became of a round. */
  note(outcome: DomainOutcome): void {
    const { tenant } = outcome;
    const before = this.#domains.get(tenant);
    // A reload has removed it meanwhile.
    if (before === undefined) return;
    if (outcome.kind === 'failed') this.#noteFailure(tenant, before, outcome.reason);
    else this.#noteGood(outcome, before);
  }

  #noteFailure(tenant: string | undefined, before: DomainStatus, reason: string): void {
    this.counts.failures += 1;
    this.#domains.set(tenant, { ...before, fault: reason, nextMs: this.#nowMs() + RETRY_MILLISECONDS });
    if (before.fault !== reason) this.#tell({ tenant, kind: 'failed', reason });
  }

  #noteGood({ tenant, announced, retired, keys, nextMs, nextRotationMs }: Good, before: DomainStatus): void {
    const signs = keyStates(keys, this.#nowMs()).signs?.kid;
    this.#domains.set(tenant, {
      good: { keys, nextMs, nextRotationMs },
      signs,
      fault: undefined,
      nextMs,
      nextRotationMs,
    });
    if (before.fault !== undefined) this.#tell({ tenant, kind: 'recovered' });
    if (announced !== undefined) this.#tell({ tenant, kind: 'announced', ...announced });
    if (signs !== undefined && signs !== before.signs && before.good !== undefined) {
      this.counts.rotations += 1;
      this.#tell({ tenant, kind: 'rotated', kid: signs });
    }
    for (const kid of retired) this.#tell({ tenant, kind: 'retired', kid });
  }

  #tell(event: RotationEvent): void {
    if (this.#listeners.length === 0) this.#kept = [...this.#kept, event].slice(-MOST_EVENTS_KEPT);
    for (const listener of this.#listeners) listener(event);
  }

  /** What is shown; undefined where nothing is rotated. */
  readonly look = (): RotationShown | undefined => {
    if (this.#directory === undefined) return undefined;
    const all = [...this.#domains];
    const failed = all.flatMap(([tenant, { fault }]) =>
      fault === undefined ? [] : [{ tenant, reason: fault }],
    );
    return {
      directory: this.#directory,
      nextRotationMs: Math.min(...all.map(([, { nextRotationMs }]) => nextRotationMs)),
      domains: all.length,
      failed,
      waitsFor: this.#waitsFor,
    };
  };
}

/** Before its first round. */
function unknownDomain(nowMs: number): DomainStatus {
  return { good: undefined, signs: undefined, fault: undefined, nextMs: nowMs, nextRotationMs: nowMs };
}
