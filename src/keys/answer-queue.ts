/**
 * Messages that wait for one key: bounded in number, bytes and time. Tenants take turns, and when it is full, whoever has
 * most in it gives way, so that one tenant's flood does not cost another one of the same key its answers.
 */
import { deadline } from '../storage/deadline.js';
import type { KeySourceAnswer } from './key-source.js';

/** What waits, and how its caller is told: by `refuse` where its turn does not come. */
export interface WaitingMessage {
  readonly message: Uint8Array;
  readonly tenant: string;
  readonly settle: (answer: KeySourceAnswer) => void;
  readonly refuse: (answer: KeySourceAnswer) => void;
}

/** How much waits at most; one message always may. */
export interface QueueBounds {
  readonly messages: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

interface Entry extends WaitingMessage {
  readonly cancel: () => void;
}

export class AnswerQueue {
  readonly #bounds: QueueBounds;
  /** The tenant whose turn is next comes first. */
  readonly #tenants = new Map<string, Entry[]>();
  #messages = 0;
  #bytes = 0;

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#messages;
  }

  /** It is told `overloaded` when its turn does not come in time, or it has to give way. */
  add(waiting: WaitingMessage): void {
    while (this.#isFullFor(waiting.message.length)) {
      const heaviest = this.#heaviest(waiting.tenant);
      if (heaviest === undefined) {
        waiting.refuse(overloaded('has more to sign than may wait for it'));
        return;
      }
      this.#take(heaviest, -1)?.refuse(overloaded('has more to sign than may wait for it'));
    }
    const cancel = deadline(this.#bounds.milliseconds, () => this.#expire(entry));
    const entry: Entry = { ...waiting, cancel };
    const others = this.#tenants.get(waiting.tenant);
    if (others === undefined) this.#tenants.set(waiting.tenant, [entry]);
    else others.push(entry);
    this.#messages += 1;
    this.#bytes += waiting.message.length;
  }

  /** The next one in turn; undefined when nothing waits. */
  next(): WaitingMessage | undefined {
    const [first] = this.#tenants;
    if (first === undefined) return undefined;
    const [tenant, entries] = first;
    const entry = this.#take(tenant, 0);
    if (entries.length > 0) {
      this.#tenants.delete(tenant);
      this.#tenants.set(tenant, entries);
    }
    return entry;
  }

  /** Tells all that wait. */
  refuse(answer: KeySourceAnswer): void {
    for (let entry = this.next(); entry !== undefined; entry = this.next()) entry.refuse(answer);
  }

  #isFullFor(bytes: number): boolean {
    if (this.#messages === 0) return false;
    return this.#messages >= this.#bounds.messages || this.#bytes + bytes > this.#bounds.bytes;
  }

  /** The tenant with most messages; undefined where that is the one that comes. */
  #heaviest(coming: string): string | undefined {
    let heaviest: string | undefined;
    let most = (this.#tenants.get(coming)?.length ?? 0) + 1;
    for (const [tenant, { length }] of this.#tenants) if (length > most) [heaviest, most] = [tenant, length];
    return heaviest;
  }

  #expire(entry: Entry): void {
    const at = this.#tenants.get(entry.tenant)?.indexOf(entry) ?? -1;
    if (at >= 0) this.#take(entry.tenant, at)?.refuse(overloaded('did not come to it in time'));
  }

  /** `at`: as in `Array.at`. */
  #take(tenant: string, at: number): Entry | undefined {
    const entries = this.#tenants.get(tenant);
    const [entry] = entries?.splice(at, 1) ?? [];
    if (entry === undefined || entries === undefined) return undefined;
    if (entries.length === 0) this.#tenants.delete(tenant);
    this.#messages -= 1;
    this.#bytes -= entry.message.length;
    entry.cancel();
    return entry;
  }
}

function overloaded(reason: string): KeySourceAnswer {
  return { ok: false, fault: 'overloaded', reason };
}
