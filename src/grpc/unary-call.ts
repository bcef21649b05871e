/**
 * One message in, one out: the hot path of the whole product, so it is driven by the stream's own events and nothing
 * else is built for it (docs/adr/0002).
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { CallScheduler, ScheduledCall } from './call-scheduler.js';
import { endAnswer, fail, isGone, MessageReader, openAnswer } from './framing.js';
import {
  DEFECT,
  MALFORMED,
  OVERLOADED,
  type CallState,
  type GrpcFailure,
  type ShedReason,
  type UnaryMethod,
} from './method.js';

/** Methods that say nothing about load are small and rare, such as health: they never wait behind checks. */
const LANE_OF_OTHERS = 'other';
const NOTHING = Buffer.alloc(0);

/** What an exempt call may bring: far more than a question about health takes. */
export const EXEMPT_MESSAGE_BYTES = 4_096;

/** What the calls of one server share. */
export interface CallOptions {
  readonly maxMessageBytes: number;
  readonly scheduler: CallScheduler;
}

export class UnaryCall implements CallState, ScheduledCall {
  readonly timeoutMilliseconds: number | undefined;
  readonly traceparent: string | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #method: UnaryMethod;
  readonly #scheduler: CallScheduler;
  #reader: MessageReader | undefined;
  #lane: string | undefined;
  #request: Buffer | undefined;
  /** An answer was given or is on its way: what still comes is not read. */
  #isSettled = false;
  heldBytes = 0;
  arrivedMs = 0;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    method: UnaryMethod,
    { maxMessageBytes, scheduler }: CallOptions,
  ) {
    this.#stream = stream;
    this.#method = method;
    this.#scheduler = scheduler;
    this.timeoutMilliseconds = parseTimeout(headers['grpc-timeout'] as string | undefined);
    this.traceparent = headers['traceparent'] as string | undefined;
    this.#reader = new MessageReader(method.isExempt === true ? EXEMPT_MESSAGE_BYTES : maxMessageBytes);
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('end', () => this.#arrive());
    stream.once('close', () => this.#leave());
  }

  readonly cancelled = (): boolean => isGone(this.#stream);

  /** Asked for only by a call that has to wait. */
  get lane(): string {
    this.#lane ??= this.#method.load?.laneOf(this.#request ?? NOTHING) ?? LANE_OF_OTHERS;
    return this.#lane;
  }

  get latestBeginMs(): number {
    return this.#method.load?.latestBeginMs(this) ?? Infinity;
  }

  begin(): void {
    const request = this.#request ?? NOTHING;
    this.#isSettled = true;
    this.#settle(() => this.#method.handle(request, this));
  }

  shed(reason: ShedReason): void {
    this.#isSettled = true;
    this.#letGo();
    const { load } = this.#method;
    if (load === undefined) fail(this.#stream, OVERLOADED);
    else this.#settle(() => load.shed(reason));
  }

  #read(chunk: Buffer): void {
    if (this.#isSettled) return;
    if (!this.#hold(chunk.length)) {
      this.#scheduler.shed(this, 'bytes');
      return;
    }
    const failure = this.#reader?.push(chunk, this.#take);
    if (failure !== undefined) this.#fail(failure);
  }

  #hold(bytes: number): boolean {
    if (this.#method.isExempt === true) return true;
    this.heldBytes += bytes;
    return this.#scheduler.hold(bytes);
  }

  readonly #take = (message: Buffer): void => {
    if (this.#request === undefined) this.#request = message;
    else this.#fail(MALFORMED);
  };

  #arrive(): void {
    if (this.#isSettled) return;
    // A reset ends the readable side, too.
    if (this.cancelled()) {
      this.#scheduler.countCancelled();
      return;
    }
    if (this.#request === undefined || this.#reader?.isMidMessage === true) {
      this.#fail(MALFORMED);
      return;
    }
    this.arrivedMs = performance.now();
    if (this.#method.isExempt === true) this.begin();
    else this.#scheduler.submit(this);
  }

  /** Once, however the stream ended. */
  #leave(): void {
    if (this.#lane !== undefined) this.#scheduler.cancel(this);
    this.#letGo();
  }

  /** What was answered is held no longer, however long its caller takes to read the answer. */
  #letGo(): void {
    this.#scheduler.finish(this);
    this.#scheduler.release(this.heldBytes);
    this.heldBytes = 0;
    this.#request = undefined;
    this.#reader = undefined;
  }

  #fail(failure: GrpcFailure): void {
    this.#isSettled = true;
    this.#letGo();
    fail(this.#stream, failure);
  }

  /** What is thrown before a promise is there must not leave the stream's event. */
  #settle(answer: () => Promise<Uint8Array | GrpcFailure>): void {
    const failed = (): void => this.#fail(DEFECT);
    try {
      answer().then((outcome) => this.#answer(outcome), failed);
    } catch {
      failed();
    }
  }

  #answer(outcome: Uint8Array | GrpcFailure): void {
    this.#letGo();
    if (isGone(this.#stream)) return;
    if (!(outcome instanceof Uint8Array)) {
      fail(this.#stream, outcome);
      return;
    }
    openAnswer(this.#stream);
    endAnswer(this.#stream, outcome);
  }
}

/** The `grpc-timeout` header (gRPC over HTTP/2, *Requests*): at most eight digits and a unit. */
const TIMEOUT = /^([0-9]{1,8})([HMSmun])$/;
const MILLISECONDS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds; undefined when the header is absent or is none. */
function parseTimeout(header: string | undefined): number | undefined {
  const [, digits, unit] = TIMEOUT.exec(header ?? '') ?? [];
  const scale = MILLISECONDS[unit ?? ''];
  return scale === undefined ? undefined : Number(digits) * scale;
}
