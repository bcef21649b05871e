/**
 * Messages in and out on one stream. A peer may keep a stream open for as long as its own peer does not read, so what
 * was answered is let go of at once: a stream that is merely open holds nothing (docs/security-requirements.md#39).
 */
import type { ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { endAnswer, fail, isGone, openAnswer } from './answers.js';
import type { ShedReason } from './load.js';
import { frame, MessageReader, PREFIX_BYTES } from './message-reader.js';
import type { StreamCall, StreamHandler, StreamMethod } from './method.js';
import { DEFECT, MALFORMED, OVERLOADED, type GrpcFailure } from './status.js';
import type { Turns, WaitingCall } from './turns.js';
import { EXEMPT_MESSAGE_BYTES, type UnaryCallOptions } from './unary-call.js';

const nothing = (): void => undefined;

export class ServedStream implements StreamCall {
  readonly #stream: ServerHttp2Stream;
  readonly #turns: Turns;
  readonly #isExempt: boolean;
  readonly #reader: MessageReader;
  readonly #handler: StreamHandler;
  readonly #waiting = new Set<StreamMessage>();
  #hasEnded = false;
  /** Of messages, in and out. */
  #heldBytes = 0;
  /** Of them, those that are worked on: they are here whether or not the peer still is. */
  #underWayBytes = 0;

  constructor(
    stream: ServerHttp2Stream,
    method: StreamMethod,
    { maxMessageBytes, turns }: Pick<UnaryCallOptions, 'maxMessageBytes' | 'turns'>,
  ) {
    this.#stream = stream;
    this.#turns = turns;
    this.#isExempt = method.isExempt === true;
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
    const lane = this.#isExempt ? undefined : this.#handler.lane?.();
    if (lane === undefined) this.#begin(message);
    else this.#queue(message, lane);
  }

  #queue(message: Buffer, lane: string): void {
    const waiting = new StreamMessage(this.#stream, lane, message.length + PREFIX_BYTES, {
      begin: () => {
        this.#waiting.delete(waiting);
        this.#begin(message, () => this.#turns.leave(waiting));
      },
      shed: (reason) => {
        this.#waiting.delete(waiting);
        this.#turns.leave(waiting);
        this.#shed(message, reason);
      },
    });
    this.#waiting.add(waiting);
    this.#turns.run(waiting);
  }

  #begin(message: Buffer, done: () => void = nothing): void {
    const bytes = message.length + PREFIX_BYTES;
    this.#underWayBytes += bytes;
    const settled = (): void => {
      done();
      this.#underWayBytes -= bytes;
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
    if (isGone(this.#stream)) return;
    if (this.#reader.isMidMessage) this.end(MALFORMED);
    else this.#handler.halfClosed();
  }

  #close(): void {
    this.#hasEnded = true;
    for (const waiting of this.#waiting) {
      this.#turns.forget(waiting);
      this.#turns.leave(waiting);
    }
    this.#waiting.clear();
    this.#release(this.#heldBytes - this.#underWayBytes);
    this.#handler.closed();
  }

  #hold(bytes: number): void {
    if (this.#isExempt) return;
    this.#heldBytes += bytes;
    this.#turns.hold(bytes);
  }

  /** What is written may be reported after the stream has closed, when nothing is held. */
  #release(bytes: number): void {
    const released = Math.min(bytes, this.#heldBytes);
    this.#heldBytes -= released;
    this.#turns.release(released);
  }

  #guarded(step: () => void, otherwise: () => void = nothing): void {
    try {
      if (this.#hasEnded) otherwise();
      else step();
    } catch {
      otherwise();
      this.end(DEFECT);
    }
  }
}

/** One message that waits for its turn. */
class StreamMessage implements WaitingCall {
  readonly arrivedMs = performance.now();
  /** The peer resets the stream when it is too late. */
  readonly latestBeginMs = Infinity;
  readonly lane: string;
  readonly heldBytes: number;
  readonly begin: () => void;
  readonly shed: (reason: ShedReason) => void;
  readonly #stream: ServerHttp2Stream;

  constructor(
    stream: ServerHttp2Stream,
    lane: string,
    heldBytes: number,
    { begin, shed }: Pick<WaitingCall, 'begin' | 'shed'>,
  ) {
    this.#stream = stream;
    this.lane = lane;
    this.heldBytes = heldBytes;
    this.begin = begin;
    this.shed = shed;
  }

  readonly cancelled = (): boolean => isGone(this.#stream);
}
