/**
 * A check that comes alone: one call at a time with a pause before each, from sending to the whole answer. The client is
 * in it, and so is whatever it costs machine and caches that there was nothing to do; the same over the bare transport
 * tells how much of it a verifier can change.
 */
import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { unaryCall } from './grpc-load.js';

/** Milliseconds before each call; 0: the next one is sent as soon as the one before it is answered. */
export const GAPS = [0, 10, 40] as const;

/** Milliseconds that each call took. */
export async function loneCalls(
  socketPath: string,
  grpcPath: string,
  messages: readonly Buffer[],
  gapMilliseconds: number,
): Promise<number[]> {
  const session = connect('http://localhost', { createConnection: () => connectSocket(socketPath) });
  const taken: number[] = [];
  try {
    for (const message of messages) {
      if (gapMilliseconds > 0) await pause(gapMilliseconds);
      const began = performance.now();
      await unaryCall(session, grpcPath, message);
      taken.push(performance.now() - began);
    }
  } finally {
    session.close();
  }
  return taken;
}
