/** Health as the AND of named components, with reasons. Draining says no whatever the components say. */

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
    for (const end of this.#shutdown) end();
  }

  /** Returns how to unsubscribe. */
  onChange(tell: () => void): () => void {
    this.#changed.add(tell);
    return () => this.#changed.delete(tell);
  }

  onShutdown(end: () => void): () => void {
    this.#shutdown.add(end);
    return () => this.#shutdown.delete(end);
  }

  /** One character a component: `1` where it works. */
  #pattern(): string {
    return this.#components.map(({ fault }) => (fault() === undefined ? '1' : '0')).join('');
  }
}
