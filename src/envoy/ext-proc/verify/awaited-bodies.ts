/**
 * How many requests of a peer may have their headers here while the body is awaited. Each is an open stream, and Envoy has
 * room for so many on all its connections: a peer that sends slowly is not to use up everybody's (docs/security-requirements.md#39).
 */

/** More than a producer has under way, were its network ever so slow. */
const MAX_OF_A_PEER = 512;

export class AwaitedBodies {
  readonly #byPeer = new Map<string, number>();

  /** False when there are too many already; nothing is taken then. */
  take(peer: string): boolean {
    const now = this.#byPeer.get(peer) ?? 0;
    if (now >= MAX_OF_A_PEER) return false;
    this.#byPeer.set(peer, now + 1);
    return true;
  }

  letGo(peer: string): void {
    const now = this.#byPeer.get(peer) ?? 0;
    if (now <= 1) this.#byPeer.delete(peer);
    else this.#byPeer.set(peer, now - 1);
  }
}
