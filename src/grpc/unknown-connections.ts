/**
 * Connections of whom nothing is known yet: they are bounded in number and rate, so that strangers cost neither memory nor
 * the time of handshakes without end. Who has the most gives way, with the oldest: who holds many keeps nobody out.
 */
import type { Socket } from 'node:net';
import { whoGivesWay } from './giving-way.js';

/** Handshakes and strangers at once. One that does not read what it is answered may hold a megabyte. */
export const MAX_UNKNOWN = 32;
/** A handshake of TLS costs a millisecond or two of the loop that judges requests. */
const NEW_PER_SECOND = 100;
const BURST = 200;

/** Why a connection is not kept. */
export type ConnectionRefusal = 'connections' | 'rate';

export class UnknownConnections {
  readonly #sockets = new Map<string, Socket>();
  readonly #refused: (reason: ConnectionRefusal) => void;
  readonly #nowMs: () => number;
  #tokens = BURST;
  #sinceMs: number;

  /** `nowMs`: monotonic milliseconds. */
  constructor(refused: (reason: ConnectionRefusal) => void, nowMs: () => number) {
    this.#refused = refused;
    this.#nowMs = nowMs;
    this.#sinceMs = nowMs();
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** False when the connection came too fast behind others and was closed. */
  add(socket: Socket): boolean {
    const peer = peerOf(socket);
    if (!this.#takeToken()) {
      this.#refused('rate');
      socket.destroy();
      return false;
    }
    this.#sockets.set(peer, socket);
    if (this.#sockets.size > MAX_UNKNOWN) this.#closeOne();
    socket.once('close', () => {
      if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer);
    });
    return true;
  }

  #closeOne(): void {
    const socket = whoGivesWay(this.#sockets.values());
    if (socket === undefined) return;
    this.#refused('connections');
    this.#sockets.delete(peerOf(socket));
    socket.destroy();
  }

  /** Whoever is at the other end has shown who it is. */
  isKnown(peer: string): void {
    this.#sockets.delete(peer);
  }

  /** Closes all: what they began with is not taken any more. */
  closeAll(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }

  #takeToken(): boolean {
    const nowMs = this.#nowMs();
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#sinceMs) / 1000) * NEW_PER_SECOND);
    this.#sinceMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** The other end: of one listener no two open connections have the same. It is the same below TLS and above. */
export function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
