/**
 * Feedback keys on schedule, through a real Envoy and under load: three rotations without a failed request, and without
 * an answer that a consumer refuses who fetches the published keyring now and then and knows nothing else of rotation.
 * A verifier that is killed at its rotations refuses meanwhile, and that is all. The federations run side by side.
 */
import { watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fastVerifier, keyringFromJson, MemorySeenNonces, verifyFeedback } from '../../src/client/index.js';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { PRODUCER_A } from '../../tools/local-federation/parties.js';
import { until } from '../support/until.js';
import { consume } from './support/python-consumer.js';
import { feedback } from './support/requests.js';
import { crash } from './support/signals.js';
import { Stage } from './support/stage.js';
import { withWorkers } from './support/workers.js';
import { worldOf } from './support/world.js';

/** Between the announcement and the first signature are four seconds more than the consumer goes on with a keyring. */
const ROTATION = { every: '13s', announce: '8s', overlap: '4s', directory: 'state/feedback-keys' };
const FETCH_MILLISECONDS = 1_000;
/** A consumer that comes so late with its keyring has not done its part, and is not asked. */
const MOST_AGE_MILLISECONDS = 4_000;
const PAUSE_MILLISECONDS = 60;
/** An answer that was on its way for so long is judged by the keyring of then. */
const LATE_MILLISECONDS = 2_000;
const ROTATIONS = 3;
/** So long a verifier lives at least, or it would never come to a rotation. */
const LIFE_MILLISECONDS = 3_000;

function rotated({ feedback: section, ...document }: ConfigurationDocument): ConfigurationDocument {
  return {
    ...document,
    // A machine that does other things as well is not what is looked at.
    limits: { checkTimeoutMilliseconds: 10_000 },
    feedback: { ...section, keys: [] },
    keys: { rotation: ROTATION },
  };
}

interface Fetched {
  readonly atMs: number;
  /** The JWK set as it is published. */
  readonly published: string;
  /** The field's consumer: a static map, put in place anew now and then. */
  readonly map: string;
}

interface Given {
  readonly atMs: number;
  readonly status: number;
  readonly body: Buffer;
}

/** A federation under load, with one who asks for its keyring. */
class Run {
  readonly stage: Stage;
  readonly answers: Given[] = [];
  readonly kids = new Set<string>();
  kills = 0;
  readonly #fetched: Fetched[] = [];
  #goesOn = true;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  /** Until so many keys have signed, and for as long again as an answer is late. */
  async rotate(isKilled: boolean): Promise<void> {
    await this.#fetch();
    const loops = [this.#fetchOn(), this.#send(), ...(isKilled ? [this.#kill()] : [])];
    try {
      await until('three rotations', () => this.kids.size > ROTATIONS, { atMostMs: 150_000 });
      await sleep(LATE_MILLISECONDS + FETCH_MILLISECONDS);
    } finally {
      this.#goesOn = false;
      await Promise.all(loops);
    }
  }

  async #send(): Promise<void> {
    const { a } = worldOf(this.stage.federation.credentials);
    while (this.#goesOn) {
      const { status, body } = await this.stage.send('HTTP/2', feedback({ by: a }));
      this.answers.push({ atMs: Date.now(), status, body: Buffer.from(body) });
      if (status === 200) this.kids.add((JSON.parse(Buffer.from(body).toString()) as { kid: string }).kid);
      await sleep(PAUSE_MILLISECONDS);
    }
  }

  async #fetchOn(): Promise<void> {
    while (this.#goesOn) {
      await sleep(FETCH_MILLISECONDS);
      // Nobody answers while the verifier is killed.
      await this.#fetch().catch(() => undefined);
    }
  }

  async #fetch(): Promise<void> {
    const { body } = await fetchPage(`${this.#admin()}/keyring`);
    const { keys } = JSON.parse(body) as { keys: readonly { kid: string; x: string }[] };
    const map = keys.map(({ kid, x }) => [kid, Buffer.from(x, 'base64url').toString('base64')]);
    this.#fetched.push({
      atMs: Date.now(),
      published: body,
      map: JSON.stringify(Object.fromEntries(map)),
    });
  }

  /** When something is written to the directory, and when another key signs. */
  async #kill(): Promise<void> {
    let isWritten = false;
    const { configurationFile } = this.stage.federation.layout;
    const watcher = watch(
      join(dirname(configurationFile), ROTATION.directory, 'default'),
      () => (isWritten = true),
    );
    try {
      for (;;) {
        await sleep(LIFE_MILLISECONDS);
        isWritten = false;
        const signed = this.kids.size;
        const isTime = (): boolean => isWritten || this.kids.size > signed || !this.#goesOn;
        while (!isTime()) await sleep(1);
        if (!this.#goesOn) return;
        await crash(this.stage, 'verifier');
        this.kills += 1;
        await this.stage.federation.resume('verifier');
      }
    } finally {
      watcher.close();
    }
  }

  /** What the consumer had at a moment; undefined where it was late. */
  at(atMs: number): Fetched | undefined {
    const held = this.#fetched.filter((one) => one.atMs <= atMs).at(-1);
    return held && atMs - held.atMs <= MOST_AGE_MILLISECONDS ? held : undefined;
  }

  async rotations(): Promise<number> {
    const { body } = await fetchPage(`${this.#admin()}/metrics`);
    return Number(/^countersign_feedback_key_rotations_total (\d+)$/m.exec(body)?.[1] ?? 0);
  }

  #admin(): string {
    return this.stage.federation.environment.COUNTERSIGN_ADMIN_URL;
  }
}

