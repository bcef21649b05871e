/** Parts that are killed, stopped, slow, full or away: the client gets 503, the application sees nothing, retries pass. */
// Faults: every test
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { until } from '../support/until.js';
import { expectAllowed, expectRefusal, refusalBody } from './support/expectations.js';
import { PROTOCOLS, type Outgoing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { crash, signal } from './support/signals.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

const UPSTREAM_ATTEMPTS = 3;

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open();
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

const replayed = { status: 409, client: 'replayed_nonce', audit: 'replayed_nonce' } as const;

/** Sent until it is no longer refused with 503: Envoy may need a moment to notice that the verifier is back. */
async function expectAcceptedOnRetry(outgoing: Outgoing): Promise<void> {
  let last = await stage.exchange('HTTP/1.1', outgoing);
  await until('the verifier is asked again', async () => {
    if (last.answer.status !== 503) return true;
    expect(last.arrivals).toEqual([]);
    last = await stage.exchange('HTTP/1.1', outgoing);
    return last.answer.status !== 503;
  });
  expectAllowed(last, outgoing, 202);
}

describe.each(PROTOCOLS)('over %s', (protocol) => {
  // Fault: verifier-killed
  test('a killed verifier means 503; its successor accepts the same bytes, and still knows what was let through', async () => {
    const before = telemetry({ by: world.a });
    expectAllowed(await stage.exchange(protocol, before), before, 202);
    await crash(stage, 'verifier');
    const outgoing = telemetry({ by: world.a });
    const seen = await stage.exchange(protocol, outgoing);
    expect([seen.answer.status, seen.records, seen.arrivals]).toEqual([503, [], []]);
    expect(refusalBody(seen).errors[0]?.code).toBe('unavailable');
    await stage.federation.resume('verifier');
    await expectAcceptedOnRetry(outgoing);
    expectRefusal(await stage.exchange(protocol, before), replayed);
    expectRefusal(await stage.exchange(protocol, outgoing), replayed);
  }, 120_000);

  // Fault: verifier-killed
  test('a verifier killed with the request under way means 503, and the retry passes', async () => {
    signal(stage, 'verifier', 'SIGSTOP');
    const outgoing = telemetry({ by: world.a });
    const underWay = stage.exchange(protocol, outgoing);
    await sleep(200);
    await crash(stage, 'verifier');
    const seen = await underWay;
    expect([seen.answer.status, seen.arrivals]).toEqual([503, []]);
    await stage.federation.resume('verifier');
    await expectAcceptedOnRetry(outgoing);
  }, 120_000);

  // Fault: verifier-hung
  test('a verifier that hangs for three seconds means 503, and the same bytes pass when it is back', async () => {
    const [outgoing, other] = [telemetry({ by: world.a }), telemetry({ by: world.a })];
    // One that is not begun before Envoy's reset has been read, as calls before it fill a turn, is forgotten.
    const dealtWith = async (): Promise<number> =>
      (await stage.decisions('deadline_spent')) + (await stage.forgotten());
    const given = await dealtWith();
    signal(stage, 'verifier', 'SIGSTOP');
    try {
      const underWay = [outgoing, other, outgoing].map((one) => stage.send(protocol, one));
      await sleep(3_000);
      for (const answer of await Promise.all(underWay)) expect(answer.status).toBe(503);
    } finally {
      signal(stage, 'verifier', 'SIGCONT');
    }
    await until('every one that was late is dealt with', async () => (await dealtWith()) >= given + 3);
    for (const one of [outgoing, other]) await expectAcceptedOnRetry(one);
    expectRefusal(await stage.exchange(protocol, outgoing), replayed);
  }, 120_000);

  // Fault: verifier-slow
  test('a verifier that is slower than its deadline means 503, burns nothing, and says so in its record', async () => {
    const outgoing = telemetry({ by: world.a });
    const given = await stage.decisions('deadline_spent');
    const seen = await stage.watch(async () => {
      signal(stage, 'verifier', 'SIGSTOP');
      const answer = await stage.send(protocol, outgoing);
      await sleep(300);
      signal(stage, 'verifier', 'SIGCONT');
      await until('the late one is decided', async () => (await stage.decisions('deadline_spent')) > given);
      return answer;
    });
    expect([seen.answer.status, seen.arrivals]).toEqual([503, []]);
    expect(seen.records.map(({ code }) => code)).toEqual(['deadline_spent']);
    await expectAcceptedOnRetry(outgoing);
  }, 120_000);

  // Fault: verifier-slow
  test('a verifier that is slow, but not too slow, decides', async () => {
    const outgoing = telemetry({ by: world.a });
    const seen = await stage.watch(async () => {
      signal(stage, 'verifier', 'SIGSTOP');
      const underWay = stage.send(protocol, outgoing);
      await sleep(250);
      signal(stage, 'verifier', 'SIGCONT');
      return underWay;
    });
    expectAllowed(seen, outgoing, 202);
  }, 120_000);

  // Fault: upstream-away
  test.each([1_000, 2_000])(
    'an application that is away for %d ms is waited for: one decision, one arrival',
    async (milliseconds) => {
      // Envoy waits between its tries for as long as chance says, and so now and then too short.
      for (let attempt = 1; ; attempt++) {
        const outgoing = telemetry({ by: world.a });
        await stage.federation.interrupt('upstream');
        const underWay = stage.send(protocol, outgoing);
        await sleep(milliseconds);
        await stage.federation.resume('upstream');
        const { status } = await underWay;
        if (status === 503 && attempt < UPSTREAM_ATTEMPTS) continue;
        expect(status).toBe(202);
        expect(await stage.arrivals()).toHaveLength(1);
        expectRefusal(await stage.exchange(protocol, outgoing), replayed);
        return;
      }
    },
    120_000,
  );
});

// Fault: upstream-away
test('an application that stays away means 503, and the same bytes pass once it is back, and then are spent', async () => {
  await stage.federation.interrupt('upstream');
  const outgoing = telemetry({ by: world.a });
  const answer = await stage.send('HTTP/1.1', outgoing);
  await stage.federation.resume('upstream');
  expect(answer.status).toBe(503);
  expect(await stage.arrivals()).toEqual([]);
  await expectAcceptedOnRetry(outgoing);
  const again = await stage.exchange('HTTP/1.1', outgoing);
  expectRefusal(again, replayed);
  expect(refusalBody(again).errors[0]).toMatchObject({ first_status: 202 });
}, 120_000);

// Fault: envoy-killed
test('a killed Envoy takes no decision with it: the retry passes through its successor', async () => {
  const outgoing = telemetry({ by: world.a });
  await crash(stage, 'envoy');
  expect((await stage.send('HTTP/1.1', outgoing)).status).toBe(0);
  await stage.federation.resume('envoy');
  await expectAcceptedOnRetry(outgoing);
}, 120_000);

// Fault: audit-disk-full
describe('a disk that takes no record', () => {
  /** The largest file that the verifier may write from now on; what it appends to a larger one fails, as on a full disk. */
  const limitFileSize = (bytes: string): void => {
    execFileSync('prlimit', ['--pid', String(stage.federation.pid('verifier')), `--fsize=${bytes}:`]);
  };

  test('means 503 for whoever would have been let in, and the same bytes pass when there is room again', async () => {
    const large = join(stage.federation.layout.audit, 'large.ndjson');
    execFileSync('truncate', ['--size', '256M', large]);
    await stage.change({
      patchConfiguration: (document) => ({
        ...document,
        audit: { file: 'audit/large.ndjson', onFailure: 'refuse' },
      }),
    });
    const before = await stage.decisions('audit_unavailable');
    limitFileSize(String(256 * 1024 * 1024));
    const outgoing = telemetry({ by: world.a });
    const seen = await stage.exchange('HTTP/1.1', outgoing);
    expect([seen.answer.status, seen.arrivals]).toEqual([503, []]);
    expect(refusalBody(seen).errors[0]?.code).toBe('unavailable');
    const replay = await stage.exchange('HTTP/2', outgoing);
    expect([replay.answer.status, replay.arrivals]).toEqual([503, []]);
    expect(await stage.decisions('audit_unavailable')).toBeGreaterThan(before);
    limitFileSize('unlimited');
    let status = 503;
    await until(
      'the log can be written again',
      async () => (status = (await stage.send('HTTP/1.1', outgoing)).status) !== 503,
    );
    expect(status).toBe(202);
    expect((await stage.send('HTTP/2', outgoing)).status).toBe(409);
  }, 120_000);
});

// Fault: store-lost
describe('a nonce store whose files are gone', () => {
  const shortFuture = {
    patchConfiguration: (document: ConfigurationDocument) => ({
      ...document,
      freshness: { pastSkewSeconds: 300, futureSkewSeconds: 2 },
    }),
  };

  test('means 503, and a new store refuses what it cannot know', async () => {
    await stage.change(shortFuture);
    const first = telemetry({ by: world.a });
    expectAllowed(await stage.exchange('HTTP/1.1', first), first, 202);
    rmSync(join(stage.federation.layout.state, 'nonces'), { recursive: true });
    const unknown = await stage.exchange('HTTP/1.1', first);
    expectRefusal(unknown, { status: 503, client: 'unavailable', audit: 'nonce_store_unavailable' });
    for (const protocol of PROTOCOLS) {
      for (const outgoing of [first, telemetry({ by: world.a })]) {
        const seen = await stage.exchange(protocol, outgoing);
        expect([seen.answer.status, seen.arrivals]).toEqual([503, []]);
      }
    }
    await stage.federation.interrupt('verifier');
    await stage.federation.resume('verifier');
    await expectAcceptedOnRetry(telemetry({ by: world.a }));
    const replay = await stage.exchange('HTTP/1.1', first);
    expectRefusal(replay, { status: 503, client: 'unavailable', audit: 'nonce_below_floor' });
  }, 120_000);
});
