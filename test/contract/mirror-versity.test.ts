/** The mirror against a real S3 server with Object Lock (versitygw): what lies there, what cannot be undone, and outages. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SealedLog } from '../../src/audit/holders/sealed-log.js';
import { openMirror, type MirrorSettings, type OpenMirror } from '../../src/audit/mirror/open-mirror.js';
import { decodeEntries } from '../../src/tlog/entries.js';
import { leafHash, TILE_WIDTH } from '../../src/tlog/merkle.js';
import { rootFromTiles } from '../../src/tlog/proofs.js';
import { TreeEdge } from '../../src/tlog/tree-edge.js';
import { SmallDisk } from '../e2e/support/small-disk.js';
import { GrowingLog } from '../support/audit/growing-log.js';
import { VersityServer } from '../support/audit/versity-server.js';

const DAY_MS = 86_400_000;

let server: VersityServer;
let log: GrowingLog;
let bucket: string;
let buckets = 0;
let nowMs: number;

beforeAll(async () => {
  server = await VersityServer.start();
});
afterAll(() => server.remove());
beforeEach(async () => {
  nowMs = 0;
  log = new GrowingLog();
  bucket = `audit-${buckets++}`;
  await server.makeBucket(bucket);
});
afterEach(() => log.remove());

function open(over: Partial<MirrorSettings> = {}): Promise<OpenMirror> {
  const settings: MirrorSettings = {
    endpoint: server.endpoint,
    bucket,
    prefix: 'logs/one/',
    region: 'us-east-1',
    retentionDays: 30,
    mode: 'COMPLIANCE',
    authority: undefined,
    intervalSeconds: 0,
    timeoutMilliseconds: 20_000,
    ...over,
  };
  return openMirror(settings, {
    log: log.sealed,
    progressPath: join(log.directory, 'mirror.json'),
    credentials: () => VersityServer.credentials,
    onChange: () => undefined,
    nowMs: () => Date.now(),
    monotonicMs: () => nowMs,
  });
}

/** What somebody has who downloads the bucket: it is a log, whole, and signed. Gives its records. */
async function downloaded(s3 = server): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'downloaded-'));
  try {
    for (const name of await s3.names(bucket)) {
      const { bytes } = await s3.request('GET', `/${bucket}/${name}`);
      const path = join(folder, name.slice('logs/one/'.length));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
    return await recordsOf(new SealedLog(folder, log.sealed.verifier));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function recordsOf(sealed: SealedLog): Promise<string[]> {
  const checkpoint = await sealed.checkpoint();
  if (checkpoint === undefined) return [];
  const { size, root } = checkpoint;
  const records: Buffer[] = [];
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - first);
    records.push(...decodeEntries(await sealed.bundle(first / TILE_WIDTH, width), width));
  }
  const edge = TreeEdge.at(0, () => Buffer.alloc(0));
  for (const record of records) edge.append(leafHash(record));
  expect(edge.root()).toEqual(Buffer.from(root));
  expect(await rootFromTiles(sealed, size)).toEqual(Buffer.from(root));
  return records.map(String);
}

const records = (count: number) => Array.from({ length: count }, (_, index) => `{"record":${index}}`);

