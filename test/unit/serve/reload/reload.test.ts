import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { loadConfiguration } from '../../../../src/config/load.js';
import { fileState } from '../../../../src/config/files/read-file.js';
import type { FileStates, LoadResult } from '../../../../src/config/settings.js';
import { nodeSigner, type Signer } from '../../../../src/crypto/signing.js';
import { fingerprintsOf } from '../../../../src/feedback/feedback-settings.js';
import { loadFiles } from '../../../../src/serve/reload/load-files.js';
import { LifeRecords } from '../../../../src/serve/life-records.js';
import { LiveConfiguration } from '../../../../src/serve/reload/live-configuration.js';
import { localKey } from '../../../support/signing.js';
import {
  Reloader,
  startReloading,
  type ReloadCause,
  type ReloadOutcome,
} from '../../../../src/serve/reload/reload.js';
import {
  configurationText,
  createWorkspace,
  feedback,
  identity,
  loaded,
  nowMs,
  publicKeys,
  type Workspace,
} from '../../config/workspace.js';

let workspace: Workspace;
let file = '';
beforeEach(() => {
  workspace = createWorkspace();
  file = join(workspace.directory, 'countersign.yaml');
});
afterEach(() => workspace.remove());

const policies = [
  { name: 'telemetry', profile: 'federation.telemetry', schemaVersions: ['1.0'] },
  { name: 'feedback', profile: 'federation.feedback-query' },
];
const signing = (changes: Readonly<Record<string, unknown>> = {}) =>
  configurationText({ policies, feedback: feedback(), ...changes });

/** A reloader over the file of the workspace, started with this text. */
function setUp(text = signing(), signer: Signer = nodeSigner) {
  const live = new LiveConfiguration(loaded(workspace.load(text)));
  const told: [string, ReloadCause[]][] = [];
  const followed: FileStates[] = [];
  let loads = 0;
  let afterLoad = (): void => undefined;
  const load = (): LoadResult => {
    loads++;
    const result = loadConfiguration(file, { generation: 0, nowMs });
    afterLoad();
    return result;
  };
  const reloader = new Reloader({
    live,
    files: {
      load: () => {
        const { feedback: former } = live.snapshot;
        const tested = new Set(former && fingerprintsOf(former));
        return loadFiles({ load, signer, tested });
      },
    },
    onLoaded: (fileStates) => fileStates && followed.push(fileStates),
    onOutcome: ({ kind }, causes) => told.push([kind, [...causes]]),
  });
  return {
    live,
    told,
    followed,
    reloader,
    loads: () => loads,
    afterLoad: (act: () => void) => (afterLoad = act),
    write: (changes: Readonly<Record<string, unknown>> = {}) => writeFileSync(file, signing(changes)),
  };
}

const problemsIn = (outcome: ReloadOutcome): string =>
  outcome.kind === 'refused' ? outcome.problems.join('\n') : '';

describe('a reload', () => {
  it('puts a good configuration in force whole, under the next generation', async () => {
    const { live, reloader, write, told } = setUp();
    const former = live.snapshot;
    write({ identities: [identity({ name: 'producer-b' })] });
    expect(await reloader.reload('signal')).toMatchObject({ kind: 'applied', generation: 2 });
    expect([...live.snapshot.identities.keys()]).toEqual(['producer-b']);
    expect([...former.identities.keys()]).toEqual(['producer-a']);
    expect([live.snapshot.generation, former.generation]).toEqual([2, 1]);
    expect(told).toEqual([['applied', ['signal']]]);
  });

  it('names the warnings of what it has put in force', async () => {
    const { reloader, write } = setUp();
    write({ identities: [identity({ operators: undefined })] });
    expect(await reloader.reload('file')).toMatchObject({
      kind: 'applied',
      warnings: [expect.stringContaining('identities[0]') as string],
    });
  });

  // Fault: reload-bad
  it.each<[string, (workspace: Workspace) => unknown, string]>([
    ['a broken file', () => writeFileSync(file, 'version: ['), 'countersign.yaml'],
    ['no file', () => rmSync(file), 'does not exist'],
    ['a file cut short', () => writeFileSync(file, signing().slice(0, -20)), 'countersign.yaml'],
    ['an unknown key', () => writeFileSync(file, signing({ polices: [] })), 'polices'],
    [
      'a key file that is gone',
      ({ directory }) => rmSync(join(directory, 'keys/fb-2026.pem')),
      'does not exist',
    ],
    [
      'a key file that is another',
      ({ directory }) => writeFileSync(join(directory, 'keys/fb-2026.pem'), 'rubbish'),
      'cannot be used',
    ],
  ])('keeps the last good configuration on %s', async (_what, spoil, problem) => {
    const { live, reloader, told } = setUp();
    const former = live.current;
    spoil(workspace);
    expect(problemsIn(await reloader.reload('file'))).toContain(problem);
    expect(live.current).toBe(former);
    expect(told).toEqual([['refused', ['file']]]);
  });

  it('is good again once the files are', async () => {
    const { live, reloader, write } = setUp();
    writeFileSync(file, 'version: [');
    await reloader.reload('file');
    write();
    expect(await reloader.reload('file')).toMatchObject({ kind: 'applied', generation: 2 });
    expect(live.snapshot.generation).toBe(2);
  });

  it('follows every file that was named, also by a configuration that was refused', async () => {
    const { reloader, followed } = setUp();
    rmSync(join(workspace.directory, 'keys/fb-2026.pem'));
    await reloader.reload('file');
    expect([...followed[0]!.keys()]).toEqual([file, join(workspace.directory, 'keys/fb-2026.pem')]);
  });
});

