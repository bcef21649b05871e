/** Health as the AND of named components, with reasons. Draining says no whatever the components say. */
import { activeKeyOf } from '../feedback/feedback-settings.js';
import { proofsOf, type Identity, type Snapshot } from '../verify/snapshot.js';
import { isValidAt, type ValidityInterval } from '../protocol/validity-interval.js';

/** One part of the process that has to work for requests to be judged. */
export interface HealthComponent {
  readonly name: string;
  /** Why it does not work right now; undefined when it does. Asked ten times a second. */
  readonly fault: () => string | undefined;
  /** Something that deserves a look although requests are judged; undefined when there is nothing. */
  readonly note?: () => string | undefined;
}

/** A component's state, for `/readyz`. */
export interface ComponentState {
  readonly name: string;
  readonly fault: string | undefined;
  readonly note?: string | undefined;
}

/** The component that stands for starting and stopping. */
const LIFECYCLE = 'lifecycle';

export class Health {
  readonly #components: readonly HealthComponent[];
  readonly #changed = new Set<() => void>();
  readonly #shutdown = new Set<() => void>();
  #draining = false;
  #hasEndedWatches = false;
  #last: string;

  constructor(components: readonly HealthComponent[]) {
    const lifecycle = { name: LIFECYCLE, fault: () => (this.#draining ? 'draining' : undefined) };
    this.#components = [...components, lifecycle];
    this.#last = this.#pattern();
  }

  /** Whether every component works: what Envoy is told. */
  isServing(): boolean {
    return this.#components.every((component) => component.fault() === undefined);
  }

  /** Whether this one component works; undefined when there is none of that name. */
  isWorking(name: string): boolean | undefined {
    const component = this.#components.find((candidate) => candidate.name === name);
    return component && component.fault() === undefined;
  }

  states(): readonly ComponentState[] {
    return this.#components.map(({ name, fault, note }) => ({ name, fault: fault(), note: note?.() }));
  }

  /** Looks at every component again and tells the watchers when one of them has changed. Called by a timer. */
  poll(): void {
    const pattern = this.#pattern();
    if (pattern === this.#last) return;
    this.#last = pattern;
    for (const tell of this.#changed) tell();
  }

  /** From here on NOT_SERVING: Envoy stops choosing this verifier. */
  drain(): void {
    this.#draining = true;
    this.poll();
  }

  /** Ends every watch, so that open streams do not hold up the stop. */
  endWatches(): void {
    this.#hasEndedWatches = true;
    for (const end of this.#shutdown) end();
  }

  /** Returns how to unsubscribe. */
  onChange(tell: () => void): () => void {
    this.#changed.add(tell);
    return () => this.#changed.delete(tell);
  }

  /** Called at once where that has happened already: a peer opens streams anew on a connection that is still there. */
  onShutdown(end: () => void): () => void {
    if (this.#hasEndedWatches) end();
    this.#shutdown.add(end);
    return () => this.#shutdown.delete(end);
  }

  /** One character a component: `1` where it works. */
  #pattern(): string {
    return this.#components.map(({ fault }) => (fault() === undefined ? '1' : '0')).join('');
  }
}

/**
 * The component `engine`, of what deserves a look about the engine that verifies signatures; none where there is nothing.
 * It does not change while the process lives, and a slower engine serves.
 */
export function engineHealth(notes: readonly string[]): readonly HealthComponent[] {
  if (notes.length === 0) return [];
  return [{ name: 'engine', fault: () => undefined, note: () => notes.join('; ') }];
}

/** How long an answer stands: a look at a hundred thousand identities takes milliseconds. */
const RECHECK_MILLISECONDS = 1_000;

/**
 * The component `keys`. It is at fault when no signed request of anybody can pass: every one would be answered 401,
 * which producers take as final, where Envoy's 503 for an unready verifier is tried again. That answers cannot be
 * signed is a note: their routes withhold them with 503 by themselves, and everything else goes on.
 */
export function keyHealth(snapshot: () => Snapshot, nowMs: () => number): HealthComponent {
  let last:
    { readonly snapshot: Snapshot; readonly atMs: number; readonly fault: string | undefined } | undefined;
  return {
    name: 'keys',
    fault: () => {
      const current = snapshot();
      const now = nowMs();
      const isFresh = last?.snapshot === current && Math.abs(now - last.atMs) < RECHECK_MILLISECONDS;
      if (!isFresh) last = { snapshot: current, atMs: now, fault: requestFault(current, now) };
      return last?.fault;
    },
    note: () => feedbackNote(snapshot(), nowMs()),
  };
}

function requestFault({ identities, policies }: Snapshot, nowMs: number): string | undefined {
  const isAsked = [...policies.values()].some(({ kind }) => kind === 'signed');
  if (!isAsked) return undefined;
  let callers = 0;
  for (const identity of identities.values()) {
    if (identity.revoked) continue;
    if (canCall(identity, nowMs)) return undefined;
    callers++;
  }
  return callers === 0
    ? undefined
    : 'no identity has a key and a pin or name of its certificate that are valid now';
}

function canCall(identity: Identity, nowMs: number): boolean {
  const isValid = (interval: ValidityInterval): boolean => isValidAt(interval, nowMs);
  return identity.keys.some(isValid) && proofsOf(identity).some(isValid);
}

function feedbackNote({ feedback }: Snapshot, nowMs: number): string | undefined {
  if (feedback === undefined) return undefined;
  if (activeKeyOf(feedback.defaultDomain, nowMs) === undefined)
    return 'no feedback key may sign now, so answers on signed routes are withheld';
  const without = [...feedback.tenantDomains].filter(
    ([, domain]) => activeKeyOf(domain, nowMs) === undefined,
  );
  const [first] = without;
  if (first === undefined) return undefined;
  return `no feedback key of ${without.length} of ${feedback.tenantDomains.size} tenants with keys of their own may sign now, such as ${first[0]}, so their answers are withheld`;
}
