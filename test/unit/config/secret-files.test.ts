/** A secret is judged and read through one descriptor, whatever happens to its path meanwhile. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPrivateKeyFile, readSecretFile } from '../../../src/config/files/private-key-file.js';
import { fileState, readBoundedFile } from '../../../src/config/files/read-file.js';

let directory: string;
const at = (name: string): string => join(directory, name);
const write = (name: string, content: string | Uint8Array, mode = 0o600): string => {
  writeFileSync(at(name), content);
  chmodSync(at(name), mode);
  return at(name);
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'secret-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a file that is swapped between open and read: what was judged is what is read', () => {
  const path = write('key', 'judged');
  write('other', 'swapped in', 0o666);
  const read = readBoundedFile(path, 100, () => {
    renameSync(at('other'), path);
    return undefined;
  });
  expect(read).toMatchObject({ ok: true, bytes: Buffer.from('judged') });
  expect(read.ok && read.mode & 0o777).toBe(0o600);
});

test('a file that is not the one that was judged is never read, also the other way round', () => {
  const path = write('key', 'open to others', 0o644);
  write('other', 'closed', 0o600);
  const modes: number[] = [];
  const read = readBoundedFile(path, 100, ({ mode }) => {
    modes.push(mode & 0o777);
    renameSync(at('other'), path);
    return undefined;
  });
  expect(modes).toEqual([0o644]);
  expect(read).toMatchObject({ ok: true, bytes: Buffer.from('open to others') });
});

test('a file that grows while it is read is refused, and not read without bound', () => {
  const path = write('key', 'x');
  const read = readBoundedFile(path, 100, () => {
    writeFileSync(path, 'y'.repeat(1000), { flag: 'a' });
    return undefined;
  });
  expect(read).toMatchObject({ ok: false, message: 'grew while it was read' });
});

test('pipes, devices and directories are refused at once', () => {
  execFileSync('mkfifo', ['-m', '600', at('pipe')]);
  for (const path of [at('pipe'), '/dev/zero', directory]) {
    expect(readSecretFile(path)).toMatchObject({ ok: false, message: 'is not a regular file' });
    expect(fileState(path)).toMatch(/is not a regular file|is a directory/);
  }
  expect(readBoundedFile(at('pipe'), 100)).toMatchObject({ ok: false, message: 'is not a regular file' });
});

test('a key in a volume of Kubernetes at mode 0444: the remedy is its mount, as chmod cannot work there', () => {
  mkdirSync(at('..2026_11_28'));
  write('..2026_11_28/fb.key', 'x'.repeat(40), 0o444);
  symlinkSync('..2026_11_28', at('..data'));
  symlinkSync('..data/fb.key', at('fb.key'));
  const loaded = loadPrivateKeyFile(at('fb.key'));
  expect(loaded).toMatchObject({ ok: false, message: expect.stringContaining('mode 0444') as string });
  expect(!loaded.ok && loaded.remedy).toMatch(/defaultMode: 0400.*fsGroup/);
  expect(loadPrivateKeyFile(write('own.key', 'x', 0o444))).toMatchObject({
    remedy: `close it to others: chmod 600 ${at('own.key')}`,
  });
});
