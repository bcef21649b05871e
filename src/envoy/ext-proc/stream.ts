/** `envoy.service.ext_proc.v3.ExternalProcessor/Process` as a method of the transport. */
import type { ShedReason, StreamCall, StreamHandler, StreamMethod } from '../../grpc/method.js';
import { DEFECT, OVERLOADED } from '../../grpc/method.js';
import { beginningOf } from './first-message.js';
import type { ProcessingSession } from './session.js';

export const PROCESS_METHOD = '/envoy.service.ext_proc.v3.ExternalProcessor/Process';

/** Answers of one identity that may be awaited at once: more than any consumer asks for, were its upstream ever so slow. */
const MAX_AWAITED_OF_AN_IDENTITY = 512;

/** What makes a session for each stream, by what the stream begins with. */
export interface Sessions {
  /** Of an answer, and of whatever is no request: it refuses what is no answer either. */
  readonly signer: () => ProcessingSession;
  /** Of a request, by the digest of the peer's certificate. Absent where no request is judged by ext_proc. */
  readonly verifier?: ((peer: string) => ProcessingSession) | undefined;
}

/** Binds signer and verifier. */
export function processingMethod(sessions: Sessions): StreamMethod {
  const awaited: Awaited = new Map();
  return { kind: 'stream', open: (call) => new ProcessingStream(call, sessions, awaited) };
}

function sessionFor(message: Buffer, { signer, verifier }: Sessions): ProcessingSession {
  const begins = verifier === undefined ? undefined : beginningOf(message);
  return begins?.kind === 'request' && verifier !== undefined ? verifier(begins.peer) : signer();
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
  readonly #sessions: Sessions;
  #session: ProcessingSession | undefined;
  readonly #awaited: Awaited;
  #identity: string | undefined;
  /** Replies that are due, one after the other. */
  #replies: Promise<void> = Promise.resolve();

  constructor(call: StreamCall, sessions: Sessions, awaited: Awaited) {
    this.#call = call;
    this.#sessions = sessions;
    this.#awaited = awaited;
  }

  message(message: Buffer): Promise<void> {
    const session = (this.#session ??= sessionFor(message, this.#sessions));
    return this.#reply(session, () => session.answer(message));
  }

  /** Answers by verified identity, so there are only as many as the configuration names; requests by certificate. */
  lane(message: Buffer): string | undefined {
    this.#session ??= sessionFor(message, this.#sessions);
    const lane = this.#session.arrives?.();
    return this.#identity === undefined ? lane : `answers to ${this.#identity}`;
  }

  shed(reason: ShedReason): void {
    const session = this.#session;
    if (session === undefined) this.#call.end(OVERLOADED);
    else void this.#reply(session, () => session.refuse(reason));
  }

  halfClosed(): void {
    void this.#replies.then(() => this.#call.end());
  }

  closed(): void {
    this.#session?.close();
    if (this.#identity !== undefined) this.#count(this.#identity, -1);
  }

  #reply(session: ProcessingSession, work: () => Promise<Uint8Array>): Promise<void> {
    this.#replies = this.#replies
      .then(work)
      .then((reply) => this.#admit(session, reply))
      .then((reply) => {
        this.#call.send(reply);
        if (session.isDone()) this.#call.end();
      })
      .catch(() => this.#call.end(DEFECT));
    return this.#replies;
  }

  /** Once the first message has said whose answer it is. */
  #admit(session: ProcessingSession, reply: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const identity = this.#identity === undefined ? session.identity() : undefined;
    if (identity === undefined || session.isDone()) return reply;
    this.#identity = identity;
    const isTooMany = this.#count(identity, 1) > MAX_AWAITED_OF_AN_IDENTITY;
    return isTooMany ? session.refuse() : reply;
  }

  #count(identity: string, change: 1 | -1): number {
    const now = (this.#awaited.get(identity) ?? 0) + change;
    if (now === 0) this.#awaited.delete(identity);
    else this.#awaited.set(identity, now);
    return now;
  }
}
