/**
 * What the verifier writes, when files are moved, readers stall or go away and disks are full: service goes on or says
 * 503, every line is whole, and the last record of a request says what became of it.
 */
// Faults: every test
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, closeSync, readdirSync, readFileSync } from 'node:fs';
import { renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { until } from '../support/until.js';
import { countOf, letThrough, sentAgain } from './support/afterwards.js';
import type { AuditRecord } from './support/audit-reader.js';
import { EvenLoad, unlike, type Exchanged } from './support/even-load.js';
import type { Outgoing } from './support/outgoing.js';
import { Pipe } from './support/pipe.js';
import { telemetry } from './support/requests.js';
import { SmallDisk } from './support/small-disk.js';
import { Stage } from './support/stage.js';
import { VerifierProcess } from './support/verifier-process.js';
import { withWorkers } from './support/workers.js';
import { worldOf, type World } from './support/world.js';

const PER_SECOND = 300;

let stage: Stage;
let world: World;
let document: ConfigurationDocument;
let folder = '';
let configurations = 0;

/** With a window in which everything can be sent again. */
function prepare(original: ConfigurationDocument): ConfigurationDocument {
  document = { ...original, freshness: { pastSkewSeconds: 300 } };
  return document;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'outputs-'));
  stage = await Stage.open({ patchConfiguration: prepare });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
}, 90_000);

/** Sends until it is paused, and resolves with what became of everything. */
function load(perSecond = PER_SECOND): EvenLoad {
  const make = (): Outgoing => telemetry({ by: world.a });
  return new EvenLoad({ door: stage.door, perSecond, make });
}

async function underLoad(act: (sent: () => number) => Promise<void> | void): Promise<readonly Exchanged[]> {
  const going = load();
  try {
    const startedMs = performance.now();
    const sent = (): number => ((performance.now() - startedMs) / 1000) * PER_SECOND;
    await until('the load has begun', () => sent() > 50);
    await act(sent);
    await until('it goes on for a while', () => sent() > 300);
  } finally {
    going.pause();
  }
  return going.stop();
}

async function send(outgoing: Outgoing = telemetry({ by: world.a })): Promise<number> {
  return (await stage.send('HTTP/2', outgoing)).status;
}

/** One of several workers may serve a moment before the admin port is open. */
async function served(): Promise<void> {
  await until('a request is let through', async () => (await send()) === 202);
  await until('the admin port is open', () =>
    page('/livez').then(
      () => true,
      () => false,
    ),
  );
}

const statusOf = ({ answer }: Exchanged): number => answer.status;

function parsed(text: string): AuditRecord[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditRecord);
}

/** What the last record of each decision says. */
function lastWords(records: readonly AuditRecord[]): AuditRecord[] {
  return [...new Map(records.map((record) => [record.decision_id, record])).values()];
}

/** The decision log and what it was before, compressed or not, oldest first. */
function decisionFiles(): string[] {
  const files = readdirSync(stage.federation.layout.audit).filter((name) =>
    name.startsWith('decisions.ndjson'),
  );
  return files.map((name) => join(stage.federation.layout.audit, name));
}

