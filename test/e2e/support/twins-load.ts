/** Traffic to both of two verifiers that goes on whatever happens behind them: new requests, and copies of old ones. */
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHttp2, sendOn } from './http2-client.js';
import type { Outgoing } from './outgoing.js';
import { telemetry } from './requests.js';
import { sendTimed, type Sent } from './sent.js';
import type { Twins } from './twins.js';

/** For each door. */
const LANES = 4;
const PAUSE_MILLISECONDS = 25;
/** Every so many is a copy, at the other door, of one that was let through. */
const COPY_EVERY = 4;
const AGAIN_AT_ONCE = 40;
/** A refusal in doubt is sent again so long: what it may have left behind is being taken back. */
const PATIENCE_MILLISECONDS = 10_000;
const RETRY_MILLISECONDS = 100;

/** One request, and by which of the two doors it went. */
export interface SentThrough extends Sent {
  readonly door: number;
}

export class TwinsLoad {
  readonly originals: SentThrough[] = [];
  readonly copies: SentThrough[] = [];
  readonly #twins: Twins;
  readonly #sessions: ClientHttp2Session[];
  readonly #lanes: Promise<void>[];
  #goesOn = true;

  /** Begins at once. */
  constructor(twins: Twins) {
    this.#twins = twins;
    this.#sessions = twins.doors.map((door) => openHttp2(door, twins.world.a));
    this.#lanes = twins.doors.flatMap((_, door) => Array.from({ length: LANES }, () => this.#lane(door)));
  }

  /** Resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.#goesOn = false;
    await Promise.all(this.#lanes);
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  /** New requests with this first answer. */
  answered(status: number): SentThrough[] {
    return this.originals.filter((one) => one.status === status);
  }

  /** Milliseconds from then until both doors had let through a request that was sent after it; undefined: not yet. */
  served(sinceMs: number): number | undefined {
    const firsts = this.#sessions.map((_, door) =>
      this.answered(202).find((one) => one.door === door && one.sentMs > sinceMs),
    );
    const times = firsts.map((first) => first?.answeredMs ?? Infinity);
    const lastMs = Math.max(...times) - sinceMs;
    return Number.isFinite(lastMs) ? lastMs : undefined;
  }

  /** Sends these to each door in turn; the answers, in order. */
  again(sent: readonly SentThrough[]): Promise<(readonly [number, number])[]> {
    return inBatches(sent, async ({ outgoing, door }) => [
      await this.#statusOf(outgoing, 1 - door),
      await this.#statusOf(outgoing, door),
    ]);
  }

  /** The same as producers do it, who come again after a 503: the first other answer, if there was one in time. */
  againUntilSettled(sent: readonly SentThrough[]): Promise<(readonly [number, number])[]> {
    return inBatches(sent, async ({ outgoing, door }) => [
      await this.#settledStatusOf(outgoing, 1 - door),
      await this.#settledStatusOf(outgoing, door),
    ]);
  }

  async #lane(door: number): Promise<void> {
    for (let count = 1; this.#goesOn; count++) {
      const first = count % COPY_EVERY === 0 ? this.#recent(1 - door) : undefined;
      const outgoing = first?.outgoing ?? telemetry({ by: this.#twins.world.a });
      const sent = { ...(await sendTimed(this.#session(door), outgoing)), door };
      (first === undefined ? this.originals : this.copies).push(sent);
      await sleep(PAUSE_MILLISECONDS);
    }
  }

  /** One that this door has let through lately. */
  #recent(door: number): SentThrough | undefined {
    return this.originals.findLast((one) => one.door === door && one.status === 202);
  }

  async #settledStatusOf(outgoing: Outgoing, door: number): Promise<number> {
    const endMs = performance.now() + PATIENCE_MILLISECONDS;
    for (;;) {
      const status = await this.#statusOf(outgoing, door);
      if (status !== 503 || performance.now() > endMs) return status;
      await sleep(RETRY_MILLISECONDS);
    }
  }

  /** Node gives up a connection on which a thousand requests were refused before they were read. */
  #session(door: number): ClientHttp2Session {
    const known = this.#sessions[door];
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const session = openHttp2(this.#twins.doors[door]!, this.#twins.world.a);
    this.#sessions[door] = session;
    return session;
  }

  async #statusOf(outgoing: Outgoing, door: number): Promise<number> {
    return (await sendOn(this.#session(door), outgoing)).status;
  }
}

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AGAIN_AT_ONCE)
    results.push(...(await Promise.all(items.slice(at, at + AGAIN_AT_ONCE).map(work))));
  return results;
}
