import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { transformSync } from '@swc/core';
import type { AuditLog } from '../../../src/audit/audit-log.js';
import { openFileWriter } from '../../../src/audit/writers.js';
import { openAudit } from '../../../src/serve/audit-log.js';
import { compileScript, runScript } from '../../support/child-process.js';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'audit-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const compiledWriter = './audit/writers.js';

/** The writer in a process that may write no more than 2 blocks of 512 or 1024 bytes; `lines` is what it does. */
function withSmallDisk(path: string, lines: string): string {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const name of [
    'audit/writers',
    'storage/output/whole-appends',
    'storage/output/standard-stream',
    'storage/output/synced-files',
  ]) {
    const compiled = transformSync(readFileSync(`src/${name}.ts`, 'utf8'), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, `${name}.js`), compiled.code);
  }
  writeFileSync(
    join(folder, 'run.mjs'),
    `import { spawnSync } from 'node:child_process';
     import fs from 'node:fs';
     import { syncBuiltinESMExports } from 'node:module';
     import { openFileWriter } from '${compiledWriter}';
     const path = process.argv[2];
     const writer = openFileWriter(path);
     ${lines}`,
  );
  const script = 'trap "" XFSZ; ulimit -S -f 2; exec "$0" "$@"';
  const child = spawnSync('sh', ['-c', script, process.execPath, join(folder, 'run.mjs'), path], {
    encoding: 'utf8',
  });
  expect([child.stderr, child.status]).toEqual(['', 0]);
  return child.stdout;
}

const TORN = `try { writer.write(Buffer.from('x'.repeat(10_000) + '\\n')); } catch (error) { console.log(error.message); }`;

describe('the file writer', () => {
  it('makes the directory and appends to what is there', () => {
    const path = join(folder, 'a/b/audit.ndjson');
    for (const chunk of ['one\n', 'zwei ü\n']) {
      const writer = openFileWriter(path);
      writer.write(Buffer.from(chunk));
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
    expect(() => writer.write(Buffer.from('a\n'))).toThrow('ENOSPC');
    writer.close();
  });

  // Fault: audit-disk-full
  it('leaves one line that says nothing of a chunk of which only the beginning did fit', () => {
    const path = join(folder, 'audit.ndjson');
    const said = withSmallDisk(path, `writer.write(Buffer.from('whole\\n')); ${TORN}`);
    expect(said).toMatch(/^the disk is full: it took \d+ of 10001 bytes\n$/);
    const [whole, empty, rest] = readFileSync(path, 'utf8').split('\n');
    expect([whole, rest]).toEqual(['whole', '']);
    expect(empty).toMatch(/^\{ +\}$/);
    expect(JSON.parse(empty ?? '')).toEqual({});
  });

  it('touches nothing that others have written behind such a beginning', () => {
    const path = join(folder, 'audit.ndjson');
    const other = `spawnSync('sh', ['-c', 'ulimit -S -f unlimited; echo other >> ' + path]);`;
    const said = withSmallDisk(
      path,
      `const write = fs.writeSync;
       fs.writeSync = (...args) => {
         const written = write(...args);
         if (written < args[1].length && args.length === 2) ${other}
         return written;
       };
       syncBuiltinESMExports();
       writer.write(Buffer.from('whole\\n')); ${TORN}`,
    );
    expect(said).toContain('the disk is full');
    // "other" went on the line whose end was missing, until that was given one.
    expect(readFileSync(path, 'utf8')).toMatch(/^whole\n\{ +\}\nother\n$/);
  });

  it.each([
    [1, '\n'],
    [2, ' \n'],
    [3, '{}\n'],
    [4, '{ }\n'],
  ])('fills %i bytes that did fit', (room, filled) => {
    const path = join(folder, 'audit.ndjson');
    const blocks = spawnSync('sh', [
      '-c',
      'ulimit -f 2; dd if=/dev/zero of="$0" bs=4k count=1 2>/dev/null',
      path,
    ]);
    expect(blocks.signal ?? blocks.status).not.toBe(0);
    const limit = statSync(path).size;
    writeFileSync(path, `${'w'.repeat(limit - room - 1)}\n`);
    withSmallDisk(path, TORN);
    expect(readFileSync(path, 'utf8').slice(limit - room)).toBe(filled);
  });

  it('takes turns with other processes chunk by chunk', async () => {
    const script = compileScript('test/support/audit-writer.ts');
    try {
      const path = join(folder, 'audit.ndjson');
      const writers = [0, 1, 2, 3].map((writer) => runScript(script, { path, writer, chunks: 400 }));
      expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0]);
      const lines = readFileSync(path, 'utf8').split('\n');
      expect(lines.pop()).toBe('');
      const next = [0, 0, 0, 0];
      for (const line of lines) {
        const { writer, chunk, text } = JSON.parse(line) as { writer: number; chunk: number; text: string };
        expect([chunk, text]).toEqual([next[writer], String(writer).repeat(chunk * 31)]);
        next[writer] = chunk + 1;
      }
      expect(next).toEqual([400, 400, 400, 400]);
    } finally {
      script.remove();
    }
  }, 90_000);
});

describe('the audit log of the settings', () => {
  const openPlain = (path: string): AuditLog =>
    openAudit(
      {
        sink: { kind: 'file', path },
        log: undefined,
        onFailure: 'refuse',
        durability: 'process',
        otlp: undefined,
      },
      () => 0,
      () => undefined,
    ).audit;

  it('writes to its file and flushes as it closes', async () => {
    const path = join(folder, 'audit.ndjson');
    const log = openPlain(path);
    await log.append('a\n');
    const pending = log.append('b\n');
    await log.close();
    await pending;
    expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
  });

  // Fault: audit-disk-full
  it('is at fault once its disk is full', async () => {
    const log = openPlain('/dev/full');
    await expect(log.append('a\n')).rejects.toThrow('ENOSPC');
    expect(log.fault()).toContain('ENOSPC');
    await log.close();
  });
});

