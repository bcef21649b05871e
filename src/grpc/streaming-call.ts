/**
 * Messages in and out on one stream. A peer may keep a stream open for as long as its own peer does not read, so what
 * was answered is let go of at once: a stream that is merely open holds nothing (docs/security-requirements.md#39).
 */
import type { ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { CallScheduler, ScheduledCall } from './call-scheduler.js';
import { endAnswer, fail, frame, isGone, MessageReader, openAnswer, PREFIX_BYTES } from './framing.js';
import {
  DEFECT,
  MALFORMED,
  OVERLOADED,
  type GrpcFailure,
  type ShedReason,
  type StreamCall,
  type StreamHandler,
  type StreamMethod,
} from './method.js';
import { EXEMPT_MESSAGE_BYTES, type CallOptions } from './unary-call.js';

const nothing = (): void => undefined;

export class StreamingCall implements StreamCall {
  readonly #stream: ServerHttp2Stream;
  readonly #scheduler: CallScheduler;
  readonly #isExempt: boolean;
  readonly #reader: MessageReader;
  readonly #handler: StreamHandler;
  readonly #waiting = new Set<ScheduledCall>();
  /** As of the method, until something is wrong with what comes. */
  #takesAll: boolean;
  #hasEnded = false;
  #isClosed = false;
  /** Of messages, in and out. */
  #heldBytes = 0;
  /** Of them, those that are worked on: they are here whether or not the peer still is. */
  #workedOnBytes = 0;

  constructor(stream: ServerHttp2Stream, method: StreamMethod, { maxMessageBytes, scheduler }: CallOptions) {
    this.#stream = stream;
    this.#scheduler = scheduler;
    this.#isExempt = method.isExempt === true;
    this.#takesAll = method.takesAll === true;
    this.#reader = new MessageReader(this.#isExempt ? EXEMPT_MESSAGE_BYTES : maxMessageBytes);
    this.#handler = method.open(this);
    stream.on('data', (chunk: Buffer) => this.#guarded(() => this.#read(chunk)));
    stream.on('end', () => this.#guarded(() => this.#halfClose()));
    stream.once('close', () => this.#close());
  }

  send(message: Uint8Array, sent?: () => void): void {
    if (this.#hasEnded || isGone(this.#stream)) return;
    openAnswer(this.#stream);
    const bytes = frame(message);
    this.#hold(bytes.length);
    this.#stream.write(bytes, () => {
      this.#release(bytes.length);
      if (!isGone(this.#stream)) sent?.();
    });
  }

  end(failure?: GrpcFailure): void {
    if (failure !== undefined) this.#takesAll = false;
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (failure !== undefined) fail(this.#stream, failure);
    else if (!isGone(this.#stream)) {
      openAnswer(this.#stream);
      endAnswer(this.#stream);
    }
  }

  #read(chunk: Buffer): void {
    // An answer on its way back belongs to a request that is done: calls that wait give way, it does not.
    this.#hold(chunk.length);
    const failure = this.#reader.push(chunk, (message) => this.#take(message));
    if (failure !== undefined) this.end(failure);
  }

  /** Whose stream it is may be known from its first message only, which is small and need not wait. */
  #take(message: Buffer): void {
    const lane = this.#isExempt ? undefined : this.#handler.lane?.(message);
    if (lane === undefined) this.#begin(message);
    else this.#queue(message, lane);
  }

  #queue(message: Buffer, lane: string): void {
    const waiting: ScheduledCall = {
      lane,
      heldBytes: message.length + PREFIX_BYTES,
      arrivedMs: performance.now(),
      // The peer resets the stream when it is too late.
      latestBeginMs: Infinity,
      cancelled: () => !this.#takesAll && isGone(this.#stream),
      begin: () => {
        this.#waiting.delete(waiting);
        this.#begin(message, () => this.#scheduler.finish(waiting));
        this.#tellClosed();
      },
      shed: (reason) => {
        this.#waiting.delete(waiting);
        this.#scheduler.finish(waiting);
        this.#shed(message, reason);
        this.#tellClosed();
      },
    };
    this.#waiting.add(waiting);
    this.#scheduler.submit(waiting);
  }

  #begin(message: Buffer, done: () => void = nothing): void {
    const bytes = message.length + PREFIX_BYTES;
    this.#workedOnBytes += bytes;
    const settled = (): void => {
      done();
      this.#workedOnBytes -= bytes;
      this.#release(bytes);
    };
    this.#guarded(() => {
      const step = this.#handler.message(message);
      if (step === undefined) settled();
      else
        step.then(settled, () => {
          settled();
          this.end(DEFECT);
        });
    }, settled);
  }

  #shed(message: Buffer, reason: ShedReason): void {
    this.#release(message.length + PREFIX_BYTES);
    this.#guarded(() => {
      if (this.#handler.shed === undefined) this.end(OVERLOADED);
      else this.#handler.shed(reason);
    });
  }

  #halfClose(): void {
    // A reset ends the readable side, too.
    if (this.#hasEnded || isGone(this.#stream)) return;
    if (this.#reader.isMidMessage) this.end(MALFORMED);
    else this.#handler.halfClosed();
  }

  #close(): void {
    this.#hasEnded = true;
    this.#isClosed = true;
    if (!this.#takesAll) this.#forgetWaiting();
    let waitingBytes = 0;
    for (const { heldBytes } of this.#waiting) waitingBytes += heldBytes;
    this.#release(this.#heldBytes - this.#workedOnBytes - waitingBytes);
    this.#tellClosed();
  }

  #forgetWaiting(): void {
    for (const waiting of this.#waiting) {
      this.#scheduler.cancel(waiting);
      this.#scheduler.finish(waiting);
    }
    this.#waiting.clear();
  }

  /** Once, after the last message. */
  #tellClosed(): void {
    if (this.#isClosed && this.#waiting.size === 0) this.#handler.closed();
  }

  #hold(bytes: number): void {
    if (this.#isExempt) return;
    this.#heldBytes += bytes;
    this.#scheduler.hold(bytes);
  }

  /** What is written may be reported after the stream has closed, when nothing is held. */
  #release(bytes: number): void {
    const released = Math.min(bytes, this.#heldBytes);
    this.#heldBytes -= released;
    this.#scheduler.release(released);
  }

  #guarded(step: () => void, otherwise: () => void = nothing): void {
    try {
      if (this.#hasEnded && !this.#takesAll) otherwise();
      else step();
    } catch {
      otherwise();
      this.end(DEFECT);
    }
  }
}
