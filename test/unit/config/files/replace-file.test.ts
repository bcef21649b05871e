import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  readReplaceable,
  replaceFile,
  type ReplaceableFile,
} from '../../../../src/config/files/replace-file.js';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'replace-'));
  file = join(directory, 'c.yaml');
  writeFileSync(file, 'old\n', { mode: 0o640 });
});
afterEach(() => rmSync(directory, { recursive: true }));

const NEW = Buffer.from('new\n');
const temporary = () => join(directory, '.c.yaml.new');

function read(path = file): ReplaceableFile {
  const read = readReplaceable(path);
  if (!read.ok) throw new Error(read.message);
  return read;
}

describe('a file that is replaced', () => {
  it('keeps its mode, leaves nothing beside it, and has all of the new bytes', () => {
    chmodSync(file, 0o604);
    expect(replaceFile(read(), NEW)).toEqual({ ok: true });
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o7777]).toEqual(['new\n', 0o604]);
    expect(readdirSync(directory)).toEqual(['c.yaml']);
  });

  (process.getuid?.() === 0 ? it : it.skip)('keeps its owner', () => {
    chownSync(file, 12_345, 23_456);
    expect(replaceFile(read(), NEW)).toEqual({ ok: true });
    expect([statSync(file).uid, statSync(file).gid]).toEqual([12_345, 23_456]);
  });

  it('is the one that symbolic links lead to, which stay', () => {
    mkdirSync(join(directory, 'real'));
    renameSync(file, join(directory, 'real', 'r.yaml'));
    symlinkSync('real/r.yaml', file);
    expect(replaceFile(read(), NEW)).toEqual({ ok: true });
    expect([readlinkSync(file), readFileSync(file, 'utf8')]).toEqual(['real/r.yaml', 'new\n']);
    expect(readdirSync(join(directory, 'real'))).toEqual(['r.yaml']);
  });

  it.each([
    ['written', () => writeFileSync(file, 'bad\n')],
    [
      'replaced by the same bytes',
      () => {
        renameSync(file, `${file}.x`);
        writeFileSync(file, 'old\n');
      },
    ],
    ['closed to others', () => chmodSync(file, 0o600)],
  ])('is left as it is when it was %s meanwhile', (_what, change) => {
    const old = read();
    change();
    const now = readFileSync(file, 'utf8');
    expect(replaceFile(old, NEW)).toMatchObject({ ok: false, message: 'has changed since it was read' });
    expect([readFileSync(file, 'utf8'), readdirSync(directory).includes('.c.yaml.new')]).toEqual([
      now,
      false,
    ]);
  });

  it('is left to whoever replaces it already, but not to one who was killed', () => {
    writeFileSync(temporary(), 'theirs');
    expect(replaceFile(read(), NEW)).toMatchObject({
      ok: false,
      message: expect.stringContaining(temporary()) as string,
    });
    expect([readFileSync(file, 'utf8'), readFileSync(temporary(), 'utf8')]).toEqual(['old\n', 'theirs']);
    const before = Date.now() / 1000 - 120;
    utimesSync(temporary(), before, before);
    expect(replaceFile(read(), NEW)).toEqual({ ok: true });
    expect([readFileSync(file, 'utf8'), readdirSync(directory)]).toEqual(['new\n', ['c.yaml']]);
  });

  it('is none of a volume of Kubernetes', () => {
    mkdirSync(join(directory, '..2026'));
    renameSync(file, join(directory, '..2026', 'c.yaml'));
    symlinkSync('..2026', join(directory, '..data'));
    symlinkSync('..data/c.yaml', file);
    expect(readReplaceable(file)).toMatchObject({
      ok: false,
      message: expect.stringContaining('Kubernetes') as string,
    });
  });

  it('has no other names', () => {
    linkSync(file, join(directory, 'other'));
    expect(readReplaceable(file)).toMatchObject({
      ok: false,
      message: expect.stringContaining('hard links') as string,
    });
  });

  it('is a file that is there', () => {
    expect(readReplaceable(join(directory, 'none'))).toMatchObject({ ok: false, reason: 'missing' });
    expect(readReplaceable(directory)).toMatchObject({ ok: false, message: 'is a directory' });
  });
});
