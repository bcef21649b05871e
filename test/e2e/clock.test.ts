/**
 * The verifier's wall clock is moved while it serves (libfaketime; its monotonic clock stays true, as it does on a
 * machine whose time is set). Nothing is let through twice, whichever way the clock goes, and the step is told.
 */
// Faults: every test
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchPage } from '../../tools/local-federation/health.js';
import { until } from '../support/until.js';
import { expectAllowed, expectRefusal } from './support/expectations.js';
import { PROTOCOLS, type Outgoing } from './support/outgoing.js';
import { nowSeconds, telemetry } from './support/requests.js';
import { crash } from './support/signals.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

const FUTURE_SKEW_SECONDS = 2;
/** A stepped clock is believed again when it has run evenly for five seconds; the floor then is in the future. */
const SETTLED_MILLISECONDS = 20_000;

let stage: Stage;
let world: World;
let folder = '';
let clockFile = '';
/** Seconds by which the verifier's clock is ahead of ours. */
let shift = 0;

beforeAll(async () => {
  const library = execFileSync('scripts/faketime.sh', {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
  folder = mkdtempSync(join(tmpdir(), 'clock-'));
  clockFile = join(folder, 'shift');
  setClock(0);
  stage = await Stage.open({
    verifierEnvironment: {
      LD_PRELOAD: library,
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_NO_CACHE: '1',
      FAKETIME_TIMESTAMP_FILE: clockFile,
    },
    patchConfiguration: (document) => ({
      ...document,
      freshness: { pastSkewSeconds: 30, futureSkewSeconds: FUTURE_SKEW_SECONDS },
    }),
  });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true });
}, 90_000);

/** In one step, so that no half of it is ever read. */
function setClock(seconds: number): void {
  writeFileSync(`${clockFile}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  renameSync(`${clockFile}.new`, clockFile);
  shift = seconds;
}

const fresh = (): Outgoing => telemetry({ by: world.a, timestamp: nowSeconds() + shift });
const replayed = { status: 409, client: 'replayed_nonce', audit: 'replayed_nonce' } as const;

async function steps(): Promise<number> {
  const { body } = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/metrics`);
  return Number(/^countersign_clock_steps_total (\d+)$/m.exec(body)?.[1]);
}

async function ready(): Promise<boolean> {
  return (await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/readyz`)).status === 200;
}

/** Until a request signed by the verifier's clock passes. */
async function settle(): Promise<void> {
  await until('the verifier is ready', ready, { atMostMs: SETTLED_MILLISECONDS });
  await until('a request passes', async () => (await stage.send('HTTP/2', fresh())).status === 202, {
    atMostMs: SETTLED_MILLISECONDS,
  });
}

const TOLD = /"steps":\d+,"reason":"the wall clock stepped by -?\d+ ms;[^\n]*"msg":"the wall clock stepped"/;

/** Moves the clock and looks at how that is told and answered before anything is believed again. */
async function step(seconds: number): Promise<void> {
  const before = await steps();
  setClock(seconds);
  await until('the step is counted', async () => (await steps()) === before + 1);
  for (const protocol of PROTOCOLS) {
    // Envoy may have turned away by now: either way the client gets 503, and the application nothing.
    const seen = await stage.exchange(protocol, fresh());
    expect([seen.answer.status, seen.arrivals]).toEqual([503, []]);
    for (const { code } of seen.records) expect(code).toBe('clock_diverged');
  }
  expect(await ready()).toBe(false);
  await until('the step is told', () =>
    TOLD.test(readFileSync(join(stage.federation.layout.run, 'verifier.log'), 'utf8')),
  );
}

// Fault: clock-forward, clock-back
test('a clock that steps and comes back finds everything as it was', async () => {
  const accepted = await Promise.all([0, 1, 2].map(() => accept()));
  await step(3_600);
  setClock(0);
  await settle();
  for (const outgoing of accepted) expectRefusal(await stage.exchange('HTTP/1.1', outgoing), replayed);
}, 120_000);

// Fault: clock-forward, clock-back, clock-snapshot
test.each([
  ['forward by ten seconds', 10],
  ['back by five seconds', 5],
  ['forward by an hour', 3_600],
])(
  'a clock that is set %s lets nothing through again, and serves once it has run evenly',
  async (_, seconds) => {
    const accepted = await Promise.all([0, 1, 2].map(() => accept()));
    await step(seconds);
    await settle();
    for (const outgoing of accepted) await expectNotAgain(outgoing);
    const next = fresh();
    expectAllowed(await stage.exchange('HTTP/1.1', next), next, 202);
    expectRefusal(await stage.exchange('HTTP/2', next), replayed);
    if (seconds < 3_600) await expectKilledInThePast(seconds);
  },
  120_000,
);

/** And when the process dies, and its clock is in the past when it comes back. */
async function expectKilledInThePast(seconds: number): Promise<void> {
  const accepted = await Promise.all([0, 1, 2].map(() => accept()));
  await crash(stage, 'verifier');
  setClock(seconds - 4);
  await stage.federation.resume('verifier');
  for (const outgoing of accepted) await expectNotAgain(outgoing);
  setClock(seconds);
  await settle();
  for (const outgoing of accepted) await expectNotAgain(outgoing);
}

// Fault: clock-back
test('a clock that was an hour ahead and is put right is refused until that hour has come: what it forgot meanwhile is not known', async () => {
  const accepted = await Promise.all([0, 1, 2].map(() => accept()));
  await step(0);
  const end = performance.now() + 8_000;
  while (performance.now() < end) {
    expect((await stage.send('HTTP/2', fresh())).status).toBe(503);
    for (const outgoing of accepted) await expectNotAgain(outgoing);
  }
  const { body } = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/readyz`);
  expect(body).toContain('what was accepted before is not known');
}, 120_000);

async function accept(): Promise<Outgoing> {
  const outgoing = fresh();
  expect((await stage.send('HTTP/2', outgoing)).status).toBe(202);
  return outgoing;
}

/** A replay, outside the window, or older than the store can answer for; but never an allow. */
async function expectNotAgain(outgoing: Outgoing): Promise<void> {
  const { answer, arrivals } = await stage.exchange('HTTP/1.1', outgoing);
  expect([401, 403, 409, 503]).toContain(answer.status);
  expect(arrivals).toEqual([]);
}