const CASES = [
  { title: 'one worker', workers: 1, isKilled: false },
  { title: 'two workers', workers: 2, isKilled: false },
  { title: 'a verifier that is killed at its rotations', workers: 1, isKilled: true },
];

let runs: readonly Run[] = [];
let outcomes: readonly PromiseSettledResult<void>[];
beforeAll(async () => {
  runs = await Promise.all(
    CASES.map(async ({ workers }) => {
      const options = { patchConfiguration: rotated, rateLimitPerMinute: 0 };
      return new Run(await Stage.open(withWorkers(workers, options)));
    }),
  );
  outcomes = await Promise.allSettled(runs.map((run, index) => run.rotate(CASES[index]!.isKilled)));
}, 300_000);
afterAll(() => Promise.all(runs.map(({ stage }) => stage.close())), 90_000);

/** What the consumers refuse of what they get so much later; how many answers they were asked about. */
function judge(run: Run, delayMs: number): { readonly judged: number; readonly refused: unknown[] } {
  const refused: unknown[] = [];
  // One interpreter for each state of the keyring.
  const byMap = new Map<string, { readonly body: Buffer; readonly now: number }[]>();
  for (const { atMs, status, body } of run.answers) {
    const laterMs = atMs + delayMs;
    const held = status === 200 ? run.at(laterMs) : undefined;
    if (held === undefined) continue;
    const task = { body, now: Math.floor(laterMs / 1000) };
    byMap.set(held.map, [...(byMap.get(held.map) ?? []), task]);
    const fault = refusalOfLibrary(held.published, body, laterMs);
    if (fault !== undefined) refused.push(fault);
  }
  let judged = 0;
  for (const [keyring, tasks] of byMap) {
    const verdicts = consume({ keyring, tenant: PRODUCER_A.tenant }, tasks);
    refused.push(...verdicts.filter(({ accepted }) => !accepted));
    judged += verdicts.length;
  }
  return { judged, refused };
}

/** The default one takes 10 ms for each of thousands of answers. */
const verifier = fastVerifier();

/** It reads the published set as it is, and keeps to when a key begins and ends. */
function refusalOfLibrary(published: string, body: Buffer, atMs: number): string | undefined {
  const ring = keyringFromJson(published);
  if (!ring.ok) return 'no keyring';
  const clock = { nowMs: () => atMs };
  const seenNonces = new MemorySeenNonces({ clock });
  const { keyring } = ring;
  const verified = verifyFeedback(body, { keyring, tenant: PRODUCER_A.tenant, clock, seenNonces, verifier });
  return verified.ok ? undefined : verified.code;
}

test.each(CASES.map(({ title, isKilled }, index) => ({ title, isKilled, index })))(
  'three rotations of $title under load: nothing else fails, and the consumers take every answer',
  async ({ isKilled, index }) => {
    const [run, outcome] = [runs[index]!, outcomes[index]!];
    if (outcome.status === 'rejected') throw outcome.reason;
    const statuses = run.answers.map(({ status }) => status);
    if (isKilled) expect(run.kills).toBeGreaterThanOrEqual(ROTATIONS);
    else expect(statuses.filter((status) => status !== 200)).toEqual([]);
    if (!isKilled) expect(await run.rotations()).toBeGreaterThanOrEqual(ROTATIONS);
    const signed = statuses.filter((status) => status === 200).length;
    let judged = 0;
    for (const delayMs of [0, LATE_MILLISECONDS]) {
      const verdict = judge(run, delayMs);
      expect(verdict.refused).toEqual([]);
      judged += verdict.judged;
    }
    expect(judged).toBeGreaterThan(signed);
  },
  120_000,
);
