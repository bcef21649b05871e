import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import { openFileWriter } from '../../../src/audit/file-writer.js';
import { openAuditLog } from '../../../src/audit/open.js';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'audit-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe('the file writer', () => {
  it('makes the directory and appends to what is there', () => {
    const path = join(folder, 'a/b/audit.ndjson');
    for (const chunk of ['one\n', 'zwei ü\n']) {
      const writer = openFileWriter(path);
      writer.write(chunk);
      writer.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('one\nzwei ü\n');
  });

  it('lets the group read and nobody else', () => {
    const before = process.umask(0);
    try {
      openFileWriter(join(folder, 'a/audit.ndjson')).close();
    } finally {
      process.umask(before);
    }
    expect(statSync(join(folder, 'a/audit.ndjson')).mode & 0o777).toBe(0o640);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o750);
  });

  it('says which file it could not open', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => openFileWriter(join(folder, 'file/audit.ndjson'))).toThrow(folder);
  });

  it('throws when the disk is full', () => {
    const writer = openFileWriter('/dev/full');
    expect(() => writer.write('a\n')).toThrow('ENOSPC');
    writer.close();
  });

  it('takes a torn chunk back when only its beginning did fit', () => {
    // A real short write: the shell bounds the size of files to 2 blocks of 512 or 1024 bytes and ignores the signal.
    const source = readFileSync('src/audit/file-writer.ts', 'utf8');
    const compiled = transformSync(source, {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    writeFileSync(join(folder, 'file-writer.mjs'), compiled.code);
    writeFileSync(
      join(folder, 'run.mjs'),
      `import { openFileWriter } from './file-writer.mjs';
       const writer = openFileWriter(process.argv[2]);
       writer.write('whole\\n');
       try { writer.write('x'.repeat(10_000) + '\\n'); } catch (error) { console.log(error.code); }
       writer.write('after\\n');`,
    );
    const path = join(folder, 'audit.ndjson');
    const script = 'trap "" XFSZ; ulimit -f 2; exec "$0" "$@"';
    const child = spawnSync('sh', ['-c', script, process.execPath, join(folder, 'run.mjs'), path], {
      encoding: 'utf8',
    });
    expect([child.stdout, child.stderr, child.status]).toEqual(['EFBIG\n', '', 0]);
    expect(readFileSync(path, 'utf8')).toBe('whole\nafter\n');
  });
});

describe('the audit log of the settings', () => {
  it('writes to its file and flushes as it closes', async () => {
    const path = join(folder, 'audit.ndjson');
    const log = openAuditLog({ kind: 'file', path }, () => 0);
    await log.append('a\n');
    const pending = log.append('b\n');
    await log.close();
    await pending;
    expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
  });

  it('is at fault once its disk is full', async () => {
    const log = openAuditLog({ kind: 'file', path: '/dev/full' }, () => 0);
    await expect(log.append('a\n')).rejects.toThrow('ENOSPC');
    expect(log.fault()).toContain('ENOSPC');
    await log.close();
  });
});
