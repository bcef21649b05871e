/** Verifiers that take each other's place under load: no request fails, none passes twice, every one is recorded. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { askHealth } from '../../src/envoy/health/client.js';
import { until } from '../support/until.js';
import { countOf, letThrough, recordsIn, sentAgain } from './support/afterwards.js';
import { EvenLoad, unlike, type Exchanged } from './support/even-load.js';
import { anyFreePort } from './support/free-port.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { serves, VerifierProcess } from './support/verifier-process.js';
import { healthySockets, withWorkers, workersOf } from './support/workers.js';
import { worldOf, type World } from './support/world.js';

const PER_SECOND = 300;
const SETTLING_MILLISECONDS = 500;
const REPLACED_MILLISECONDS = 60_000;

let stage: Stage;
let world: World;
let document: ConfigurationDocument;
const processes: VerifierProcess[] = [];

/** With a window in which everything can be sent again, and patience with a machine that has other work. */
function prepare(original: ConfigurationDocument): ConfigurationDocument {
  document = {
    ...original,
    freshness: { pastSkewSeconds: 300 },
    limits: { checkTimeoutMilliseconds: 10_000 },
  };
  return document;
}

async function closeAll(): Promise<void> {
  await Promise.all(processes.splice(0).map((process) => process.stop()));
  await stage.close();
}

const further = (): string => join(stage.federation.layout.run, 'further-verifiers.log');
const auditFile = (): string => join(stage.federation.layout.audit, 'decisions.ndjson');

function start(configurationFile: string, replace = false): VerifierProcess {
  const process = new VerifierProcess({ configurationFile, logFile: further(), replace });
  processes.push(process);
  return process;
}

/** Writes a configuration of its own beside the stage's: the same stores, keys and log. */
function writeConfiguration(name: string, changes: Partial<ConfigurationDocument>): string {
  const file = join(stage.directory, `${name}.yaml`);
  writeFileSync(file, stringify({ ...document, ...changes }), { mode: 0o600 });
  return file;
}

/**
 * Does this under even load over both protocols. Every request passes, every copy of it is a replay afterwards, and
 * all of it, no nonce twice, is in the log.
 */
async function underLoad(act: () => Promise<void>): Promise<void> {
  const before = letThrough(recordsIn(auditFile())).count;
  const load = new EvenLoad({
    door: stage.door,
    perSecond: PER_SECOND,
    protocols: ['HTTP/2', 'HTTP/1.1', 'HTTP/2'],
    make: () => telemetry({ by: world.a }),
  });
  const startedMs = performance.now();
  await sleep(SETTLING_MILLISECONDS);
  await act().finally(() => load.pause());
  const exchanged = await load.stop();
  const seconds = (performance.now() - startedMs) / 1000;
  expect(unlike(exchanged, 202)).toEqual([]);
  await expectOnce(exchanged, before);
  process.stdout.write(`${exchanged.length} requests in ${seconds.toFixed(1)} s, none failed\n`);
}

/** Each replaces the one before; the first that of the stage. */
async function replaceThreeTimes(configurationFile: string): Promise<void> {
  for (let count = 0; count < 3; count++) {
    const former = processes.at(-1);
    const next = start(configurationFile, true);
    const left = (): boolean => former?.hasEnded ?? stage.federation.pid('verifier') === undefined;
    await until('the former verifier is gone', left, { atMostMs: REPLACED_MILLISECONDS });
    if (former !== undefined) expect(await former.ended).toBe(0);
    expect(next.hasEnded).toBe(false);
    await sleep(SETTLING_MILLISECONDS);
  }
}

async function expectOnce(exchanged: readonly Exchanged[], before: number): Promise<void> {
  const copies = await sentAgain(
    stage,
    exchanged.map(({ outgoing }) => outgoing),
  );
  expect(countOf(copies)).toEqual({ 409: exchanged.length });
  const { count, twice } = letThrough(recordsIn(auditFile()));
  expect([count - before, twice]).toEqual([exchanged.length, []]);
}

