/** A writer whose disk is full or whose directory is taken from under it: what it holds, and where its records are. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { logPaths } from '../../../../src/audit/log/directory.js';
import { openWriteAhead } from '../../../../src/audit/log/write-ahead.js';
import {
  line,
  newDirectory,
  prepare,
  removeDirectory,
  sealAll,
  verifiedRecords,
} from '../../../support/audit-log/log-under-test.js';

let place = '';
let directory = '';
beforeEach(() => {
  place = newDirectory();
  directory = join(place, 'log');
  mkdirSync(directory);
});
afterEach(() => removeDirectory(place));

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const files = (): string[] =>
  readdirSync(logPaths(directory).sequencer).filter((name) => name.startsWith('wal-'));
const record = (at: number): Buffer => Buffer.from(line(at));
const expected = (numbers: readonly number[]): string[] => numbers.map((at) => line(at).trimEnd());

// Fault: audit-disk-full
test('on a full disk no file that cannot be begun is kept open, or kept at all', async () => {
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', directory]).status !== 0) {
    console.warn('not run: a disk of our own to fill needs the right to mount a tmpfs');
    return;
  }
  try {
    await prepare(directory);
    const writer = openWriteAhead({ directory, durability: 'process', maxFileBytes: 1 });
    expect(writer.write(record(0))).toBeGreaterThan(0);
    expect(() => writeFileSync(join(directory, 'ballast'), Buffer.alloc(1_048_576))).toThrow();
    const before = descriptors();
    const filesBefore = files();
    for (let at = 0; at < 300; at++) expect(() => writer.write(record(1))).toThrow('ENOSPC');
    expect(descriptors()).toBeLessThanOrEqual(before);
    expect(files()).toEqual(filesBefore);
    rmSync(join(directory, 'ballast'));
    writer.write(record(1));
    await sealAll(directory);
    expect(await verifiedRecords(directory)).toEqual(expected([0, 1]));
    writer.close();
  } finally {
    spawnSync('umount', ['-l', directory]);
  }
});

describe('a directory that is moved away under its writer', () => {
  test('takes no record that no sequencer would find, and goes on when it is back', async () => {
    await prepare(directory);
    const writer = openWriteAhead({ directory, durability: 'process' });
    writer.write(record(0));
    renameSync(directory, join(place, 'elsewhere'));
    expect(() => writer.write(record(1))).toThrow('ENOENT');
    renameSync(join(place, 'elsewhere'), directory);
    writer.write(record(1));
    await sealAll(directory);
    expect(await verifiedRecords(directory)).toEqual(expected([0, 1]));
    writer.close();
  });

  test('gives way to the one that is put in its place', async () => {
    await prepare(directory);
    const writer = openWriteAhead({ directory, durability: 'process' });
    writer.write(record(0));
    cpSync(directory, join(place, 'copy'), { recursive: true });
    renameSync(directory, join(place, 'elsewhere'));
    renameSync(join(place, 'copy'), directory);
    writer.write(record(1));
    await sealAll(directory);
    expect(await verifiedRecords(directory)).toEqual(expected([0, 1]));
    writer.close();
  });
});
