/** Producers as they should be: what gets 503, or no answer, is sent again with the same bytes until it is known what became of it. */
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { DECISION_HEADER } from '../../../src/protocol/header-names.js';
import { openHttp2, sendOn } from './http2-client.js';
import { headerOf, type Answer, type Door, type Outgoing } from './outgoing.js';
import { telemetry } from './requests.js';
import type { World } from './world.js';

/** Events under way. */
export const LANES = 12;
const PAUSE_MILLISECONDS = 10;
const RETRY_MILLISECONDS = 20;
const LONGEST_RETRY_MILLISECONDS = 500;
/** Of one event: less than the window of its timestamp. */
const PATIENCE_MILLISECONDS = 90_000;

/** One event, and every answer that its copies got, the last of which settled it. */
export interface Event {
  readonly nonce: string;
  readonly answers: readonly Answer[];
}

export class PatientLoad {
  readonly events: Event[] = [];
  readonly #doors: readonly Door[];
  readonly #world: World;
  readonly #lanes: Promise<void>[];
  #goesOn = true;

  /** Begins at once; each copy goes to the next of the doors. */
  constructor(doors: readonly Door[], world: World) {
    this.#doors = doors;
    this.#world = world;
    this.#lanes = Array.from({ length: LANES }, (_, lane) => this.#lane(lane));
  }

  /** Begins no new event. Resolves when every one that was begun is settled. */
  async stop(): Promise<void> {
    this.#goesOn = false;
    await Promise.all(this.#lanes);
  }

  /** Events of which a copy got this answer. */
  with(status: number, decision?: string): Event[] {
    return this.events.filter(({ answers }) =>
      answers.some(
        (answer) => answer.status === status && (decision === undefined || decisionOf(answer) === decision),
      ),
    );
  }

  async #lane(lane: number): Promise<void> {
    const copies = new Copies(this.#doors, this.#world, lane);
    while (this.#goesOn) {
      this.events.push(await settle(copies, telemetry({ by: this.#world.a })));
      await sleep(PAUSE_MILLISECONDS);
    }
    copies.close();
  }
}

/** Connections to every door, used in turns. */
class Copies {
  readonly #doors: readonly Door[];
  readonly #world: World;
  readonly #sessions: (ClientHttp2Session | undefined)[] = [];
  #sent: number;

  constructor(doors: readonly Door[], world: World, first: number) {
    this.#doors = doors;
    this.#world = world;
    this.#sent = first;
  }

  async send(outgoing: Outgoing): Promise<Answer> {
    const at = this.#sent++ % this.#doors.length;
    let session = this.#sessions[at];
    if (session === undefined || session.destroyed || session.closed)
      session = this.#sessions[at] = openHttp2(this.#doors[at]!, this.#world.a);
    const answer = await sendOn(session, outgoing);
    if (answer.status === 0) session.destroy();
    return answer;
  }

  close(): void {
    for (const session of this.#sessions) session?.destroy();
  }
}

async function settle(copies: Copies, outgoing: Outgoing): Promise<Event> {
  const answers = [await copies.send(outgoing)];
  const beganMs = performance.now();
  let pauseMs = RETRY_MILLISECONDS;
  while (mayBeSentAgain(answers.at(-1)) && performance.now() - beganMs < PATIENCE_MILLISECONDS) {
    await sleep(pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_RETRY_MILLISECONDS);
    answers.push(await copies.send(outgoing));
  }
  return { nonce: headerOf(outgoing, 'X-Telemetry-Nonce'), answers };
}

function mayBeSentAgain(answer: Answer | undefined): boolean {
  return answer === undefined || [0, 502, 503, 504].includes(answer.status);
}

export function decisionOf({ headers }: Answer): string | undefined {
  return headers.get(DECISION_HEADER);
}
