/** A policy's quorum where the log is ahead of its witnesses. */
import { sign } from 'node:crypto';
import { LogDirectory } from '../../../src/audit/read/log-directory.js';
import { verifyLog, type LogVerdict } from '../../../src/audit/read/verify-log.js';
import { keyIdOf, NOTE_COSIGNATURE, verifierKeyText } from '../../../src/tlog/note.js';
import { parsePolicy } from '../../../src/tlog/policy.js';
import { GrowingLog, keyNamed } from '../../support/audit/growing-log.js';

const NAME = 'witness.example';

let log: GrowingLog;
beforeEach(() => (log = new GrowingLog()));
afterEach(() => log.remove());

function cosigned(note: string): string {
  const { key, raw } = keyNamed(NAME);
  const text = note.slice(0, note.indexOf('\n\n') + 1);
  const head = Buffer.alloc(12);
  head.writeUInt32BE(keyIdOf(NAME, NOTE_COSIGNATURE, raw));
  head.writeBigUInt64BE(1_700_000_000n, 4);
  const signed = sign(null, Buffer.from(`cosignature/v1\ntime 1700000000\n${text}`), key);
  return `${note}— ${NAME} ${Buffer.concat([head, signed]).toString('base64')}\n`;
}

function verify(): Promise<LogVerdict> {
  const witness = `witness one ${verifierKeyText(NAME, keyNamed(NAME).raw, NOTE_COSIGNATURE)}`;
  return verifyLog({
    directory: new LogDirectory(log.directory),
    trust: { keys: [], policy: parsePolicy(`log ${log.verifierKey}\n${witness}\nquorum one\n`) },
    retained: [],
    onlyNew: false,
    minimumIndex: 0,
    isQuiet: false,
  });
}

const kinds = ({ faults }: LogVerdict) => faults.map(({ kind }) => kind);

test('the published checkpoint has it', async () => {
  log.publish('checkpoint', cosigned(log.grow(10)));
  const verdict = await verify();
  expect([verdict.witnessedSize, kinds(verdict)]).toEqual([10, []]);
});

test('an earlier one has it, which the published one extends', async () => {
  log.publish('checkpoint.witnessed', cosigned(log.grow(300)));
  log.grow(50);
  const verdict = await verify();
  expect([verdict.witnessedSize, verdict.verified, kinds(verdict)]).toEqual([300, 350, []]);
});

test('neither has it', async () => {
  log.publish('checkpoint.witnessed', log.grow(10));
  const verdict = await verify();
  expect([verdict.witnessedSize, kinds(verdict)]).toEqual([undefined, ['quorum']]);
});

test('the one that has it is of another tree, or of a larger one', async () => {
  const other = new GrowingLog();
  const witnessed = cosigned(other.grow(10, (index) => `{"other":${index}}`));
  other.remove();
  log.publish('checkpoint.witnessed', witnessed);
  log.grow(20);
  const forked = await verify();
  expect(forked.witnessedSize).toBeUndefined();
  expect(kinds(forked)).not.toEqual([]);
  const backup = log.checkpoint();
  log.publish('checkpoint.witnessed', cosigned(log.grow(20)));
  log.publish('checkpoint', backup);
  expect(kinds(await verify())).toEqual(['truncated']);
});
