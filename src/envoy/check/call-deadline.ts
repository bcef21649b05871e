/** How long Envoy waits for one check, and what is still worth doing in what is left of that. */
import { setTimeout as pause } from 'node:timers/promises';
import type { PendingCall } from '../../verify/admission.js';

/** What the transport knows of the call that waits. */
export interface CheckCall {
  /** Envoy has reset the stream. */
  readonly cancelled: () => boolean;
  /** Monotonic milliseconds by which Envoy stops waiting. */
  readonly deadlineMs: number;
  /** The `traceparent` that came with the call itself, from Envoy's own span. Default: none did. */
  readonly traceparent?: string | undefined;
}

/** Of one call, as the service and admission ask for it. */
export class CallDeadline {
  readonly #call: CheckCall;
  readonly #monotonicMs: () => number;
  readonly #marginMs: number;
  #spent: Promise<void> | undefined;

  /** `marginMs`: with less than this left nothing is claimed. */
  constructor(call: CheckCall, monotonicMs: () => number, marginMs: number) {
    this.#call = call;
    this.#monotonicMs = monotonicMs;
    this.#marginMs = marginMs;
  }

  get traceparent(): string | undefined {
    return this.#call.traceparent;
  }

  /** Whether an answer would still be heard. Once false, it stays so. */
  callerWaits(): boolean {
    return this.#remainingMs() > 0;
  }

  /** Before it is too late for an answer to reach Envoy. */
  isWorthAnAnswer(): boolean {
    return this.#leftMs() > 0;
  }

  /** As admission sees it. */
  pendingCall(requestId: string): PendingCall {
    return {
      requestId,
      worthClaiming: () => this.isWorthAnAnswer(),
      untilSpent: () => (this.#spent ??= this.#whenSpent()),
      monotonicMs: this.#monotonicMs,
    };
  }

  /** Until it is no longer worth claiming. */
  #leftMs(): number {
    return this.#remainingMs() - this.#marginMs;
  }

  #remainingMs(): number {
    return this.#call.cancelled() ? 0 : this.#call.deadlineMs - this.#monotonicMs();
  }

  /** A caller that has gone is not waited for either, but nobody is told of that before the time is over. */
  async #whenSpent(): Promise<void> {
    for (let leftMs = this.#leftMs(); leftMs > 0; leftMs = this.#leftMs())
      await pause(leftMs, undefined, { ref: false });
  }
}
