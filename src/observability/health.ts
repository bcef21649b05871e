/** Health as the AND of named components, with reasons. Draining says no whatever the components say. */

/** One part of the process that has to work for requests to be judged. */
export interface HealthComponent {
  readonly name: string;
  /** Why it does not work right now; undefined when it does. */
  readonly fault: () => string | undefined;
}

/** A component's state, for `/readyz`. */
export interface ComponentState {
  readonly name: string;
  readonly fault: string | undefined;
}

export class Health {
  readonly #components: readonly HealthComponent[];
  readonly #changed = new Set<() => void>();
  readonly #shutdown = new Set<() => void>();
  #draining = false;
  #lastServing: boolean;

  constructor(components: readonly HealthComponent[]) {
    this.#components = components;
    this.#lastServing = this.isServing();
  }

  isServing(): boolean {
    return !this.#draining && this.#components.every((component) => component.fault() === undefined);
  }

  states(): readonly ComponentState[] {
    const states = this.#components.map(({ name, fault }) => ({ name, fault: fault() }));
    return [...states, { name: 'lifecycle', fault: this.#draining ? 'draining' : undefined }];
  }

  /** Looks at every component again and tells the watchers of a change. Called by a timer. */
  poll(): void {
    const serving = this.isServing();
    if (serving === this.#lastServing) return;
    this.#lastServing = serving;
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
}
