/** Requests at an even rate, at most, over a few lasting connections, and what became of each of them. */
import { openLane, type Lane } from './lanes.js';
import type { Answer, Door, Outgoing, Protocol } from './outgoing.js';

/** How it is sent. */
export interface EvenLoadOptions {
  readonly door: Door;
  readonly perSecond: number;
  /** A fresh request each time, all over the same TLS identity. */
  readonly make: () => Outgoing;
  /** One lane each, taking turns. Default: two of HTTP/2. */
  readonly protocols?: readonly Protocol[];
}

/** One request and its answer. */
export interface Exchanged {
  readonly outgoing: Outgoing;
  readonly answer: Answer;
  /** From the sending to the end of the answer. */
  readonly milliseconds: number;
}

const TICK_MILLISECONDS = 10;
/** A stand-still of this process is not made up for by a flood. */
const MAX_PER_TICK = 20;
/** On a machine that is too busy for the rate it sinks, and no request waits for its turn until it is too old. */
const MAX_UNDER_WAY = 100;

export class EvenLoad {
  readonly #options: EvenLoadOptions;
  readonly #lanes: readonly Lane[];
  readonly #underWay = new Set<Promise<void>>();
  readonly #exchanged: Exchanged[] = [];
  readonly #timer: NodeJS.Timeout;
  #lastMs = performance.now();
  #due = 0;
  #sent = 0;

  /** Sends from now on, until `stop`. */
  constructor(options: EvenLoadOptions) {
    this.#options = options;
    const { over } = options.make();
    const { protocols = ['HTTP/2', 'HTTP/2'] } = options;
    this.#lanes = protocols.map((protocol) => openLane(protocol, options.door, over));
    this.#timer = setInterval(() => this.#tick(), TICK_MILLISECONDS);
  }

  /** Waits for the answers to all that was sent so far. */
  async answered(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Sends no more; for a test that is about to fail. */
  pause(): void {
    clearInterval(this.#timer);
  }

  /** Waits for every answer and gives them all. */
  async stop(): Promise<readonly Exchanged[]> {
    this.pause();
    await Promise.all(this.#underWay);
    for (const lane of this.#lanes) lane.close();
    return this.#exchanged;
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#due += ((nowMs - this.#lastMs) / 1000) * this.#options.perSecond;
    this.#lastMs = nowMs;
    const now = Math.min(Math.floor(this.#due), MAX_PER_TICK);
    this.#due = Math.min(this.#due - now, MAX_PER_TICK);
    for (let count = 0; count < now && this.#underWay.size < MAX_UNDER_WAY; count++) this.#send();
  }

  #send(): void {
    const lane = this.#lanes[this.#sent++ % this.#lanes.length];
    if (lane === undefined) return;
    const outgoing = this.#options.make();
    const sentMs = performance.now();
    const done: Promise<void> = lane.send(outgoing).then((answer) => {
      this.#exchanged.push({ outgoing, answer, milliseconds: performance.now() - sentMs });
      this.#underWay.delete(done);
    });
    this.#underWay.add(done);
  }
}

/** The longest that one of them waited for its answer, in milliseconds. */
export function slowest(exchanged: readonly Exchanged[]): number {
  return exchanged.reduce((longest, { milliseconds }) => Math.max(longest, milliseconds), 0);
}

/** How often each other status came than this one, with the first such answer, for a test to expect nothing. */
export function unlike(exchanged: readonly Exchanged[], status: number): string[] {
  const others = new Map<number, { readonly body: string; count: number }>();
  for (const { answer } of exchanged) {
    if (answer.status === status) continue;
    const other = others.get(answer.status) ?? { body: answer.body, count: 0 };
    other.count++;
    others.set(answer.status, other);
  }
  return [...others].map(([other, { body, count }]) => `${other} ${count} times: ${body}`);
}
