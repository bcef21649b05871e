/** `countersign audit verify`: whom it believes, what it says, and what a hostile directory gets. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameHead } from '../../../src/audit/log/frames.js';
import { generateKeyPair } from '../../../src/crypto/private-key.js';
import { selectSigner } from '../../../src/crypto/signing.js';
import { decodeEntries, encodeEntry } from '../../../src/tlog/entries.js';
import { keyIdOf, NOTE_COSIGNATURE, verifierKeyText } from '../../../src/tlog/note.js';
import { LOG_ORIGIN, LOG_VERIFIER_KEY, LogMaker, recordOf } from '../../support/log-maker.js';
import { run } from './test-world.js';

const made: LogMaker[] = [];
afterEach(() => {
  for (const log of made.splice(0)) log.remove();
});

function logOf(size: number): LogMaker {
  const log = new LogMaker();
  made.push(log);
  return log.grow(size);
}

function verify(log: LogMaker, ...more: string[]): ReturnType<typeof run> {
  return run(['audit', 'verify', log.directory, '--vkey', LOG_VERIFIER_KEY, ...more]);
}

/** The file that was put aside, with another length. */
function putBack(path: string, length: number): void {
  renameSync(`${path}.old`, path);
  truncateSync(path, length);
}

describe('countersign audit verify', () => {
  it('says what it has verified', async () => {
    const { code, out, err } = await verify(logOf(300));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/is as it was logged\n/);
    expect(out).toContain('300 records');
    expect(out).toMatch(/records verified: +300 \(looked at: 0 to 299\)/);
  });

  it('names the record and the file of what is wrong, and fails', async () => {
    const log = logOf(300);
    const path = join(log.directory, 'tile/entries/000');
    const records = decodeEntries(readFileSync(path), 256);
    const forged = Buffer.from('{"decision_id":"made\\u001b[2Jup"}');
    log.write('tile/entries/000', Buffer.concat(records.with(7, forged).map(encodeEntry)));
    const text = await verify(log);
    expect(text.code).toBe(1);
    expect(text.out).toContain('NOT as it was logged: one fault');
    expect(text.out).toContain(
      'tile/entries/000: record 7 is not the one that was logged (the record there says decision made\\u001b[2Jup)',
    );
    const json = await verify(log, '--json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      outcome: 'refused',
      size: 300,
      faults: 1,
      records_verified: 44,
      first_faults: [{ kind: 'edited', index: 7, end_index: 8, file: 'tile/entries/000' }],
    });
  });

  it('takes keys from files, and wants one', async () => {
    const log = logOf(3);
    log.write('key', `# of the log\n${LOG_VERIFIER_KEY}\n`);
    const key = join(log.directory, 'key');
    expect((await run(['audit', 'verify', log.directory, '--vkey', key])).code).toBe(0);
    expect(await run(['audit', 'verify', log.directory])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('--vkey') as unknown,
    });
    expect((await run(['audit', 'verify', '--vkey', key])).code).toBe(2);
    expect((await verify(log, '--new-only')).code).toBe(2);
  });

  it('does not believe a key of another log', async () => {
    const other = verifierKeyText('other.example/log', generateKeyPair(Buffer.alloc(32, 1)).publicKey.raw);
    const { code, out } = await run(['audit', 'verify', logOf(3).directory, '--vkey', other]);
    expect(code).toBe(1);
    expect(out).toContain(
      `checkpoint: it is of the log ${LOG_ORIGIN}, and trusted are the keys of other.example/log`,
    );
  });

  it('holds a log to what somebody has kept of it', async () => {
    const log = logOf(300);
    log.write('kept', log.checkpoint());
    log.grow(500);
    const kept = join(log.directory, 'kept');
    const whole = await verify(log, '--checkpoint', kept);
    expect([whole.code, whole.out]).toEqual([0, expect.stringContaining('kept (300)')]);
    const part = await verify(log, '--checkpoint', kept, '--new-only', '--json');
    expect(JSON.parse(part.out)).toMatchObject({ records_verified: 500, first_index: 300, size: 800 });
    const shorter = logOf(200);
    const { code, out } = await verify(shorter, '--checkpoint', kept);
    expect(code).toBe(1);
    expect(out).toContain('the log has 200 records, and had 300 when this checkpoint was signed');
  });

  it('tells of what is not sealed, and of files of a larger tree', async () => {
    const log = logOf(300);
    const checkpoint = log.checkpoint();
    log.grow(300);
    log.write('checkpoint', checkpoint);
    const payload = Buffer.from('{"event":"a"}\n{"event":"b"}\n');
    log.write('.sequencer/wal-0123456789abcdef-1', Buffer.concat([frameHead('R', payload), payload]));
    const { code, out } = await verify(log);
    expect(code).toBe(0);
    expect(out).toMatch(/beyond: +tile\/entries\/001, tile\/0\/001/);
    expect(out).toContain('2 records are in no checkpoint yet');
    expect((await verify(log, '--quiet')).code).toBe(1);
  });

  it('verifies what a pruned log still has, when the log says that it was pruned', async () => {
    const log = logOf(700);
    rmSync(join(log.directory, 'tile/entries/000'));
    rmSync(join(log.directory, 'tile/0/000'));
    expect((await verify(log)).out).toContain('records 0 to 255 are missing; nothing in the log says');
    expect((await verify(log, '--minimum-index', '256')).code).toBe(0);
    log.grow(1, () => Buffer.from('{"event":"audit.pruned","minimum_index":256}'));
    const { code, out } = await verify(log);
    expect(code).toBe(0);
    expect(out).toContain('records 0 to 255 were pruned');
    rmSync(join(log.directory, 'tile/entries/001'));
    expect((await verify(log)).out).toContain(
      'records 256 to 511 are missing; the log says that those before 256 were pruned',
    );
  });

  it('wants the quorum of a policy', async () => {
    const log = logOf(30);
    const witness = generateKeyPair(Buffer.alloc(32, 3));
    const key = verifierKeyText('witness.example', witness.publicKey.raw, NOTE_COSIGNATURE);
    log.write('policy', `log ${LOG_VERIFIER_KEY}\nwitness W ${key}\nquorum W\n`);
    const args = ['audit', 'verify', log.directory, '--policy', join(log.directory, 'policy')];
    const before = await run(args);
    expect(before.code).toBe(1);
    expect(before.out).toContain('the quorum W is not reached: no witness has cosigned it');
    const [text = ''] = log.checkpoint().split('\n\n');
    const message = Buffer.from(`cosignature/v1\ntime 1764000000\n${text}\n`);
    const bytes = Buffer.alloc(12);
    bytes.writeUInt32BE(keyIdOf('witness.example', NOTE_COSIGNATURE, witness.publicKey.raw));
    bytes.writeBigUInt64BE(1_764_000_000n, 4);
    const signature = Buffer.concat([bytes, selectSigner().sign(witness, message)]).toString('base64');
    log.write('checkpoint', `${log.checkpoint()}— witness.example ${signature}\n`);
    const after = await run(args);
    expect([after.code, after.out]).toEqual([0, expect.stringMatching(/cosigned by: +W\n/)]);
  });

  it('cannot read what is no log', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'none-'));
    for (const [place, words] of [
      [empty, 'is no log'],
      [join(empty, 'absent'), 'does not exist'],
      ['package.json', 'is no directory'],
    ] as const)
      expect(await run(['audit', 'verify', place, '--vkey', LOG_VERIFIER_KEY])).toMatchObject({
        code: 3,
        err: expect.stringContaining(words) as unknown,
      });
    rmSync(empty, { recursive: true });
  });

  describe('given a hostile directory', () => {
    const file = 'tile/entries/000';
    it.each<[string, (path: string) => void, string]>([
      ['a link', (path) => symlinkSync('/dev/zero', path), 'is a symbolic link'],
      ['a pipe', (path) => execFileSync('mkfifo', [path]), 'is not a regular file'],
      ['a directory', (path) => mkdirSync(path), 'is not a regular file'],
      ['a file without end', (path) => putBack(path, 1e12), 'and 16777472 at most'],
      ['an empty file', (path) => putBack(path, 0), 'ends before record 0'],
    ])('%s in the place of a bundle is told of', async (_, put, words) => {
      const log = logOf(300);
      const path = join(log.directory, file);
      renameSync(path, `${path}.old`);
      put(path);
      const { code, out } = await verify(log);
      expect(code).toBe(1);
      expect(out).toContain(`${file}: `);
      expect(out).toContain(words);
    });

    it('a tile of 8,193 bytes is none', async () => {
      const log = logOf(300);
      log.write(
        'tile/0/000',
        Buffer.concat([readFileSync(join(log.directory, 'tile/0/000')), Buffer.alloc(1)]),
      );
      const { code, out } = await verify(log);
      expect([code, out]).toEqual([1, expect.stringContaining('tile/0/000: the file has 8193 bytes')]);
    });
  });

  it('at every length that a bundle or a tile is cut to, finds it', async () => {
    const log = logOf(3);
    for (const file of ['tile/entries/000.p/3', 'tile/0/000.p/3', 'checkpoint']) {
      const whole = readFileSync(join(log.directory, file));
      for (let length = 0; length < whole.length; length++) {
        log.write(file, whole.subarray(0, length));
        expect([file, length, (await verify(log)).code]).toEqual([file, length, 1]);
      }
      log.write(file, whole);
    }
    expect((await verify(log)).code).toBe(0);
  });

  it('finds any one byte that is not as it was, and nothing where all are', async () => {
    const log = logOf(2);
    for (const file of ['tile/entries/000.p/2', 'tile/0/000.p/2', 'checkpoint']) {
      const whole = readFileSync(join(log.directory, file));
      for (let at = 0; at < whole.length; at++) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ 0x20;
        log.write(file, changed);
        expect([file, at, (await verify(log)).code]).toEqual([file, at, 1]);
      }
      log.write(file, whole);
    }
  });

  it('verifies a log that grows meanwhile', async () => {
    const log = logOf(1);
    for (let round = 0; round < 30; round++) {
      const verdict = verify(log);
      log.grow(37, recordOf);
      expect((await verdict).code).toBe(0);
    }
  });
});
