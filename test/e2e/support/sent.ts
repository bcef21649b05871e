/** A request of a load that goes on whatever happens, and what became of it when. */
import type { ClientHttp2Session } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { sendOn } from './http2-client.js';
import type { Outgoing } from './outgoing.js';

/** One request and its first answer. */
export interface Sent {
  readonly outgoing: Outgoing;
  /** 0: the connection broke, and nobody knows. */
  readonly status: number;
  /** When it was sent and when the answer came, as `performance.now()` tells. */
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** Sends one as a stream of the connection. Never rejects. */
export async function sendTimed(session: ClientHttp2Session, outgoing: Outgoing): Promise<Sent> {
  const sentMs = performance.now();
  const { status } = await sendOn(session, outgoing);
  return { outgoing, status, sentMs, answeredMs: performance.now() };
}
