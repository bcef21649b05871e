/** What became of allows, until the store has taken it in: bounded, each once, the oldest first. */
import type { ClaimDelivery } from './nonce-store.js';

/** Some seconds of a busy verifier. Of what comes beyond it is never known what became of it, and its claim stands. */
const MAX_PENDING = 100_000;

export class PendingDeliveries {
  readonly #byRequestId = new Map<string, ClaimDelivery>();

  get size(): number {
    return this.#byRequestId.size;
  }

  /** The first report about a claim counts. */
  add(deliveries: readonly ClaimDelivery[]): void {
    for (const delivery of deliveries) {
      if (this.#byRequestId.size >= MAX_PENDING) return;
      if (!this.#byRequestId.has(delivery.requestId)) this.#byRequestId.set(delivery.requestId, delivery);
    }
  }

  first(count: number): readonly ClaimDelivery[] {
    const first: ClaimDelivery[] = [];
    if (this.#byRequestId.size === 0) return first;
    for (const delivery of this.#byRequestId.values()) if (first.push(delivery) >= count) break;
    return first;
  }

  /** They are taken in. */
  delete(deliveries: readonly ClaimDelivery[]): void {
    for (const { requestId } of deliveries) this.#byRequestId.delete(requestId);
  }
}
