/** `countersign audit prove` and `verify-proof`: a record and its proof, without the log. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeEntries, encodeEntry } from '../../../src/tlog/entries.js';
import { LOG_ORIGIN, LOG_VERIFIER_KEY, LogMaker, recordOf } from '../../support/log-maker.js';
import { run } from './test-world.js';

const log = new LogMaker();
let out: string;
beforeAll(() => {
  log.grow(600);
  out = mkdtempSync(join(tmpdir(), 'proofs-'));
});
afterAll(() => {
  log.remove();
  rmSync(out, { recursive: true, force: true });
});

const idOf = (index: number): string => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

function prove(...words: string[]): ReturnType<typeof run> {
  return run(['audit', 'prove', ...words, '--out', out]);
}

function verifyProof(file: string, ...more: string[]): ReturnType<typeof run> {
  return run(['audit', 'verify-proof', file, '--vkey', LOG_VERIFIER_KEY, ...more]);
}

describe('countersign audit prove', () => {
  it('writes a file for a decision, which the key alone verifies', async () => {
    const proven = await prove(idOf(300), log.directory);
    const file = join(out, '300.tlog-proof');
    expect(proven).toEqual({ code: 0, out: `${file} proves record 300, decision ${idOf(300)}\n`, err: '' });
    const verified = await verifyProof(file, '--json');
    expect(verified.code).toBe(0);
    expect(JSON.parse(verified.out)).toMatchObject({
      origin: LOG_ORIGIN,
      index: 300,
      size: 600,
      record: recordOf(300).toString(),
    });
    expect((await verifyProof(file)).out).toContain(recordOf(300).toString());
  });

  it('takes the number of a record', async () => {
    for (const index of [0, 255, 256, 599]) {
      expect((await prove('--index', String(index), log.directory)).code).toBe(0);
      expect((await verifyProof(join(out, `${index}.tlog-proof`))).code).toBe(0);
    }
    expect(await prove('--index', '600', log.directory)).toMatchObject({ code: 1, out: '' });
    expect((await prove('--index', '1', 'x', log.directory)).code).toBe(2);
    expect((await prove(log.directory)).code).toBe(2);
    expect((await prove('nobody', log.directory)).code).toBe(1);
  });

  it('does not prove a record that was changed', async () => {
    const other = new LogMaker().grow(10);
    const file = 'tile/entries/000.p/10';
    const records = decodeEntries(readFileSync(join(other.directory, file)), 10);
    other.write(file, Buffer.concat(records.with(4, Buffer.from('{}')).map(encodeEntry)));
    const { code, err } = await prove('--index', '4', other.directory);
    expect(code).toBe(3);
    expect(err).toContain(`${file} has a record 4 that the checkpoint was not made of`);
    other.remove();
  });
});

describe('countersign audit verify-proof', () => {
  it('compares with a record that is given, with or without the end of its line', async () => {
    await prove('--index', '7', log.directory);
    const file = join(out, '7.tlog-proof');
    const record = join(out, 'record');
    for (const end of ['', '\n']) {
      writeFileSync(record, `${recordOf(7).toString()}${end}`);
      expect((await verifyProof(file, '--record', record)).code).toBe(0);
    }
    writeFileSync(record, recordOf(8));
    const { code, err } = await verifyProof(file, '--record', record);
    expect(code).toBe(1);
    expect(err).toContain('this is not record 7 of the log');
  });

  it('wants the record of a proof that has it not', async () => {
    await prove('--index', '7', log.directory);
    const bare = join(out, 'bare.tlog-proof');
    writeFileSync(bare, readFileSync(join(out, '7.tlog-proof'), 'utf8').replace(/^extra .*\n/m, ''));
    expect((await verifyProof(bare)).err).toContain('it has to be given');
    writeFileSync(join(out, 'record'), recordOf(7));
    expect((await verifyProof(bare, '--record', join(out, 'record'))).code).toBe(0);
  });

  it('takes no proof in which any one character was changed, or that was cut off', async () => {
    await prove('--index', '299', log.directory);
    const whole = readFileSync(join(out, '299.tlog-proof'), 'utf8');
    const file = join(out, 'changed.tlog-proof');
    for (let at = 0; at < whole.length; at++) {
      const other = whole[at] === 'A' ? 'B' : 'A';
      const changed = `${whole.slice(0, at)}${other}${whole.slice(at + 1)}`;
      for (const text of at % 8 === 0 ? [changed, whole.slice(0, at)] : [changed]) {
        writeFileSync(file, text);
        const { code, out: said } = await verifyProof(file);
        expect([at, code === 1 || code === 3, said]).toEqual([at, true, '']);
      }
    }
  });

  it('can be asked of every file that was written', async () => {
    const files = readdirSync(out).filter((name) => /^[0-9]+\.tlog-proof$/.test(name));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect((await verifyProof(join(out, file))).code).toBe(0);
  });
});
