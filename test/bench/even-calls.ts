/** Unary gRPC calls at an even rate over one connection, and how long each waited from the moment it was due. */
import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { unaryCall } from './grpc-load.js';

/** Milliseconds from the moment at which a call was due, so that a server that falls behind cannot hide it. */
export interface EvenResult {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly calls: number;
  /** Answered otherwise than with an allow. */
  readonly failed: number;
}

/** How the load is shaped. */
export interface EvenOptions {
  readonly socketPath: string;
  readonly grpcPath: string;
  readonly perSecond: number;
  /** A fresh message, made while nothing is due. */
  readonly make: () => Buffer;
  readonly isAllow: (response: Buffer) => boolean;
  /** No more is sent once this is settled. */
  readonly until: Promise<unknown>;
}

/** Rejects when the connection breaks, and with whatever `until` rejects with. */
export async function runEvenLoad(options: EvenOptions): Promise<EvenResult> {
  const { socketPath, grpcPath, perSecond, make, isAllow, until } = options;
  const session = connect('http://localhost', { createConnection: () => connectSocket(socketPath) });
  const waits: number[] = [];
  const state = { failed: 0, isOver: false };
  const over = until.finally(() => (state.isOver = true));
  over.catch(() => undefined);
  const pending: Promise<void>[] = [];
  const send = async (message: Buffer, dueMs: number): Promise<void> => {
    const response = await unaryCall(session, grpcPath, message);
    waits.push(performance.now() - dueMs);
    if (!isAllow(response)) state.failed++;
  };
  try {
    const startedMs = performance.now();
    for (let number = 0; !state.isOver; number++) {
      const message = make();
      const dueMs = startedMs + (number * 1000) / perSecond;
      // One that is late lets answers in all the same: a sender that never looks up measures itself.
      if (dueMs <= performance.now()) await nextTurn();
      while (dueMs > performance.now()) await new Promise((resolve) => setTimeout(resolve, 1));
      const sent = send(message, dueMs);
      sent.catch(() => undefined);
      pending.push(sent);
    }
    await Promise.all([...pending, over]);
  } finally {
    session.close();
  }
  waits.sort((left, right) => left - right);
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), max: waits.at(-1) ?? NaN, calls: waits.length, failed: state.failed };
}