const AUDIT_LOG = {
  directory: 'state/audit-log',
  origin: 'countersign.example/federation',
  keyFile: 'keys/fb-own.key',
};

describe('settings that something was opened with', () => {
  // Fault: reload-bad
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['listen.socket', { listen: { socket: 'other.sock' } }],
    ['admin', { admin: { port: 9_999 } }],
    ['audit', { audit: { file: 'other.ndjson' } }],
    ['audit', { audit: { stdout: true, durability: 'process', onFailure: 'count' } }],
    ['audit', { audit: { stdout: true, log: AUDIT_LOG } }],
    ['nonces', { nonces: { store: 'memory' } }],
    ['nonces', { nonces: { directory: 'elsewhere' } }],
    ['limits.maxBodyBytes', { limits: { maxBodyBytes: 1_000 } }],
    ['limits.checkTimeoutMilliseconds', { limits: { checkTimeoutMilliseconds: 500 } }],
    ['freshness.pastSkewSeconds', { freshness: { pastSkewSeconds: 31 } }],
    ['freshness.futureSkewSeconds', { freshness: { futureSkewSeconds: 31 } }],
    ['feedback.maxAnswerBytes', { feedback: feedback({ maxAnswerBytes: 2_097_152 }) }],
    ['feedback.executions.maxPerTenant', { feedback: feedback({ executions: { maxPerTenant: 5 } }) }],
    [
      'feedback.executions.retentionSeconds',
      { feedback: feedback({ executions: { retentionSeconds: 86_401 } }) },
    ],
  ])('%s needs a restart, and nothing else of that file is taken over either', async (place, changes) => {
    const { live, reloader, write } = setUp();
    const former = live.current;
    write({ ...changes, identities: [identity({ name: 'producer-b' })] });
    expect(problemsIn(await reloader.reload('file'))).toContain(`${place}: needs a restart`);
    expect(live.current).toBe(former);
  });

  it('are compared with those of the start, not with those of the last reload', async () => {
    const { reloader, write } = setUp(signing({ freshness: { pastSkewSeconds: 60 } }));
    write({ freshness: { pastSkewSeconds: 10 } });
    expect((await reloader.reload('file')).kind).toBe('applied');
    write({ freshness: { pastSkewSeconds: 60 } });
    expect((await reloader.reload('file')).kind).toBe('applied');
    write({ freshness: { pastSkewSeconds: 61 } });
    expect((await reloader.reload('file')).kind).toBe('refused');
  });

  it('include feedback where there was none, whose store was never opened', async () => {
    const { reloader } = setUp(configurationText());
    writeFileSync(file, signing());
    expect(problemsIn(await reloader.reload('file'))).toContain('feedback: needs a restart');
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['the level of the log', { log: { level: 'debug' } }],
    ['how long draining may take', { limits: { drainMilliseconds: 5_000, drainDelayMilliseconds: 1 } }],
    ['a narrower window', { freshness: { pastSkewSeconds: 5, futureSkewSeconds: 5 } }],
    ['shorter answers', { feedback: feedback({ maxAnswerBytes: 1_000 }) }],
    ['the names of headers', { headers: { identity: 'X-Caller' } }],
    ['a rate limit', { rateLimit: { perMinute: 7 } }],
  ])('do not include %s', async (_what, changes) => {
    const { reloader, write } = setUp();
    write(changes);
    expect((await reloader.reload('file')).kind).toBe('applied');
  });
});

