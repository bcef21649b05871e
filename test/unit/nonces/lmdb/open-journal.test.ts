import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  raiseNumberFile,
  readNumberFile,
  resetNumberFile,
} from '../../../../src/nonces/lmdb/open-journal.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-numbers-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a number that outlives the journal', () => {
  it('is 0 where there is none', () => {
    writeFileSync(join(directory, 'floor-x'), '');
    writeFileSync(join(directory, 'floor--5'), '');
    expect(readNumberFile(directory, 'floor')).toBe(0);
  });

  it('is raised, never lowered', () => {
    raiseNumberFile(directory, 'floor', 20);
    raiseNumberFile(directory, 'floor', 10);
    expect(readNumberFile(directory, 'floor')).toBe(20);
    raiseNumberFile(directory, 'floor', 30);
    expect(readdirSync(directory)).not.toContain('floor-20');
    expect(readNumberFile(directory, 'future-skew')).toBe(0);
  });

  it('can be set back where the floor has taken its place', () => {
    raiseNumberFile(directory, 'future-skew', 300);
    resetNumberFile(directory, 'future-skew', 30);
    expect(readNumberFile(directory, 'future-skew')).toBe(30);
  });
});