function contentOf(file: string): string {
  const bytes = readFileSync(file);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

const auditFile = (): string => join(stage.federation.layout.audit, 'decisions.ndjson');
const verifierLog = (): string => readFileSync(join(stage.federation.layout.run, 'verifier.log'), 'utf8');
const countIn = (text: string, part: string): number => text.split(part).length - 1;

async function page(path: string): Promise<string> {
  return (await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}${path}`)).body;
}

async function metric(name: string): Promise<number> {
  const line = (await page('/metrics')).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}

// Fault: audit-moved
describe('records whose file is moved under load', () => {
  /** The example, for the folders of this stage, and run now. */
  function rotate(change: (text: string) => string = (text) => text): void {
    const { layout } = stage.federation;
    const program = execFileSync('scripts/logrotate.sh', {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const file = join(folder, 'logrotate.conf');
    const example = readFileSync('examples/logrotate/countersign', 'utf8')
      .replaceAll('/var/log/countersign', layout.audit)
      .replaceAll('/run/countersign', layout.run);
    writeFileSync(file, change(example), { mode: 0o644 });
    execFileSync(program.trim(), ['--force', '--state', join(folder, 'logrotate.state'), file]);
  }

  const without = (files: readonly string[]): void => files.forEach((file) => rmSync(file));

  test.each<[string, (text: string) => string]>([
    ['as the example for logrotate says', (text) => text],
    ['by logrotate that makes the new file itself', (text) => text.replaceAll('nocreate', 'create')],
  ])(
    '%s: no request fails, each has one record in one of the files',
    async (_how, change) => {
      without(decisionFiles());
      const told = countIn(verifierLog(), 'opened anew');
      const exchanged = await underLoad(async (sent) => {
        for (const after of [100, 170, 240]) {
          await until('more was sent', () => sent() > after);
          // Otherwise logrotate leaves it alone, and there is a file less than rotations.
          await until('the file has records', () => existsSync(auditFile()) && contentOf(auditFile()) !== '');
          rotate(change);
        }
        await until('and has some again', () => existsSync(auditFile()) && contentOf(auditFile()) !== '');
      });
      expect(unlike(exchanged, 202)).toEqual([]);
      const files = decisionFiles();
      expect(files.length).toBeGreaterThanOrEqual(4);
      const { count, twice } = letThrough(files.flatMap((file) => parsed(contentOf(file))));
      expect([count, twice]).toEqual([exchanged.length, []]);
      expect(countIn(verifierLog(), 'opened anew')).toBeGreaterThan(told);
    },
    60_000,
  );

  test('and Envoy’s access log with it, as the example says', async () => {
    const access = join(stage.federation.layout.audit, 'access.ndjson');
    await served();
    await until('Envoy has written of it', () => readFileSync(access, 'utf8') !== '');
    rotate();
    await until('Envoy has a new file', () => existsSync(access));
    await served();
    await until('Envoy writes to it', () => readFileSync(access, 'utf8').includes('"'));
  }, 90_000);

  test('by logrotate with copytruncate: no request fails, every line is whole and none has a hole', async () => {
    without(decisionFiles());
    const exchanged = await underLoad(async (sent) => {
      await until('more was sent', () => sent() > 150);
      rotate((text) => text.replaceAll('nocreate', 'copytruncate').replaceAll('delaycompress', ''));
      await until('the file has enough again', () => contentOf(auditFile()).split('\n').length > 60);
    });
    expect(unlike(exchanged, 202)).toEqual([]);
    const now = contentOf(auditFile());
    expect(parsed(now).length).toBeGreaterThan(50);
    // The copy is of a file that grows: its end may be any byte of a record.
    const [copy = ''] = decisionFiles().filter((file) => file !== auditFile());
    const lines = contentOf(copy).split('\n').slice(0, -1);
    expect(parsed(lines.join('\n')).length).toBeGreaterThan(50);
  }, 90_000);

  test('by removing it: whoever comes after is in the file that the path names', async () => {
    await served();
    unlinkSync(auditFile());
    const exchanged = await underLoad(() => undefined);
    expect(unlike(exchanged, 202)).toEqual([]);
    expect(letThrough(parsed(contentOf(auditFile())))).toEqual({ count: exchanged.length, twice: [] });
  }, 90_000);

  test('and SIGHUP opens it anew, without a request', async () => {
    renameSync(auditFile(), join(stage.federation.layout.audit, 'aside.ndjson'));
    process.kill(stage.federation.pid('verifier')!, 'SIGHUP');
    await until('the file is there', () => existsSync(auditFile()));
    await served();
  }, 90_000);

  test('to where none can be made: 503 and not ready, and it goes on by itself', async () => {
    const { audit } = stage.federation.layout;
    await served();
    renameSync(audit, `${audit}.aside`);
    writeFileSync(audit, 'in the way');
    const outgoing = telemetry({ by: world.a });
    const before = (await stage.arrivals()).at(-1)?.sequence;
    expect(await send(outgoing)).toBe(503);
    await until('it says so', async () => (await page('/readyz')).includes(audit));
    expect(await send(outgoing)).toBe(503);
    expect((await stage.arrivals()).at(-1)?.sequence).toBe(before);
    rmSync(audit);
    mkdirSync(audit, { mode: 0o750 });
    // The file is made anew. The log, which lies in the same folder, is not: that would be another log.
    expect(await send(outgoing)).toBe(503);
    renameSync(join(`${audit}.aside`, 'log'), stage.federation.layout.auditLog);
    await until('the same bytes pass', async () => (await send(outgoing)) === 202);
    expect(parsed(contentOf(auditFile())).some(({ code }) => code === 'allow')).toBe(true);
  }, 90_000);
});

describe('another verifier in the place of that of the stage', () => {
  const running: VerifierProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((one) => one.stop()));
  };
  beforeAll(() => stage.federation.interrupt('verifier'), 60_000);
  afterEach(stop, 60_000);

  function start(
    changes: Partial<ConfigurationDocument>,
    streams: { stdout?: number; stderr?: number },
  ): VerifierProcess {
    const configurationFile = join(stage.directory, `outputs-${++configurations}.yaml`);
    writeFileSync(
      configurationFile,
      stringify({ ...document, limits: { drainDelayMilliseconds: 0 }, ...changes }),
      { mode: 0o600 },
    );
    const one = new VerifierProcess({ configurationFile, logFile: join(folder, 'verifier.log'), ...streams });
    running.push(one);
    return one;
  }

  /** Whatever was refused passes now, so it was not let in before. Gives all that was. */
  async function expectRefusedOnesPass(exchanged: readonly Exchanged[]): Promise<Outgoing[]> {
    const refused = exchanged.filter((one) => statusOf(one) !== 202).map(({ outgoing }) => outgoing);
    expect(countOf(await sentAgain(stage, refused))).toEqual(
      refused.length === 0 ? {} : { 202: refused.length },
    );
    return exchanged.map(({ outgoing }) => outgoing);
  }

  // Fault: audit-reader-stalled
  test('whose records go to a pipe: its reader stalls twice under load; every line is whole, nobody is let in without a record', async () => {
    const pipe = new Pipe(folder, 'records');
    pipe.read();
    start({ audit: { stdout: true, onFailure: 'refuse' } }, { stdout: pipe.writer });
    pipe.closeWriter();
    await served();
    const going = load(400);
    let exchanged: readonly Exchanged[] = [];
    try {
      for (const stall of [1, 2]) {
        pipe.stall();
        await until('records are refused', async () => (await send()) === 503);
        await until('it says so', async () => (await page('/readyz')).includes('stalled'));
        pipe.read();
        await until(`it goes on after stall ${stall}`, async () => (await send()) === 202);
      }
    } finally {
      exchanged = await going.stop();
    }
    const statuses = countOf(exchanged.map(statusOf));
    expect(Object.keys(statuses)).toEqual(['202', '503']);
    await served();
    const all = await expectRefusedOnesPass(exchanged);
    expect(countOf(await sentAgain(stage, all))).toEqual({ 409: all.length });
    await stop();
    await until('all is read', () => parsed(pipe.text).length > 0 && pipe.text.endsWith('\n'));
    pipe.closeReader();
    const records = parsed(pipe.text);
    const passed = letThrough(lastWords(records));
    expect(passed.twice).toEqual([]);
    expect(passed.count).toBeGreaterThanOrEqual(all.length);
    expect(records.some(({ event }) => event === 'audit.resumed')).toBe(true);
  }, 90_000);

  // Fault: audit-reader-stalled
  test('whose records go to a pipe: a short stall costs nobody anything', async () => {
    const pipe = new Pipe(folder, 'short');
    pipe.read();
    start({ audit: { stdout: true, onFailure: 'refuse' } }, { stdout: pipe.writer });
    await served();
    await until('what was read before is not of this', () => pipe.text.endsWith('\n'));
    pipe.stall();
    pipe.fill(join(folder, 'short'));
    const waiting = Promise.all(Array.from({ length: 8 }, () => send()));
    setTimeout(() => pipe.read(), 150);
    expect(countOf(await waiting)).toEqual({ 202: 8 });
    await stop();
    pipe.closeWriter();
    pipe.closeReader();
  }, 90_000);

  // Fault: audit-reader-stalled
  test('whose records go to a pipe that nobody has any more: 503, and SIGTERM is heeded', async () => {
    const pipe = new Pipe(folder, 'closed');
    pipe.read();
    const one = start({ audit: { stdout: true, onFailure: 'refuse' } }, { stdout: pipe.writer });
    pipe.closeWriter();
    await served();
    pipe.closeReader();
    expect(await send()).toBe(503);
    expect(await one.stop()).toBe(0);
  }, 90_000);

  describe('of two workers, which share their log', () => {
    beforeAll(async () => {
      await stage.federation.resume('verifier');
      await stage.change(withWorkers(2, { patchConfiguration: prepare }));
      document = { ...document, workers: 2 };
      await stage.federation.interrupt('verifier');
    }, 90_000);

    // Fault: log-unwritable
    test.each<[string, (pipe: Pipe) => number]>([
      ['a full disk', () => openSync('/dev/full', 'w')],
      [
        'a pipe whose reader has stalled',
        (pipe) => {
          pipe.fill(join(folder, `log-${configurations}`));
          return pipe.writer;
        },
      ],
      [
        'a pipe without a reader',
        (pipe) => {
          pipe.closeReader();
          return pipe.writer;
        },
      ],
    ])(
      'whose log is %s: it serves, counts what is lost, and ends when it is told to',
      async (title, open) => {
        const pipe = new Pipe(folder, `log-${configurations}`);
        const stderr = open(pipe);
        const one = start({ log: { level: 'info' } }, { stderr });
        await served();
        const isKept = title.includes('stalled');
        await until(
          'a line is lost',
          async () => isKept || (await metric('countersign_log_lines_lost_total')) > 3,
        );
        one.signal('SIGHUP');
        await served();
        expect(one.hasEnded).toBe(false);
        if (isKept) {
          pipe.read();
          await until('what waited is read', () => pipe.text.includes('"msg":"a worker listens"'));
          for (const line of pipe.text.split('\n').slice(0, -1)) if (line !== '') JSON.parse(line);
          pipe.closeReader();
        }
        expect(await one.stop()).toBe(0);
        closeSync(stderr);
      },
      60_000,
    );

    // Fault: log-unwritable
    test('whose log is on a disk that fills up: it tells how much was lost when there is room again', async () => {
      const disk = new SmallDisk();
      const file = join(disk.directory, 'verifier.log');
      const stderr = openSync(file, 'a', 0o600);
      const one = start({ log: { level: 'info' } }, { stderr });
      try {
        await served();
        const { pid } = one;
        disk.fill(pid, file);
        const before = await metric('countersign_log_lines_lost_total');
        await until('a line is lost', async () => {
          one.signal('SIGHUP');
          return (await metric('countersign_log_lines_lost_total')) > before;
        });
        await served();
        disk.empty(pid);
        await until('it tells of it', () => readFileSync(file, 'utf8').includes('"lost_lines"'));
        const ended = await one.stop();
        const log = readFileSync(file, 'utf8');
        expect({ ended, log: ended === 0 ? '' : log.slice(-4_000) }).toEqual({ ended: 0, log: '' });
        for (const line of log.split('\n')) if (line !== '') JSON.parse(line);
      } finally {
        await stop();
        closeSync(stderr);
        disk.remove();
      }
    }, 90_000);
  });
});
