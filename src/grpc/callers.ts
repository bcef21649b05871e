/** Who calls by another way than the Unix socket, whose mode says who may: what the server asks of them, and what it has for strangers. */
import type { IncomingHttpHeaders } from 'node:http2';
import type { Methods } from './method.js';

/** Who is at the other end of a connection that another listener has accepted. */
export interface Caller {
  /** Whether a call with these headers is of somebody who may call. Asked once for each call. */
  admits(headers: IncomingHttpHeaders): boolean;
  /** A call was not admitted, and was none that strangers may make. */
  turnedAway(): void;
}

/** What callers get who have not shown who they are: nothing is read of what they send, and nothing is held. */
export interface ForStrangers {
  /** That they may call all the same; small, and each exempt from load. */
  readonly methods: Methods;
  /** By method, the one message that answers any call; without one it fails as unauthenticated. */
  readonly answers: ReadonlyMap<string, Uint8Array>;
}

export const NOTHING_FOR_STRANGERS: ForStrangers = { methods: new Map(), answers: new Map() };
