/** `envoy.service.ext_proc.v3.ExternalProcessor/Process` as a method of the transport. */
import type { StreamCall, StreamHandler, StreamMethod } from '../../grpc/method.js';
import { DEFECT } from '../../grpc/method.js';
import type { ProcessingSession } from './session.js';

export const PROCESS_METHOD = '/envoy.service.ext_proc.v3.ExternalProcessor/Process';

/** Answers of one identity that may be awaited at once: more than any consumer asks for, were its upstream ever so slow. */
const MAX_AWAITED_OF_AN_IDENTITY = 512;

/** Binds the signer: a session for each stream. */
export function processingMethod(open: () => ProcessingSession): StreamMethod {
  const awaited: Awaited = new Map();
  return { kind: 'stream', open: (call) => new ProcessingStream(call, open(), awaited) };
}

/** How many streams are open, by identity. */
type Awaited = Map<string, number>;

/**
 * A stream that ends well while Envoy waits lets the answer pass unsigned (docs/envoy-behaviour.md#2). So we end one only
 * when every reply that was due is sent: Envoy has ended it, or there is nothing left that it could ask, as it would
 * keep the stream for as long as its client does not read. What cannot be answered ends it with a failure.
 */
class ProcessingStream implements StreamHandler {
  readonly #call: StreamCall;
  readonly #session: ProcessingSession;
  readonly #awaited: Awaited;
  #identity: string | undefined;
  /** Replies that are due, one after the other. */
  #replies: Promise<void> = Promise.resolve();

  constructor(call: StreamCall, session: ProcessingSession, awaited: Awaited) {
    this.#call = call;
    this.#session = session;
    this.#awaited = awaited;
  }

  message(message: Buffer): Promise<void> {
    return this.#reply(() => this.#session.answer(message));
  }

  /** By verified identity, so there are only as many as the configuration names. */
  lane(): string | undefined {
    return this.#identity === undefined ? undefined : `answers to ${this.#identity}`;
  }

  shed(): void {
    void this.#reply(() => this.#session.refuse());
  }

  halfClosed(): void {
    void this.#replies.then(() => this.#call.end());
  }

  closed(): void {
    this.#session.close();
    if (this.#identity !== undefined) this.#count(this.#identity, -1);
  }

  #reply(work: () => Promise<Uint8Array>): Promise<void> {
    this.#replies = this.#replies
      .then(work)
      .then((reply) => this.#admit(reply))
      .then((reply) => {
        this.#call.send(reply);
        if (this.#session.isDone()) this.#call.end();
      })
      .catch(() => this.#call.end(DEFECT));
    return this.#replies;
  }

  /** Once the first message has said whose answer it is. */
  #admit(reply: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const identity = this.#identity === undefined ? this.#session.identity() : undefined;
    if (identity === undefined || this.#session.isDone()) return reply;
    this.#identity = identity;
    const isTooMany = this.#count(identity, 1) > MAX_AWAITED_OF_AN_IDENTITY;
    return isTooMany ? this.#session.refuse() : reply;
  }

  #count(identity: string, change: 1 | -1): number {
    const now = (this.#awaited.get(identity) ?? 0) + change;
    if (now === 0) this.#awaited.delete(identity);
    else this.#awaited.set(identity, now);
    return now;
  }
}