// Fault: rolling-replacement, drain
describe('a single verifier', () => {
  beforeAll(async () => {
    stage = await Stage.open({ patchConfiguration: prepare });
    world = worldOf(stage.federation.credentials);
  }, 120_000);
  afterAll(closeAll, 120_000);

  test('is replaced three times over: the new one is healthy and takes the socket, then the old one drains and exits 0', async () => {
    const { configurationFile } = stage.federation.layout;
    await underLoad(() => replaceThreeTimes(configurationFile));
    const logs = [join(stage.federation.layout.run, 'verifier.log'), further()];
    const drains = logs.flatMap((file) => readFileSync(file, 'utf8').match(/^.*"draining".*$/gm) ?? []);
    expect(drains).toHaveLength(3);
    for (const line of drains) expect(line).toContain('a successor has taken the socket');
    const ready = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/readyz`);
    expect(ready.status).toBe(200);
  }, 240_000);

  test('is not replaced by one that would not know its nonces, and goes on', async () => {
    const file = writeConfiguration('memory', { nonces: { store: 'memory' } });
    expect(await start(file, true).ended).toBe(3);
    expect((await stage.send('HTTP/1.1', telemetry({ by: world.a }))).status).toBe(202);
  }, 120_000);
});

// Fault: rolling-replacement, drain
describe('a supervisor with two workers', () => {
  beforeAll(async () => {
    stage = await Stage.open(withWorkers(2, { patchConfiguration: prepare }));
    world = worldOf(stage.federation.credentials);
  }, 120_000);
  afterAll(closeAll, 120_000);

  test('is replaced three times over: the new workers are healthy and take the sockets, then the old ones drain and all exit 0', async () => {
    const { configurationFile } = stage.federation.layout;
    await underLoad(() => replaceThreeTimes(configurationFile));
    expect(readFileSync(further(), 'utf8')).not.toContain('a worker died');
    await until('the admin port is theirs', async () =>
      (await workersOf(stage)).every(({ serving, replacements }) => serving && replacements === 0),
    );
  }, 240_000);

  test('is not replaced by one that has a worker without a socket, and goes on', async () => {
    writeFileSync(join(stage.federation.layout.run, 'taken-1.sock'), 'no socket');
    const file = writeConfiguration('taken', { workers: 2, listen: { socket: 'run/taken.sock' } });
    const pids = (await workersOf(stage)).map(({ pid }) => pid);
    expect(await start(file, true).ended).toBe(3);
    expect((await workersOf(stage)).map(({ pid }) => pid)).toEqual(pids);
    expect((await stage.send('HTTP/1.1', telemetry({ by: world.a }))).status).toBe(202);
  }, 120_000);
});

/** Two verifiers, each with its own socket and admin port, behind the Envoy that `workers: 2` makes. */
// Fault: rolling-replacement
describe('a pair of verifiers', () => {
  const limits = {
    checkTimeoutMilliseconds: 10_000,
    drainMilliseconds: 12_000,
    // Within this its no has to be seen, on a machine that does other things.
    drainDelayMilliseconds: 4_000,
  };
  const files: string[] = [];
  const socketPath = (number: number): string => join(stage.federation.layout.run, `verifier-${number}.sock`);
  const bothAreAsked = (): Promise<void> =>
    until('Envoy asks both', async () => (await healthySockets(stage)) === 2, {
      atMostMs: REPLACED_MILLISECONDS,
    });

  async function startOf(number: number): Promise<VerifierProcess> {
    const process = start(files[number] ?? '');
    await serves(socketPath(number));
    await bothAreAsked();
    return process;
  }

  const pair: VerifierProcess[] = [];
  beforeAll(async () => {
    stage = await Stage.open(withWorkers(2, { patchConfiguration: prepare }));
    world = worldOf(stage.federation.credentials);
    await stage.federation.interrupt('verifier');
    for (const number of [0, 1]) {
      const admin = { host: '127.0.0.1', port: await anyFreePort() };
      const listen = { socket: `run/verifier-${number}.sock` };
      files.push(writeConfiguration(`verifier-${number}`, { admin, listen, limits }));
      start(files[number]!);
    }
    for (const number of [0, 1]) await serves(socketPath(number));
    await bothAreAsked();
    pair.push(...processes);
  }, 120_000);
  afterAll(closeAll, 120_000);

  const health = async (number: number, service = ''): Promise<string> => {
    const question = { socketPath: socketPath(number), service, timeoutMilliseconds: 1_000 };
    return (await askHealth(question)).kind;
  };

  // Fault: drain
  test('is replaced one after the other: each says no first, serves on for its delay, drains, and exits 0 within its limit', async () => {
    await underLoad(async () => {
      for (const [number, former] of pair.entries()) {
        const toldMs = performance.now();
        former.signal('SIGTERM');
        await until('it says no', async () => (await health(number)) === 'not_serving', {
          atMostMs: limits.drainDelayMilliseconds,
        });
        expect(await health(number, 'countersign.nonce_store')).toBe('serving');
        expect(await former.ended).toBe(0);
        const milliseconds = performance.now() - toldMs;
        expect(milliseconds).toBeGreaterThanOrEqual(limits.drainDelayMilliseconds);
        expect(milliseconds).toBeLessThan(2 * limits.drainMilliseconds);
        pair[number] = await startOf(number);
      }
    });
  }, 240_000);

  // Fault: drain
  test('ends at once where it is told a second time', async () => {
    const [first] = pair;
    const patient = { ...limits, drainMilliseconds: 600_000, drainDelayMilliseconds: 600_000 };
    expect(await first?.stop()).toBe(0);
    files[0] = writeConfiguration('verifier-0', {
      admin: { host: '127.0.0.1', port: await anyFreePort() },
      listen: { socket: 'run/verifier-0.sock' },
      limits: patient,
    });
    const process = await startOf(0);
    process.signal('SIGTERM');
    await until('it says no', async () => (await health(0)) === 'not_serving');
    expect(process.hasEnded).toBe(false);
    process.signal('SIGTERM');
    expect(await process.ended).toBe(0);
  }, 120_000);
});
