/**
 * kill -9 of the verifier, of Envoy and of both under load, and a disk that fills up: nothing is let through twice,
 * no record is torn, and whoever comes back serves within two seconds.
 */
// Faults: every test
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessName } from '../../tools/local-federation/processes.js';
import { until } from '../support/until.js';
import { countOf, letThrough, recordsIn, sentAgain } from './support/afterwards.js';
import { headerOf, type Outgoing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { crash } from './support/signals.js';
import { SmallDisk } from './support/small-disk.js';
import { Stage, type StageOptions } from './support/stage.js';
import { KillLoad } from './support/kill-load.js';
import { withWorkers, workerPid, workersOf } from './support/workers.js';
import { worldOf, type World } from './support/world.js';

const KILLS = 2;
/** On a machine that starts a bare Node within a twentieth of a second; else as many times longer as that takes. */
const RECOVERY_MILLISECONDS = 2_000;
const NODE_STARTS = 40;
const BEFORE_KILL_MILLISECONDS = 400;
const AFTER_RECOVERY_MILLISECONDS = 300;

let stage: Stage;
let world: World;

/** With a window so wide that whatever is sent again is judged for what it is. */
function openStage({ patchConfiguration, ...options }: StageOptions): () => Promise<void> {
  return async () => {
    stage = await Stage.open({
      ...options,
      patchConfiguration: (document) => ({
        ...(patchConfiguration?.(document) ?? document),
        freshness: { pastSkewSeconds: 300 },
      }),
    });
    world = worldOf(stage.federation.credentials);
  };
}

/** What was let through stays so, and what nobody knows of is let through once at most. Every request is sent again. */
async function expectNothingTwice(load: KillLoad): Promise<void> {
  for (const { status } of load.sent.filter(({ isCopy }) => isCopy)) expect([0, 409, 503]).toContain(status);
  const accepted = load.originals(202).map(({ outgoing }) => outgoing);
  expect(countOf(await sentAgain(stage, accepted))).toEqual({ 409: accepted.length });
  const unknown = [...load.originals(0), ...load.originals(503)].map(({ outgoing }) => outgoing);
  for (const status of await sentAgain(stage, unknown)) expect([202, 409]).toContain(status);
  for (const status of await sentAgain(stage, unknown)) expect(status).toBe(409);
}

async function statusOf(outgoing: Outgoing): Promise<number> {
  return (await stage.send('HTTP/2', outgoing)).status;
}

/** The application's own list, of the last thousand. */
async function expectNoSecondArrival(load: KillLoad): Promise<void> {
  const nonces = (await stage.arrivals()).map(
    ({ headers }) => headers.find(([name]) => name.toLowerCase() === 'x-telemetry-nonce')?.[1],
  );
  expect(new Set(nonces).size).toBe(nonces.length);
  const arrived = new Set(nonces);
  const accepted = load.originals(202).slice(-100);
  for (const { outgoing } of accepted) expect(arrived).toContain(headerOf(outgoing, 'X-Telemetry-Nonce'));
}

/** Every record is a line of JSON, every request that was let through has one that says so, and none has two. */
function expectWholeRecords(file: string, load: KillLoad): void {
  const { count, twice } = letThrough(recordsIn(file));
  expect(twice).toEqual([]);
  expect(count).toBeGreaterThanOrEqual(load.originals(202).length);
}

/** Traffic while something is done, and not a moment longer. */
async function underLoad(act: (load: KillLoad) => Promise<void>): Promise<KillLoad> {
  const load = new KillLoad(stage, world);
  try {
    await act(load);
  } finally {
    await load.stop();
  }
  return load;
}

async function killAndResume(names: readonly ProcessName[]): Promise<number> {
  await Promise.all(names.map((name) => crash(stage, name)));
  const killedMs = performance.now();
  await Promise.all(names.map((name) => stage.federation.resume(name)));
  return killedMs;
}

function nodeStartMilliseconds(): number {
  const startedMs = performance.now();
  execFileSync(process.execPath, ['-e', '']);
  return performance.now() - startedMs;
}

/** Kills under load several times; the least of the pauses, since other work on this machine makes them longer. */
async function expectRecovery(kill: () => Promise<number>): Promise<KillLoad> {
  const pauses: number[] = [];
  let slowness = 0;
  const load = await underLoad(async ({ recovery }) => {
    for (let count = 0; count < KILLS; count++) {
      await sleep(BEFORE_KILL_MILLISECONDS);
      const killedMs = await kill();
      await until('requests are let through again', () => recovery(killedMs) !== undefined);
      pauses.push(recovery(killedMs) ?? Infinity);
      slowness = Math.max(slowness, NODE_STARTS * nodeStartMilliseconds());
      await sleep(AFTER_RECOVERY_MILLISECONDS);
    }
  });
  const figures = pauses.map((pause) => Math.round(pause)).join(', ');
  process.stdout.write(`back after ${figures} ms; ${load.sent.length} requests\n`);
  expect(Math.min(...pauses)).toBeLessThan(Math.max(RECOVERY_MILLISECONDS, slowness));
  return load;
}

describe('one verifier over lmdb', () => {
  beforeAll(openStage({}), 120_000);
  afterAll(() => stage.close(), 90_000);

  // Fault: verifier-killed, envoy-killed
  test.each<[string, readonly ProcessName[]]>([
    ['the verifier', ['verifier']],
    ['Envoy', ['envoy']],
    ['both at once', ['envoy', 'verifier']],
  ])(
    'kill -9 of %s under load: nothing twice, no torn record, back within two seconds',
    async (_title, names) => {
      const load = await expectRecovery(() => killAndResume(names));
      await expectNothingTwice(load);
      await expectNoSecondArrival(load);
      expectWholeRecords(join(stage.federation.layout.audit, 'decisions.ndjson'), load);
    },
    120_000,
  );
});

describe('two workers over lmdb', () => {
  beforeAll(openStage(withWorkers(2)), 120_000);
  afterAll(() => stage.close(), 90_000);

  // Fault: worker-killed
  test('kill -9 of a worker under load: the other goes on, and within two seconds there are two again', async () => {
    const load = await expectRecovery(async () => {
      process.kill(await workerPid(stage, 0), 'SIGKILL');
      return performance.now();
    });
    const refused = load.originals(503).length + load.originals(0).length;
    expect(refused).toBeLessThan(load.originals(202).length);
    await until('every worker serves', async () => (await workersOf(stage)).every(({ serving }) => serving));
    await expectNothingTwice(load);
    await expectNoSecondArrival(load);
    expectWholeRecords(join(stage.federation.layout.audit, 'decisions.ndjson'), load);
  }, 120_000);

  // Fault: supervisor-killed
  test('kill -9 of the supervisor under load: its workers end by themselves, and its successor serves within two seconds', async () => {
    const load = await expectRecovery(() => killAndResume(['verifier']));
    await expectNothingTwice(load);
    await expectNoSecondArrival(load);
  }, 120_000);
});

// Fault: store-disk-full, audit-disk-full
describe('a disk that is full, with nonces and records on it', () => {
  const disk = new SmallDisk();
  const records = join(disk.directory, 'decisions.ndjson');
  beforeAll(
    openStage({
      patchConfiguration: (document) => ({
        ...document,
        audit: { file: records, onFailure: 'refuse' },
        nonces: { store: 'lmdb', directory: join(disk.directory, 'nonces') },
      }),
    }),
    120_000,
  );
  afterAll(async () => {
    await stage.close();
    disk.remove();
  }, 90_000);

  test('refuses under load, and recovers when there is room: nothing twice, no torn record', async () => {
    const pid = stage.federation.pid('verifier')!;
    const load = await underLoad(async ({ recovery }) => {
      await sleep(BEFORE_KILL_MILLISECONDS);
      disk.fill(pid, records);
      const unlucky = telemetry({ by: world.a });
      await until('a request is refused', async () => (await statusOf(unlucky)) === 503);
      const fullMs = performance.now();
      await sleep(1_000);
      expect(recovery(fullMs)).toBeUndefined();
      expect(await stage.decisions('audit_unavailable')).toBeGreaterThan(0);
      disk.empty(pid);
      const emptiedMs = performance.now();
      await until('requests are let through again', () => recovery(emptiedMs) !== undefined);
    });
    await expectNothingTwice(load);
    await expectNoSecondArrival(load);
    expectWholeRecords(records, load);
  }, 120_000);
});
