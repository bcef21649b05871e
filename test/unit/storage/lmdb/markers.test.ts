import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { raiseMarker, readMarker, resetMarker } from '../../../../src/storage/lmdb/markers.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-markers-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a marker', () => {
  it('is 0 where there is none', () => {
    writeFileSync(join(directory, 'floor-x'), '');
    writeFileSync(join(directory, 'floor--5'), '');
    expect(readMarker(directory, 'floor')).toBe(0);
  });

  it('is raised, never lowered', () => {
    raiseMarker(directory, 'floor', 20);
    raiseMarker(directory, 'floor', 10);
    expect(readMarker(directory, 'floor')).toBe(20);
    raiseMarker(directory, 'floor', 30);
    expect(readdirSync(directory)).not.toContain('floor-20');
    expect(readMarker(directory, 'future-skew')).toBe(0);
  });

  it('can be set back where the floor has taken its place', () => {
    raiseMarker(directory, 'future-skew', 300);
    resetMarker(directory, 'future-skew', 30);
    expect(readMarker(directory, 'future-skew')).toBe(30);
  });
});
