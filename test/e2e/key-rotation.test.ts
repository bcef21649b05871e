/**
 * Feedback keys on schedule, through a real Envoy and under load: three rotations without a failed request, and without
 * an answer that a consumer refuses who fetches the published keyring now and then and knows nothing else of rotation.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { PRODUCER_A } from '../../tools/local-federation/parties.js';
import { until } from '../support/until.js';
import { consume } from './support/python-consumer.js';
import { feedback } from './support/requests.js';
import { Stage } from './support/stage.js';
import { withWorkers } from './support/workers.js';
import { worldOf } from './support/world.js';

/** Between the announcement and the first signature are six seconds more than the consumer goes on with a keyring. */
const ROTATION = { every: '13s', announce: '8s', overlap: '4s', directory: 'state/feedback-keys' };
const FETCH_MILLISECONDS = 1_000;
/** A consumer that comes so late with its keyring has not done its part, and is not asked. */
const MOST_AGE_MILLISECONDS = 2_000;
const PAUSE_MILLISECONDS = 40;
/** An answer that was on its way for so long is judged by the keyring of then. */
const LATE_MILLISECONDS = 2_000;
const ROTATIONS = 3;

function rotated({ feedback: section, ...document }: ConfigurationDocument): ConfigurationDocument {
  return {
    ...document,
    feedback: { ...section, keys: [] },
    keys: { rotation: ROTATION },
  };
}

interface Fetched {
  readonly atMs: number;
  readonly keyring: string;
}

/** The field's consumer: a static map, put in place anew now and then. */
class Consumer {
  readonly fetched: Fetched[] = [];
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async fetch(): Promise<void> {
    const { body } = await fetchPage(`${this.#stage.federation.environment.COUNTERSIGN_ADMIN_URL}/keyring`);
    const { keys } = JSON.parse(body) as { keys: readonly { kid: string; x: string }[] };
    const map = keys.map(({ kid, x }) => [kid, Buffer.from(x, 'base64url').toString('base64')]);
    this.fetched.push({ atMs: Date.now(), keyring: JSON.stringify(Object.fromEntries(map)) });
  }

  /** The keyring that it had at a moment; undefined where it was late. */
  at(atMs: number): string | undefined {
    const held = this.fetched.filter((one) => one.atMs <= atMs).at(-1);
    return held && atMs - held.atMs <= MOST_AGE_MILLISECONDS ? held.keyring : undefined;
  }
}

async function rotations(stage: Stage): Promise<number> {
  const { body } = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/metrics`);
  return Number(/^countersign_feedback_key_rotations_total (\d+)$/m.exec(body)?.[1] ?? 0);
}

describe.each([1, 2])('%i worker(s)', (workers) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(withWorkers(workers, { patchConfiguration: rotated, rateLimitPerMinute: 0 }));
  }, 120_000);
  afterAll(() => stage.close(), 90_000);

  test('three rotations under load: nothing fails, and the consumer takes every answer', async () => {
    const { a } = worldOf(stage.federation.credentials);
    const consumer = new Consumer(stage);
    const answers: { readonly atMs: number; readonly status: number; readonly body: Buffer }[] = [];
    const load = { goesOn: true };
    await consumer.fetch();
    const fetching = (async () => {
      while (load.goesOn) await sleep(FETCH_MILLISECONDS).then(() => consumer.fetch());
    })();
    const sending = (async () => {
      while (load.goesOn) {
        const { status, body } = await stage.send('HTTP/2', feedback({ by: a }));
        answers.push({ atMs: Date.now(), status, body: Buffer.from(body) });
        await sleep(PAUSE_MILLISECONDS);
      }
    })();
    await until('three rotations', async () => (await rotations(stage)) >= ROTATIONS, { atMostMs: 120_000 });
    await sleep(LATE_MILLISECONDS + FETCH_MILLISECONDS);
    load.goesOn = false;
    await Promise.all([fetching, sending]);

    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const kids = new Set(answers.map(({ body }) => (JSON.parse(body.toString()) as { kid: string }).kid));
    expect(kids.size).toBeGreaterThanOrEqual(ROTATIONS + 1);
    let judged = 0;
    for (const delayMs of [0, LATE_MILLISECONDS]) {
      const byKeyring = new Map<string, { readonly body: Buffer; readonly now: number }[]>();
      for (const { atMs, body } of answers) {
        const keyring = consumer.at(atMs + delayMs);
        if (keyring === undefined) continue;
        const now = Math.floor((atMs + delayMs) / 1000);
        byKeyring.set(keyring, [...(byKeyring.get(keyring) ?? []), { body, now }]);
      }
      for (const [keyring, tasks] of byKeyring) {
        const verdicts = consume({ keyring, tenant: PRODUCER_A.tenant }, tasks);
        expect(verdicts.filter(({ accepted }) => !accepted)).toEqual([]);
        judged += verdicts.length;
      }
    }
    expect(judged).toBeGreaterThan(answers.length);
  }, 180_000);
});
