/**
 * The audit log behind a real Envoy: what was answered is in it, once and proven, whatever is killed, replaced or full.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { nonceKey } from '../../src/verify/nonce-key.js';
import { parsePublicKey } from '../../src/crypto/public-key.js';
import { until } from '../support/until.js';
import { recordsIn } from './support/afterwards.js';
import type { AuditRecord } from './support/audit-reader.js';
import { EvenLoad, unlike } from './support/even-load.js';
import { KillLoad } from './support/kill-load.js';
import { headerOf, PROTOCOLS, type Outgoing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { expectExtends, readSealedLog, standing, type SealedLog } from './support/sealed-log.js';
import { crash, untilGone } from './support/signals.js';
import { SmallDisk } from './support/small-disk.js';
import { Stage, type StageOptions } from './support/stage.js';
import { VerifierProcess } from './support/verifier-process.js';
import { withWorkers, workerPid, workersOf } from './support/workers.js';
import { worldOf, type World } from './support/world.js';

const BEFORE_MILLISECONDS = 400;

let stage: Stage;
let world: World;
let directory: string;

const ALLOWANCE = { freshness: { pastSkewSeconds: 300 } };

function openStage(options: StageOptions = {}): () => Promise<void> {
  return async () => {
    const { patchConfiguration } = options;
    stage = await Stage.open({
      ...options,
      patchConfiguration: (document) => ({ ...(patchConfiguration?.(document) ?? document), ...ALLOWANCE }),
    });
    world = worldOf(stage.federation.credentials);
    directory = stage.federation.layout.auditLog;
  };
}

const read = (): Promise<SealedLog> =>
  readSealedLog(directory, join(stage.federation.layout.keys, 'audit-log.vkey'));
const plainRecords = (): AuditRecord[] => recordsIn(join(stage.federation.layout.audit, 'decisions.ndjson'));
const fresh = (): Outgoing => telemetry({ by: world.a });

/** As the records name the nonce of a request of producer A. */
function nonceHashOf(outgoing: Outgoing): string {
  const parsed = parsePublicKey(
    /publicKey: (\S+)/.exec(readFileSync(join(stage.directory, 'countersign.yaml'), 'utf8'))![1]!,
  );
  if (!parsed.ok) throw new Error('producer A has no key');
  return nonceKey('request', parsed.key, headerOf(outgoing, 'X-Telemetry-Nonce')).toString('hex');
}

