/** What a service and the transport agree on: handlers on bytes, one for each full method name, and how a call may fail. */
/** Only what is used; names and numbers as in google.rpc.Code. */
export const GRPC_STATUS = {
  OK: 0,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAUTHENTICATED: 16,
} as const;

/** How a call ended when it did not end well. The message goes to the peer: it holds no detail of a defect. */
export interface GrpcFailure {
  readonly code: Exclude<(typeof GRPC_STATUS)[keyof typeof GRPC_STATUS], 0>;
  /** Printable ASCII without `%`, so that it needs no percent-encoding. */
  readonly message: string;
}

export const UNAUTHENTICATED: GrpcFailure = {
  code: GRPC_STATUS.UNAUTHENTICATED,
  message: 'unauthenticated',
};
export const UNKNOWN_METHOD: GrpcFailure = { code: GRPC_STATUS.UNIMPLEMENTED, message: 'unknown method' };
export const TOO_LARGE: GrpcFailure = { code: GRPC_STATUS.RESOURCE_EXHAUSTED, message: 'message too large' };
export const OVERLOADED: GrpcFailure = { code: GRPC_STATUS.RESOURCE_EXHAUSTED, message: 'overloaded' };
export const COMPRESSED: GrpcFailure = {
  code: GRPC_STATUS.UNIMPLEMENTED,
  message: 'compressed messages are not taken',
};
export const MALFORMED: GrpcFailure = { code: GRPC_STATUS.INTERNAL, message: 'malformed message framing' };
export const DEFECT: GrpcFailure = { code: GRPC_STATUS.INTERNAL, message: 'internal error' };

/**
 * Why a call is not begun: too many wait, or too many bytes; it would be begun too late for its caller; its caller
 * has reset it meanwhile, and there is nobody to answer.
 */
export const SHED_REASONS = ['queue_full', 'bytes', 'deadline', 'cancelled'] as const;

export type ShedReason = (typeof SHED_REASONS)[number];

/** What the transport knows of a call. */
export interface CallState {
  /** The peer has reset the stream, or its connection is gone: nobody reads an answer. */
  readonly cancelled: () => boolean;
  /** When the call was here, `performance.now()`: it may have waited for its turn. */
  readonly arrivedMs: number;
  /** What the caller said it would wait (`grpc-timeout`), in milliseconds; undefined without a deadline. */
  readonly timeoutMilliseconds: number | undefined;
  /** The caller's span (W3C Trace Context), as it was sent; undefined without one. */
  readonly traceparent?: string | undefined;
}

/** One message in, one out. A rejection or a throw is answered INTERNAL, with no detail. */
export interface UnaryMethod {
  readonly kind: 'unary';
  handle(message: Buffer, call: CallState): Promise<Uint8Array | GrpcFailure>;
  /** Without it calls are never too late, wait in one lane, and are shed as RESOURCE_EXHAUSTED. */
  readonly load?: MethodLoad;
  /** Answered at once, whatever the load: for small questions that must not go unanswered, such as health. */
  readonly isExempt?: boolean;
}

/** What a method says about calls that cannot be begun at once. */
interface MethodLoad {
  /** Whose call it is: the lanes take turns. Only asked when calls queue up; must not throw. */
  laneOf(message: Buffer): string;
  /** `performance.now()` after which to begin the call would be useless. */
  latestBeginMs(call: CallState): number;
  /** The answer to a call that is not begun; its message may not even be whole. */
  shed(reason: ShedReason): Promise<Uint8Array>;
}

/** Messages in and messages out, in any order. */
export interface StreamMethod {
  readonly kind: 'stream';
  open(call: StreamCall): StreamHandler;
  /** As of a unary method. */
  readonly isExempt?: boolean;
  /** Whatever has left the peer is taken: also after a good `end` of ours, of which it had not heard yet, and what waits when the stream closes. */
  readonly takesAll?: boolean;
}

/** The server's side of a stream. After `end` and after the peer has gone, `send` and `end` do nothing. */
export interface StreamCall {
  /** `sent` is called once the message has left this process, which takes a peer that reads; not when it never does. */
  send(message: Uint8Array, sent?: () => void): void;
  /** Ends the stream well, or with a failure. What the peer still sends is not read, unless the method `takesAll`. */
  end(failure?: GrpcFailure): void;
}

/** The peer's side of a stream, as it comes in. Whatever these throw ends the stream with INTERNAL. */
export interface StreamHandler {
  /** The bytes count as held until what it returns has settled, and the message is not to be kept any longer. */
  message(message: Buffer): void | Promise<void>;
  /** Whose message it is, as it arrives: it takes turns with those of others. Undefined: it need not wait. */
  lane?(message: Buffer): string | undefined;
  /** Of a message that is not going to be begun; without it the stream ends as RESOURCE_EXHAUSTED. */
  shed?(reason: ShedReason): void;
  /** The peer will send no more. */
  halfClosed(): void;
  /** Nothing more happens on this stream, for whatever reason. Called once. */
  closed(): void;
}

export type Method = UnaryMethod | StreamMethod;

/** `/package.Service/Method` → its handler. */
export type Methods = ReadonlyMap<string, Method>;