describe('with versitygw', () => {
  it('what lies in the bucket is the log, at every checkpoint that was mirrored', async () => {
    const { mirror, close } = await open();
    for (const more of [1, 254, 1, 1, 700]) {
      log.grow(more);
      await mirror.look();
      expect(mirror.status()).toMatchObject({ size: log.size, lagSeconds: 0, fault: undefined });
      expect(await downloaded()).toEqual(records(log.size));
    }
    const sizes = [1, 255, 256, 257, 957].map(
      (size) => `logs/one/checkpoints/${String(size).padStart(16, '0')}`,
    );
    expect((await server.names(bucket)).filter((name) => name.includes('/checkpoints/'))).toEqual(sizes);
    await close();
  });

  it('nobody can delete an object or shorten its time, its owner neither', async () => {
    log.grow(300);
    const { mirror, close } = await open();
    await mirror.look();
    await close();
    for (const name of await server.names(bucket)) {
      const { headers } = await server.request('HEAD', `/${bucket}/${name}`);
      expect(headers.get('x-amz-object-lock-mode')).toBe('COMPLIANCE');
      const until = Date.parse(headers.get('x-amz-object-lock-retain-until-date') ?? '');
      expect(until).toBeGreaterThan(Date.now() + 29.9 * DAY_MS);
      const version = headers.get('x-amz-version-id') ?? '';
      const deleted = await server.request('DELETE', `/${bucket}/${name}?versionId=${version}`);
      expect(deleted.status).toBe(403);
      const sooner = new Date(Date.now() + DAY_MS).toISOString();
      const shortened = await server.request('PUT', `/${bucket}/${name}?retention&versionId=${version}`, {
        body: `<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>${sooner}</RetainUntilDate></Retention>`,
      });
      expect([400, 403]).toContain(shortened.status);
    }
    expect(await downloaded()).toEqual(records(300));
  });

  it('keeps every checkpoint as a version of its name', async () => {
    const { mirror, close } = await open({ mode: 'GOVERNANCE' });
    for (const more of [3, 4]) {
      log.grow(more);
      await mirror.look();
    }
    await close();
    const { text } = await server.request('GET', `/${bucket}?versions&prefix=logs/one/checkpoint`);
    const versions = text.split('<Version>').filter((one) => one.includes('<Key>logs/one/checkpoint</Key>'));
    expect(versions).toHaveLength(2);
  });

  it('mirrors the checkpoint that witnesses have cosigned, with the partial tiles that it needs', async () => {
    log.publish('checkpoint.witnessed', log.grow(100));
    log.grow(30);
    const { mirror, close } = await open();
    await mirror.look();
    await close();
    const there = (name: string) => server.request('GET', `/${bucket}/logs/one/${name}`);
    expect((await there('checkpoint.witnessed')).text.split('\n')[1]).toBe('100');
    expect((await there('checkpoints/0000000000000100')).status).toBe(200);
    expect((await there('tile/0/000.p/100')).status).toBe(200);
    expect((await there('tile/entries/000.p/100')).status).toBe(200);
    expect(await downloaded()).toEqual(records(130));
  });

  it('resumes where it was when the server was killed in the middle, and loses nothing', async () => {
    log.grow(20_000);
    const killed = await open({ timeoutMilliseconds: 5_000 });
    const looking = killed.mirror.look();
    while ((await server.names(bucket)).length < 20);
    await server.kill();
    await looking;
    expect(killed.mirror.status()).toMatchObject({ size: 0, isConflict: false });
    expect(killed.mirror.status().fault).toMatch(/closed the connection|refuses connections/);
    log.grow(300);
    nowMs += 60_000;
    expect(killed.mirror.status().lagSeconds).toBe(60);
    await server.start();
    await killed.mirror.look();
    expect(killed.mirror.status()).toMatchObject({ size: 20_300, lagSeconds: 0, fault: undefined });
    await killed.close();
    expect(await downloaded()).toEqual(records(20_300));
  });

  it.each(['kept', 'lost'])('goes on after a restart, its progress %s', async (progress) => {
    log.grow(1_000);
    const before = await open();
    await before.mirror.look();
    await before.close();
    if (progress === 'lost') rmSync(join(log.directory, 'mirror.json'));
    log.grow(1_000);
    const after = await open();
    await after.mirror.look();
    expect(after.mirror.status()).toMatchObject({ size: 2_000, fault: undefined });
    await after.close();
    expect(await downloaded()).toEqual(records(2_000));
  });

  it('does not take a server that stands still for one that has it', async () => {
    log.grow(10);
    server.pause();
    try {
      const { mirror, close } = await open({ timeoutMilliseconds: 300 });
      await mirror.look();
      expect(mirror.status()).toMatchObject({ size: 0, fault: 'has not answered within 300 ms' });
      await close();
    } finally {
      // Also for the tests after this one.
      server.resume();
    }
    const again = await open();
    await again.mirror.look();
    expect(again.mirror.status()).toMatchObject({ size: 10, fault: undefined });
    await again.close();
  });

  it('waits for a full disk to be emptied', async () => {
    const disk = new SmallDisk();
    const small = await VersityServer.start({ folder: disk.directory });
    try {
      await small.makeBucket(bucket);
      disk.fill(small.pid, join(disk.directory, 'data'));
      log.grow(20_000, (index) => `{"record":${index},"more":"${'x'.repeat(300)}"}`);
      const { mirror, close } = await open({ endpoint: small.endpoint });
      await mirror.look();
      expect(mirror.status().fault).toMatch(/^answers 5/);
      disk.empty(small.pid);
      nowMs += 60_000;
      await mirror.look();
      expect(mirror.status()).toMatchObject({ size: 20_000, fault: undefined });
      await close();
      expect(await downloaded(small)).toHaveLength(20_000);
    } finally {
      await small.kill();
      disk.remove();
    }
  });

  it('finds a bucket that has another log, or more of this one than there is', async () => {
    log.grow(10);
    const other = new GrowingLog('countersign.example/other');
    const others = await server.request('PUT', `/${bucket}/logs/one/checkpoint`, { body: other.grow(5) });
    expect(others.status).toBe(200);
    const { mirror, close } = await open();
    await mirror.look();
    expect(mirror.status()).toMatchObject({ isConflict: true });
    expect(mirror.status().fault).toMatch(/^has a checkpoint that is not of this log/);
    other.remove();

    const backup = readFileSync(join(log.directory, 'checkpoint'), 'utf8');
    await server.request('PUT', `/${bucket}/logs/one/checkpoint`, { body: log.grow(10) });
    log.publish('checkpoint', backup);
    nowMs += 600_000;
    await mirror.look();
    expect(mirror.status()).toMatchObject({
      isConflict: true,
      fault: 'has 20 records of this log, which itself has 10',
    });
    await close();
  });

  it('finds an object that lies there under the name of another', async () => {
    log.grow(256);
    await server.request('PUT', `/${bucket}/logs/one/tile/entries/000`, { body: 'no bundle' });
    const { mirror, close } = await open();
    await mirror.look();
    expect(mirror.status()).toMatchObject({
      isConflict: true,
      fault: 'has another object under the name logs/one/tile/entries/000',
    });
    await close();
  });

  it('says what is wrong with bucket and credentials', async () => {
    log.grow(1);
    const faultOf = async (over: Partial<MirrorSettings>): Promise<string | undefined> => {
      const { mirror, close } = await open(over);
      await mirror.look();
      await close();
      return mirror.status().fault;
    };
    expect(await faultOf({ bucket: 'no-such-bucket' })).toBe(
      'answers 404 NoSuchBucket to reading checkpoint: create the bucket, with Object Lock',
    );
    await server.makeBucket('unlocked', { locked: false });
    expect(await faultOf({ bucket: 'unlocked' })).toMatch(/Object Lock/);
    expect(await faultOf({ region: 'eu-central-1' })).toMatch(/region/);
  });
});
