/** Honest and dishonest traffic that goes on whatever happens to the processes: new requests, and copies of old ones. */
import type { ClientHttp2Session } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHttp2, sendOn } from './http2-client.js';
import type { Outgoing } from './outgoing.js';
import { telemetry } from './requests.js';
import type { Stage } from './stage.js';
import type { World } from './world.js';

const LANES = 4;
const PAUSE_MILLISECONDS = 40;
const SPENT = 202;

/** One request and what became of it. */
export interface Sent {
  readonly outgoing: Outgoing;
  /** 0: the connection broke, and nobody knows. */
  readonly status: number;
  /** When it was sent and when the answer came, as `performance.now()` tells. */
  readonly sentMs: number;
  readonly answeredMs: number;
  /** Of a request that was answered 202 before. */
  readonly isCopy: boolean;
}

export class KillLoad {
  readonly sent: Sent[] = [];
  readonly #stage: Stage;
  readonly #world: World;
  readonly #lanes: Promise<void>[];
  #goesOn = true;

  /** Begins at once. */
  constructor(stage: Stage, world: World) {
    this.#stage = stage;
    this.#world = world;
    this.#lanes = Array.from({ length: LANES }, () => this.#lane());
  }

  /** Resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.#goesOn = false;
    await Promise.all(this.#lanes);
  }

  /** New requests with this answer. */
  originals(status: number): Sent[] {
    return this.sent.filter((one) => !one.isCopy && one.status === status);
  }

  /**
   * Milliseconds from then until the first answer to a new request that was sent after it and let through. Undefined
   * when none was.
   */
  readonly recovery = (sinceMs: number): number | undefined => {
    const first = this.originals(SPENT).find(({ sentMs }) => sentMs > sinceMs);
    return first && first.answeredMs - sinceMs;
  };

  async #lane(): Promise<void> {
    let session: ClientHttp2Session | undefined;
    for (let count = 0; this.#goesOn; count++) {
      if (session === undefined || session.destroyed || session.closed)
        session = openHttp2(this.#stage.door, this.#world.a);
      const copied = count % 3 === 2 ? this.originals(SPENT).at(-1 - (count % 20))?.outgoing : undefined;
      await this.#send(session, copied);
      await sleep(PAUSE_MILLISECONDS);
    }
    session?.destroy();
  }

  async #send(session: ClientHttp2Session, copied: Outgoing | undefined): Promise<void> {
    const outgoing = copied ?? telemetry({ by: this.#world.a });
    const sentMs = performance.now();
    const { status } = await sendOn(session, outgoing);
    if (status === 0) session.destroy();
    this.sent.push({ outgoing, status, sentMs, answeredMs: performance.now(), isCopy: copied !== undefined });
  }
}
