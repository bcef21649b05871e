/** `envoy.service.ext_proc.v3.ExternalProcessor/Process` as a method of the transport. */
import type { StreamCall, StreamHandler, StreamMethod } from '../grpc/method.js';
import { DEFECT } from '../grpc/status.js';
import type { ProcessingSession } from './processing-session.js';

export const PROCESS_METHOD = '/envoy.service.ext_proc.v3.ExternalProcessor/Process';

/** Binds the signer: a session for each stream. */
export function processingMethod(open: () => ProcessingSession): StreamMethod {
  return { kind: 'stream', open: (call) => new ProcessingStream(call, open()) };
}

/**
 * A stream that ends well while Envoy waits lets the answer pass unsigned (envoy-facts.md, trap 2). So we end one only
 * when Envoy has, and every reply that was due is sent; what cannot be answered ends it with a failure.
 */
class ProcessingStream implements StreamHandler {
  readonly #call: StreamCall;
  readonly #session: ProcessingSession;
  /** Replies that are due, one after the other. */
  #replies: Promise<void> = Promise.resolve();

  constructor(call: StreamCall, session: ProcessingSession) {
    this.#call = call;
    this.#session = session;
  }

  message(message: Buffer): void {
    this.#replies = this.#replies
      .then(() => this.#session.answer(message))
      .then((reply) => this.#call.send(reply))
      .catch(() => this.#call.end(DEFECT));
  }

  halfClosed(): void {
    void this.#replies.then(() => this.#call.end());
  }

  closed(): void {
    this.#session.close();
  }
}
