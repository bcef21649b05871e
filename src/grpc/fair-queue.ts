/**
 * Calls that wait, each in the lane of its peer, and the lanes take turns: whoever sends a hundred times as much as
 * the others waits behind its own calls, not they behind those.
 */

/** What the queue has to know of a call. */
export interface Queued {
  /** Whose call it is. */
  readonly lane: string;
  /** What it holds. */
  readonly heldBytes: number;
}

interface Lane<T> {
  /** In the order of arrival. A Set, as a call that was reset leaves from the middle. */
  readonly calls: Set<T>;
  bytes: number;
}

/** By what a lane is heavy. */
type Weight = 'calls' | 'bytes';

export class FairQueue<T extends Queued> {
  /** In the order of their turns. */
  readonly #lanes = new Map<string, Lane<T>>();
  #size = 0;

  /** Calls in all lanes. */
  get size(): number {
    return this.#size;
  }

  /** Lanes that have calls. */
  get laneCount(): number {
    return this.#lanes.size;
  }

  /** Calls in one lane. */
  countIn(lane: string): number {
    return this.#lanes.get(lane)?.calls.size ?? 0;
  }

  push(call: T): void {
    let lane = this.#lanes.get(call.lane);
    if (lane === undefined) {
      lane = { calls: new Set(), bytes: 0 };
      this.#lanes.set(call.lane, lane);
    }
    lane.calls.add(call);
    lane.bytes += call.heldBytes;
    this.#size++;
  }

  /** Takes the first call of the lane whose turn it is. */
  shift(): T | undefined {
    for (const [name, lane] of this.#lanes) {
      const call = first(lane.calls);
      if (call === undefined) return undefined;
      this.remove(call);
      this.#lanes.delete(name);
      if (lane.calls.size > 0) this.#lanes.set(name, lane);
      return call;
    }
    return undefined;
  }

  /** Takes a call from wherever it stands; false when it does not wait. */
  remove(call: T): boolean {
    const lane = this.#lanes.get(call.lane);
    if (lane?.calls.has(call) !== true) return false;
    lane.calls.delete(call);
    lane.bytes -= call.heldBytes;
    this.#size--;
    if (lane.calls.size === 0) this.#lanes.delete(call.lane);
    return true;
  }

  /** The first call of the heaviest lane, provided that lane weighs more than `than`. It stays where it is. */
  heaviest(by: Weight, than: number): T | undefined {
    let found: Lane<T> | undefined;
    let weight = than;
    for (const lane of this.#lanes.values()) {
      const own = by === 'calls' ? lane.calls.size : lane.bytes;
      if (own > weight) [found, weight] = [lane, own];
    }
    return found === undefined ? undefined : first(found.calls);
  }
}

function first<T>(calls: ReadonlySet<T>): T | undefined {
  for (const call of calls) return call;
  return undefined;
}