describe('the file writer whose chunks are to be on the disk', () => {
  it('tells when they are, also of a file that was moved meanwhile', async () => {
    const path = join(folder, 'logs/audit.ndjson');
    const writer = openFileWriter(path, undefined, 'machine');
    writer.write(Buffer.from('1\n'));
    const synced = writer.sync?.();
    renameSync(path, join(folder, 'aside'));
    writer.write(Buffer.from('2\n'));
    writer.reopen();
    await synced;
    await writer.sync?.();
    writer.close();
    expect([readFileSync(join(folder, 'aside'), 'utf8'), readFileSync(path, 'utf8')]).toEqual(['1\n', '2\n']);
  });

  it('fails where the file cannot be synced', async () => {
    const writer = openFileWriter('/dev/null', undefined, 'machine');
    writer.write(Buffer.from('1\n'));
    await expect(writer.sync?.()).rejects.toThrow('EINVAL');
    writer.close();
  });

  it('has nothing to tell where nobody asks', () => {
    const writer = openFileWriter(join(folder, 'audit.ndjson'));
    expect('sync' in writer).toBe(false);
    writer.close();
  });
});

// Fault: audit-moved
describe('the file writer whose path leads to another file', () => {
  const path = (): string => join(folder, 'logs/audit.ndjson');
  const aside = (): string => join(folder, 'logs/audit.ndjson.1');
  const linesOf = (file: string): string => readFileSync(file, 'utf8');

  function setUp() {
    let replaced = 0;
    const writer = openFileWriter(path(), () => (replaced += 1));
    writer.write(Buffer.from('1\n'));
    return { writer, replaced: () => replaced, write: (text: string) => writer.write(Buffer.from(text)) };
  }

  it.each<[string, () => void]>([
    ['moved', () => renameSync(path(), aside())],
    [
      'moved, and made anew',
      () => {
        renameSync(path(), aside());
        writeFileSync(path(), '', { mode: 0o640 });
      },
    ],
    ['in a folder that was moved', () => renameSync(join(folder, 'logs'), join(folder, 'old'))],
    [
      'copied aside, and its place taken by a link to a new file',
      () => {
        renameSync(path(), aside());
        symlinkSync(join(folder, 'elsewhere.ndjson'), path());
      },
    ],
    ['removed', () => unlinkSync(path())],
    ['removed with its folder', () => rmSync(join(folder, 'logs'), { recursive: true })],
  ])('follows the path when the file was %s', (_how, act) => {
    const { write, replaced, writer } = setUp();
    act();
    write('2\n');
    write('3\n');
    expect([linesOf(path()), replaced()]).toEqual(['2\n3\n', 1]);
    writer.close();
  });

  it('writes from the beginning, without a hole, when the file was cut to nothing', () => {
    const { write, replaced, writer } = setUp();
    truncateSync(path());
    write('2\n');
    expect([linesOf(path()), replaced()]).toEqual(['2\n', 0]);
    writer.close();
  });

  it('writes again what went to a file that was removed between the look and the write', () => {
    const { writer } = setUp();
    const other = join(folder, 'logs/other.ndjson');
    // The look sees the file, the write goes to it, and its name is gone by then.
    const chunk = Buffer.from('2\n');
    const script = `writer.write(Buffer.from('1\\n'));
      const write = fs.writeSync;
      let isFirst = true;
      fs.writeSync = (...args) => {
        if (isFirst) fs.unlinkSync(path);
        isFirst = false;
        return write(...args);
      };
      syncBuiltinESMExports();
      console.log(writer.write(Buffer.from('2\\n')));`;
    expect(withSmallDisk(other, script)).toBe(`${chunk.length}\n`);
    expect(linesOf(other)).toBe('2\n');
    writer.close();
  });

  it('fails while there can be no file, closes the old one, and goes on by itself', () => {
    const { write, writer, replaced } = setUp();
    rmSync(join(folder, 'logs'), { recursive: true });
    writeFileSync(join(folder, 'logs'), 'in the way');
    expect(() => write('2\n')).toThrow(folder);
    expect(() => writer.reopen()).toThrow(folder);
    rmSync(join(folder, 'logs'));
    write('3\n');
    expect([linesOf(path()), replaced()]).toEqual(['3\n', 1]);
    writer.close();
  });

  it('does not wait for whoever is to read a pipe that was put in its place', () => {
    const { write, writer } = setUp();
    unlinkSync(path());
    spawnSync('mkfifo', [path()]);
    expect(() => write('2\n')).toThrow(/ENXIO|is a pipe/);
    writer.close();
  });

  it('opens the same file anew when it is told to, which is no replacement', () => {
    const { write, writer, replaced } = setUp();
    writer.reopen();
    write('2\n');
    expect([linesOf(path()), replaced()]).toEqual(['1\n2\n', 0]);
    writer.close();
  });

  it('starts on a line of its own behind a beginning that could not be overwritten', () => {
    const other = join(folder, 'torn.ndjson');
    const script = `const open = fs.openSync;
      fs.openSync = (file, ...args) => {
        if (String(file).startsWith('/proc/self/fd/')) throw new Error('EPERM');
        return open(file, ...args);
      };
      syncBuiltinESMExports();
      ${TORN}
      spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:']);
      writer.write(Buffer.from('next\\n'));`;
    withSmallDisk(other, script);
    expect(linesOf(other)).toMatch(/^x+\nnext\n$/);
  });
});