async function adminPage(path: string): Promise<string> {
  return (await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}${path}`)).body;
}

interface LogStatus {
  readonly size: number;
  readonly unsealed_bytes: number;
  readonly fault: string | null;
}

async function logStatus(): Promise<LogStatus> {
  return (JSON.parse(await adminPage('/status')) as { audit_log: LogStatus }).audit_log;
}

/** Every one of them is let through by exactly one record that stands, in a log that extends the earlier one. */
async function expectRecorded(accepted: readonly Outgoing[], earlier?: SealedLog): Promise<SealedLog> {
  const wanted = new Set(accepted.map(nonceHashOf));
  const missing = (log: SealedLog): string[] => {
    const there = new Set(
      standing(log.records).map(({ code, nonce_hash: hash }) => code === 'allow' && hash),
    );
    return [...wanted].filter((hash) => !there.has(hash));
  };
  let log = await read();
  await until('every request that was let through is sealed', async () => {
    log = await read();
    return missing(log).length === 0;
  });
  const allowed = standing(log.records).filter(({ code }) => code === 'allow');
  expect(new Set(allowed.map(({ nonce_hash: hash }) => hash)).size).toBe(allowed.length);
  const lines = log.records.map((record) => JSON.stringify(record));
  expect(new Set(lines).size).toBe(lines.length);
  if (earlier !== undefined) await expectExtends(directory, earlier.checkpoint, log.checkpoint);
  return log;
}

/** Traffic while something is done, and not a moment longer. */
async function underLoad(act: (load: KillLoad) => Promise<void>): Promise<Outgoing[]> {
  const load = new KillLoad(stage, world);
  try {
    await sleep(BEFORE_MILLISECONDS);
    await act(load);
  } finally {
    await load.stop();
  }
  return load.originals(202).map(({ outgoing }) => outgoing);
}

const goesOn = (load: KillLoad, sinceMs: number): Promise<void> =>
  until('requests are let through again', () => load.recovery(sinceMs) !== undefined);

/** After the stop nothing is left to seal, and what the file has, the log has. */
async function expectWholeAtTheEnd(): Promise<void> {
  await stage.federation.interrupt('verifier');
  const { records } = await read();
  expect(records.at(-1)?.event).toBe('verifier.stopped');
  const ids = (some: readonly AuditRecord[]): string[] =>
    standing(some).map(({ decision_id: id, code }) => `${id} ${code}`);
  const sealed = new Set(ids(records));
  expect(ids(plainRecords()).filter((id) => !sealed.has(id))).toEqual([]);
  expect(readdirSync(join(directory, '.sequencer')).filter((name) => name.startsWith('wal-'))).toEqual([]);
  await stage.federation.resume('verifier');
}

describe('a single verifier, with a plain file beside the log', () => {
  beforeAll(openStage(), 120_000);
  afterAll(() => stage.close(), 90_000);

  test.each(PROTOCOLS)(
    'has every decision over %s in both, and tells how the log stands',
    async (protocol) => {
      const [allowed, refused] = [fresh(), { ...fresh(), path: '/nowhere' }];
      for (const outgoing of [allowed, refused, allowed]) await stage.send(protocol, outgoing);
      const { checkpoint } = await expectRecorded([allowed]);
      const plain = standing(plainRecords()).slice(-3);
      expect(plain.map(({ code }) => code)).toEqual(['allow', 'no_policy', 'replayed_nonce']);
      const sealed = async (): Promise<AuditRecord[]> => standing((await read()).records);
      const last = plain.at(-1)?.decision_id;
      await until('the last one is sealed', async () => (await sealed()).at(-1)?.decision_id === last);
      expect((await sealed()).slice(-3)).toEqual(plain);
      const { records } = await read();
      expect(records.map(({ event }) => event)).toContain('verifier.started');
      await until('the status has what is sealed', async () => (await logStatus()).size >= checkpoint.size);
      expect(await logStatus()).toMatchObject({ fault: null });
      expect(await adminPage('/metrics')).toMatch(/^countersign_audit_log_healthy 1$/m);
      expect(await adminPage('/readyz')).toContain('"audit_log"');
    },
  );

  // Fault: verifier-killed
  test('kill -9 under load: what was answered is in one log, once', async () => {
    const earlier = await read();
    const accepted = await underLoad(async (load) => {
      await crash(stage, 'verifier');
      const killedMs = performance.now();
      await stage.federation.resume('verifier');
      await goesOn(load, killedMs);
    });
    await expectRecorded(accepted, earlier);
  }, 120_000);

  test('a stop leaves everything sealed, and the next start goes on with it', async () => {
    const earlier = await read();
    await expectWholeAtTheEnd();
    const outgoing = fresh();
    expect((await stage.send('HTTP/2', outgoing)).status).toBe(202);
    await expectRecorded([outgoing], earlier);
  }, 120_000);

  // Fault: rolling-replacement
  test('a successor takes over under load: no request fails, and both seal into one log', async () => {
    const earlier = await read();
    const load = new EvenLoad({ door: stage.door, perSecond: 200, make: fresh });
    await sleep(BEFORE_MILLISECONDS);
    const { configurationFile, run } = stage.federation.layout;
    const successor = new VerifierProcess({
      configurationFile,
      logFile: join(run, 'successor.log'),
      replace: true,
    });
    await untilGone(stage, 'verifier').finally(() => load.pause());
    const exchanged = await load.stop();
    expect(unlike(exchanged, 202)).toEqual([]);
    await expectRecorded(
      exchanged.map(({ outgoing }) => outgoing),
      earlier,
    );
    expect(await successor.stop()).toBe(0);
    expect((await read()).records.at(-1)?.event).toBe('verifier.stopped');
  }, 120_000);
});

describe('two workers whose records are on the disk before an answer leaves', () => {
  const withoutFile = (document: ConfigurationDocument): ConfigurationDocument => ({
    ...document,
    audit: { log: document.audit.log, durability: 'machine' },
  });
  beforeAll(openStage(withWorkers(2, { patchConfiguration: withoutFile })), 120_000);
  afterAll(() => stage.close(), 90_000);

  // Fault: worker-killed
  test('kill -9 of a worker under load: what it had answered is sealed from what it leaves', async () => {
    const accepted = await underLoad(async (load) => {
      process.kill(await workerPid(stage, 0), 'SIGKILL');
      const killedMs = performance.now();
      await goesOn(load, killedMs);
      await until('both serve', async () => (await workersOf(stage)).every(({ serving }) => serving));
    });
    await expectRecorded(accepted);
    expect(await logStatus()).toMatchObject({ fault: null });
  }, 120_000);

  // Fault: supervisor-killed
  test('kill -9 of the supervisor under load: its successor seals what its workers had answered', async () => {
    const earlier = await read();
    const accepted = await underLoad(async (load) => {
      await crash(stage, 'verifier');
      const killedMs = performance.now();
      await stage.federation.resume('verifier');
      await goesOn(load, killedMs);
    });
    await expectRecorded(accepted, earlier);
  }, 120_000);
});

// Fault: audit-disk-full
describe.each(['refuse', 'count'] as const)('a log whose disk is full, and failures %s', (onFailure) => {
  const disk = new SmallDisk();
  beforeAll(
    openStage({
      patchConfiguration: (document) => {
        const { log } = document.audit;
        const onDisk = log && { ...log, directory: join(disk.directory, 'log') };
        return { ...document, audit: { ...document.audit, log: onDisk, onFailure } };
      },
    }),
    120_000,
  );
  beforeAll(() => (directory = join(disk.directory, 'log')));
  afterAll(async () => {
    await stage.close();
    disk.remove();
  }, 90_000);

  const writeAheadFile = (): string => {
    const folder = join(directory, '.sequencer');
    return join(folder, readdirSync(folder).find((name) => name.startsWith('wal-')) ?? '');
  };

  test('is told of, loses nothing that was answered with a record, and goes on when there is room', async () => {
    const pid = stage.federation.pid('verifier')!;
    const lost = async (): Promise<number> =>
      Number(/^countersign_audit_records_lost_total (\d+)$/m.exec(await adminPage('/metrics'))?.[1]);
    const accepted = await underLoad(async (load) => {
      disk.fill(pid, writeAheadFile());
      await until('a record is lost', async () => (await lost()) > 0);
      const fullMs = performance.now();
      if (onFailure === 'refuse') {
        await until('nobody is let in', async () => (await stage.send('HTTP/2', fresh())).status === 503);
      } else await goesOn(load, fullMs);
      disk.empty(pid);
      await goesOn(load, performance.now());
    });
    if (onFailure === 'refuse') await expectRecorded(accepted);
    const afterwards = fresh();
    await until('there is room', async () => (await stage.send('HTTP/2', fresh())).status === 202);
    expect((await stage.send('HTTP/2', afterwards)).status).toBe(202);
    const { records } = await expectRecorded([afterwards]);
    expect(records.map(({ event }) => event)).toContain('audit.resumed');
  }, 120_000);
});
