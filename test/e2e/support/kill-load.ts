/** Honest and dishonest traffic that goes on whatever happens to the processes: new requests, and copies of old ones. */
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHttp2 } from './http2-client.js';
import type { Outgoing } from './outgoing.js';
import { telemetry } from './requests.js';
import { sendTimed, type Sent } from './sent.js';
import type { Stage } from './stage.js';
import type { World } from './world.js';

const LANES = 4;
const PAUSE_MILLISECONDS = 40;
const SPENT = 202;

/** One request and what became of it. */
export interface SentOrCopied extends Sent {
  /** Of a request that was answered 202 before. */
  readonly isCopy: boolean;
}

export class KillLoad {
  readonly sent: SentOrCopied[] = [];
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
  originals(status: number): SentOrCopied[] {
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
    const sent = await sendTimed(session, outgoing);
    if (sent.status === 0) session.destroy();
    this.sent.push({ ...sent, isCopy: copied !== undefined });
  }
}