// Fault: reload-storm
describe('a storm of reloads', () => {
  it('is one load under way and one that follows, by which all the rest are answered', async () => {
    const { live, reloader, loads, told } = setUp();
    const first = reloader.reload('signal');
    const storm = Array.from({ length: 500 }, (_, index) => reloader.reload(index % 2 ? 'file' : 'request'));
    const outcomes = await Promise.all([first, ...storm]);
    expect(loads()).toBe(1);
    await Promise.all([reloader.reload('signal'), reloader.reload('signal')]);
    expect([loads(), live.snapshot.generation]).toEqual([2, 3]);
    expect(new Set(outcomes).size).toBe(1);
    expect(told[0]).toEqual(['applied', ['signal', 'request', 'file']]);
  });

  it('ends with what was written last: whoever asks during a load is answered by another', async () => {
    const { live, reloader, write, afterLoad, loads } = setUp();
    let second: Promise<ReloadOutcome> | undefined;
    afterLoad(() => {
      afterLoad(() => undefined);
      second = reloader.reload('file');
    });
    write({ identities: [identity({ name: 'producer-b' })] });
    await reloader.reload('file');
    write({ identities: [identity({ name: 'producer-c' })] });
    await second;
    expect([loads(), ...live.snapshot.identities.keys()]).toEqual([2, 'producer-c']);
  });
});

// Fault: reload-torn
describe('files that change while they are read', () => {
  it('are read again, so that no mixture comes in force', async () => {
    const { live, reloader, afterLoad, loads } = setUp();
    const text = readFileSync(file, 'utf8');
    afterLoad(() => {
      if (loads() < 3) writeFileSync(file, `${text}${' '.repeat(loads())}`);
    });
    expect((await reloader.reload('file')).kind).toBe('applied');
    expect([loads(), live.snapshot.generation]).toEqual([3, 2]);
  });

  it('are given up when they go on changing, and the last good configuration stays', async () => {
    const { live, reloader, afterLoad, loads } = setUp();
    const text = readFileSync(file, 'utf8');
    afterLoad(() => writeFileSync(file, `${text}${' '.repeat(loads())}`));
    expect(problemsIn(await reloader.reload('file'))).toContain('go on changing');
    expect(live.snapshot.generation).toBe(1);
  });

  it('are noticed by content and mode, whatever their times say', () => {
    const path = join(workspace.directory, 'keys/fb-own.key');
    const before = fileState(path);
    writeFileSync(path, readFileSync(path));
    expect(fileState(path)).toBe(before);
    writeFileSync(path, 'another');
    expect(fileState(path)).not.toBe(before);
  });
});

describe('feedback keys', () => {
  const rotated = {
    feedback: feedback({
      keys: [
        { kid: 'fb-2026', privateKeyFile: 'keys/fb-2026.pem' },
        { kid: 'fb-2028', privateKeyFile: 'keys/fb-2028.key' },
      ],
      activeKid: 'fb-2028',
    }),
  };
  const message = Buffer.from('an answer');

  it('and the active one change by reload, with overlap', async () => {
    const { live, reloader, write } = setUp();
    write(rotated);
    await reloader.reload('file');
    const { defaultDomain } = live.snapshot.feedback!;
    expect([defaultDomain.activeKid, defaultDomain.keys.map(({ kid }) => kid)]).toEqual([
      'fb-2028',
      ['fb-2026', 'fb-2028'],
    ]);
    expect(localKey(defaultDomain.keys[0]).sign(nodeSigner, message)).toHaveLength(64);
  });

  it('are tested before they come in force, new ones alone', async () => {
    const signed: string[] = [];
    const wrong: Signer = {
      name: 'wrong',
      sign: (key) => {
        signed.push(key.publicKey.fingerprint);
        return new Uint8Array(64);
      },
    };
    const { live, reloader, write } = setUp(signing(), wrong);
    const [kept] = live.snapshot.feedback!.defaultDomain.keys;
    write();
    expect((await reloader.reload('file')).kind).toBe('applied');
    expect(signed).toEqual([]);
    write(rotated);
    expect(problemsIn(await reloader.reload('file'))).toContain(
      'self-test failed for the feedback key fb-2028',
    );
    expect(signed).not.toContain(kept!.publicKey.fingerprint);
    expect(live.snapshot.generation).toBe(2);
  });

  it('that are no longer in force are wiped once the last answer that may use them has left', async () => {
    const { live, reloader, write } = setUp();
    const [former] = live.snapshot.feedback!.defaultDomain.keys;
    const [release, another] = [live.hold(), live.hold()];
    write(rotated);
    await reloader.reload('file');
    release();
    expect(localKey(former).sign(nodeSigner, message)).toHaveLength(64);
    another();
    expect(() => localKey(former).sign(nodeSigner, message)).toThrow('zeroized');
    const [current] = live.snapshot.feedback!.defaultDomain.keys;
    expect(localKey(current).sign(nodeSigner, message)).toHaveLength(64);
  });

  it('that nobody uses are wiped at once', async () => {
    const { live, reloader, write } = setUp();
    const [former] = live.snapshot.feedback!.defaultDomain.keys;
    live.hold()();
    expect(localKey(former).sign(nodeSigner, message)).toHaveLength(64);
    write();
    await reloader.reload('file');
    expect(() => localKey(former).sign(nodeSigner, message)).toThrow('zeroized');
  });
});

