/** A log whose lines count as written only once they are on the disk. */
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkWriter } from '../../../src/audit/audit-log.js';
import { BatchedLog } from '../../../src/audit/batched-log.js';
import { openFileWriter } from '../../../src/audit/writers.js';
import { until } from '../../support/until.js';

/** Keeps chunks; each sync ends when the test says how. */
class SlowDisk implements ChunkWriter {
  readonly chunks: string[] = [];
  readonly syncs: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  readonly maxLineBytes = 30;

  write(chunk: Buffer): number {
    this.chunks.push(chunk.toString());
    return chunk.length;
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => this.syncs.push({ resolve, reject }));
  }

  reopen(): void {
    this.chunks.push('reopened');
  }

  close(): void {
    this.chunks.push('closed');
  }
}

function setUp() {
  const disk = new SlowDisk();
  const log = new BatchedLog(disk, (lost) => `gap of ${lost}\n`);
  const outcomes: string[] = [];
  const append = (name: string): void => {
    log.append(`${name}\n`).then(
      (how) => outcomes.push(`${name} ${how}`),
      (error: unknown) => outcomes.push(`${name}: ${(error as Error).message}`),
    );
  };
  const synced = async (count: number) => until(`${count} syncs`, () => disk.syncs.length === count);
  return { disk, log, outcomes, append, synced };
}

describe('a log that waits for the disk', () => {
  it('says that a line is written when it is on the disk, with one sync for all that came meanwhile', async () => {
    const { disk, outcomes, append, synced } = setUp();
    append('a');
    await synced(1);
    append('b');
    await until('b is written', () => disk.chunks.length === 2);
    append('c');
    await until('c is written', () => disk.chunks.length === 3);
    expect([outcomes, disk.syncs.length]).toEqual([[], 1]);
    disk.syncs[0]?.resolve();
    await synced(2);
    await until('a is told', () => outcomes.length === 1);
    expect(outcomes).toEqual(['a written']);
    disk.syncs[1]?.resolve();
    await until('b and c are told', () => outcomes.length === 3);
    expect([outcomes, disk.syncs.length]).toEqual([['a written', 'b written', 'c written'], 2]);
  });

  // Fault: audit-sync-failed
  it('never says it of lines whose sync has failed, is at fault until one is good, and tells of the loss', async () => {
    const { disk, log, outcomes, append, synced } = setUp();
    append('a');
    append('b');
    log.correct('correction\n');
    await synced(1);
    disk.syncs[0]?.reject(new Error('EIO'));
    await until('they are told', () => outcomes.length === 2);
    expect([outcomes, log.fault()]).toEqual([['a partly', 'b partly'], 'EIO']);
    await synced(2);
    expect(disk.chunks.slice(1)).toEqual(['gap of 2\ncorrection\n']);
    append('c');
    await until('c is written', () => disk.chunks.length === 3);
    disk.syncs[1]?.reject(new Error('EIO again'));
    await synced(3);
    disk.syncs[2]?.reject(new Error('EIO again'));
    await synced(4);
    expect(disk.chunks.slice(2)).toEqual(['c\n', 'gap of 3\ncorrection\n']);
    disk.syncs[3]?.resolve();
    await until('the fault is over', () => log.fault() === undefined);
    append('d');
    await synced(5);
    disk.syncs[4]?.resolve();
    await until('d is told', () => outcomes.length === 4);
    expect([disk.chunks.at(-1), outcomes.at(-1)]).toEqual(['d\n', 'd written']);
  });

  it('waits for the last sync when it closes', async () => {
    const { disk, log, outcomes, append, synced } = setUp();
    append('a');
    const closed = log.close();
    await synced(1);
    expect(disk.chunks).toEqual(['a\n']);
    disk.syncs[0]?.resolve();
    await closed;
    expect([disk.chunks, outcomes]).toEqual([['a\n', 'closed'], ['a written']]);
  });

  it('refuses a line that is too long by itself', async () => {
    const { disk, log, outcomes, append, synced } = setUp();
    append('x'.repeat(29));
    append('x'.repeat(30));
    append('ö'.repeat(15));
    await synced(1);
    disk.syncs[0]?.resolve();
    await until('all are told', () => outcomes.length === 3);
    expect(outcomes.map((outcome) => outcome.split(/[ :]/)[1]).sort()).toEqual(['', '', 'written']);
    expect([disk.chunks[0], log.fault()]).toEqual([`gap of 2\n${'x'.repeat(29)}\n`, undefined]);
  });
});

describe('a file that is synced', () => {
  let directory = '';
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'audit-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('goes on when it is moved between a write and its sync', async () => {
    const path = join(directory, 'audit.ndjson');
    const writer = openFileWriter(path, undefined, 'machine');
    const log = new BatchedLog(writer, (lost) => `gap of ${lost}\n`);
    for (let round = 0; round < 20; round++) {
      const written = log.append(`${round}\n`);
      await new Promise(setImmediate);
      renameSync(path, join(directory, `${round}`));
      log.reopen();
      expect(await written).toBe('written');
    }
    await log.close();
    const all = Array.from({ length: 20 }, (_, round) => readFileSync(join(directory, `${round}`), 'utf8'));
    expect(all.join('')).toBe(Array.from({ length: 20 }, (_, round) => `${round}\n`).join(''));
  });
});