test('the keys of requests need no restart', async () => {
  const { live, reloader, write } = setUp();
  write({ identities: [identity({ keys: [{ kid: 'k2', publicKey: publicKeys.second }] })] });
  expect((await reloader.reload('file')).kind).toBe('applied');
  expect(live.snapshot.identities.get('producer-a')!.keys.map(({ kid }) => kid)).toEqual(['k2']);
});

test('a warning is logged when a reload brings it, and not again', async () => {
  const careless = { identities: [identity({ operators: undefined })] };
  const live = new LiveConfiguration(loaded(workspace.load(signing())));
  const lines: string[] = [];
  const reloading = startReloading({
    live,
    files: {
      load: () =>
        loadFiles({ load: () => loadConfiguration(file, { generation: 0, nowMs }), signer: nodeSigner }),
    },
    fileStates: new Map(),
    registry: new Registry(),
    logger: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
    life: new LifeRecords({ append: () => Promise.reject(new Error('a full disk')) }, () => nowMs),
  });
  for (const attestations of [[], ['a'.repeat(64)]]) {
    const changed = careless.identities.map((one) => ({
      ...one,
      ...(attestations.length > 0 && { attestations }),
    }));
    writeFileSync(file, signing({ identities: changed }));
    expect(await reloading.reload('request')).toMatchObject({
      kind: 'applied',
      warnings: [expect.stringContaining('identities[0]') as string],
    });
  }
  reloading.close();
  expect(lines.filter((line) => line.includes('identities[0]'))).toHaveLength(1);
});

test('the audit log is told of a reload, of each key that came or went, and of one that was refused', async () => {
  const live = new LiveConfiguration(loaded(workspace.load(signing())));
  const records: Record<string, unknown>[] = [];
  const append = (line: string): Promise<'written'> => {
    records.push(JSON.parse(line) as Record<string, unknown>);
    return Promise.resolve('written');
  };
  const reloading = startReloading({
    live,
    files: {
      load: () =>
        loadFiles({ load: () => loadConfiguration(file, { generation: 0, nowMs }), signer: nodeSigner }),
    },
    fileStates: new Map(),
    registry: new Registry(),
    logger: pino({ level: 'silent' }),
    life: new LifeRecords({ append }, () => nowMs),
  });
  writeFileSync(
    file,
    signing({ identities: [identity({ keys: [{ kid: 'k2', publicKey: publicKeys.second }] })] }),
  );
  await reloading.reload('signal');
  writeFileSync(file, 'version: 1\n');
  await reloading.reload('request');
  reloading.close();
  expect(records.map(({ event, kid, identity: owner, causes }) => [event, kid ?? causes, owner])).toEqual([
    ['configuration.reloaded', ['signal'], undefined],
    ['key.added', 'k2', 'producer-a'],
    ['key.removed', 'k1', 'producer-a'],
    ['configuration.refused', ['request'], undefined],
  ]);
  expect(records[1]).toMatchObject({
    generation: 2,
    key_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
});
