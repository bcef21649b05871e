/** Every file that a crash can tear, cut at every byte. */
import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { logPaths } from '../../../../src/audit/log/directory.js';
import { frameHead } from '../../../../src/audit/log/frames.js';
import { openWriteAhead } from '../../../../src/audit/log/write-ahead.js';
import {
  checkpointOf,
  line,
  newDirectory,
  prepare,
  removeDirectory,
  sealAll,
  sealerIn,
  verifiedRecords,
} from '../../../support/audit-log/log-under-test.js';

let template = '';
let directory = '';
beforeEach(async () => {
  template = newDirectory();
  directory = newDirectory();
  await prepare(template);
});
afterEach(() => {
  removeDirectory(template);
  removeDirectory(directory);
});

function startOver(): void {
  removeDirectory(directory);
  cpSync(template, directory, { recursive: true });
}

const OWNER = Buffer.from('{"boot":"an earlier one","namespace":"","pid":1,"started":"1"}');
const FILE = 'wal-00112233445566aa-1';

/** A file of a process that has ended, its chunks each a frame. */
function writeAheadOf(chunks: readonly string[]): Buffer {
  const frames = chunks.flatMap((chunk) => {
    const payload = Buffer.from(chunk);
    return [frameHead('R', payload), payload];
  });
  return Buffer.concat([frameHead('H', OWNER), OWNER, ...frames]);
}

const sealer = () => sealerIn(directory);
const event = (record: string): unknown => (JSON.parse(record) as { event: unknown }).event;

describe('a write-ahead file', () => {
  const chunks = [line(0), line(1) + line(2), line(3) + line(4) + line(5)];
  const bytes = writeAheadOf(chunks);

  it('gives its whole records when its owner has ended, wherever it was cut; what is torn is told of once', async () => {
    for (let length = 0; length <= bytes.length; length++) {
      startOver();
      const { sequencer } = logPaths(directory);
      writeFileSync(join(sequencer, FILE), bytes.subarray(0, length));
      const first = sealer().seal();
      const text = bytes.subarray(0, length).toString();
      const whole = [0, 1, 2, 3, 4, 5].map((number) => line(number)).filter((one) => text.includes(one));
      const records = await verifiedRecords(directory);
      const isHeadTorn = length > 0 && length < bytes.indexOf('}') + 1;
      expect(records.filter((record) => event(record) === 'e')).toEqual(whole.map((one) => one.slice(0, -1)));
      const lost = records.filter((record) => event(record) === 'audit.lost');
      expect(lost.length).toBe(first.losses);
      expect(lost.length).toBeLessThanOrEqual(1);
      // Of whom nothing is known may still be about to write; else all is settled and the file gone.
      if (!isHeadTorn && length > 0) expect(readdirSync(sequencer)).not.toContain(FILE);
      expect(sealer().seal()).toMatchObject({ losses: 0, committed: { size: records.length } });
    }
  });

  it('gives nothing twice when it was cut below what is sealed, as a machine does that loses power', async () => {
    for (let length = 0; length <= bytes.length; length += 7) {
      startOver();
      const { sequencer } = logPaths(directory);
      const owner = Buffer.from('{"boot":"","namespace":"","pid":1,"started":"1"}');
      const living = Buffer.concat([frameHead('H', owner), owner, bytes.subarray(bytes.indexOf('R '))]);
      writeFileSync(join(sequencer, FILE), living);
      sealer().seal();
      writeFileSync(join(sequencer, FILE), bytes.subarray(0, Math.min(length, living.length)));
      sealer().seal();
      const records = await verifiedRecords(directory);
      expect(records.filter((record) => event(record) === 'e')).toHaveLength(6);
    }
  });

  it('is read on behind what the disk has changed, which is told of', async () => {
    for (let at = bytes.indexOf('R '); at < bytes.length; at += 3) {
      startOver();
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(join(logPaths(directory).sequencer, FILE), changed);
      sealer().seal();
      const records = await verifiedRecords(directory);
      const found = records.filter((record) => event(record) === 'e').length;
      expect(found).toBeGreaterThanOrEqual(1);
      if (found < 6) expect(records.map(event)).toContain('audit.lost');
      for (const record of records)
        if (event(record) === 'e') expect(chunks.join('')).toContain(`${record}\n`);
    }
  });

  it('does not give what is no record', async () => {
    startOver();
    const odd = ['no json', '{"a":"\t"}', `{"${'x'.repeat(65_532)}"}`, `{"${'x'.repeat(65_531)}"}`, '{"a":1'];
    const file = writeAheadOf([`${odd.join('\n')}\n${line(1)}`]);
    writeFileSync(join(logPaths(directory).sequencer, FILE), file);
    expect(sealer().seal().losses).toBe(4);
    const records = await verifiedRecords(directory);
    expect(records.map((record) => record.length > 300 || event(record))).toEqual([
      'audit.lost',
      'audit.lost',
      'audit.lost',
      true,
      'audit.lost',
      'e',
    ]);
  });
});

describe('what is sealed', () => {
  beforeEach(async () => {
    const writer = openWriteAhead({ directory: template, durability: 'process' });
    writer.write(Buffer.from(Array.from({ length: 258 }, (_, at) => line(at)).join('')));
    writer.close();
    await sealAll(template);
  });

  const state = join('.sequencer', 'state.json');

  it.each([state, 'tile/0/001.p/2', 'tile/1/000.p/1', 'tile/entries/001.p/2'])(
    'is not gone on with when %s was cut, and says which path and what to do',
    (name) => {
      const { length } = readFileSync(join(template, name));
      const step = length > 100 ? 7 : 1;
      for (let bytes = 0; bytes < length - 1; bytes += step) {
        startOver();
        truncateSync(join(directory, name), bytes);
        expect(() => sealer().seal()).toThrow(/audit-log-.*backup.*directory/);
        expect(checkpointOf(directory)).toEqual(checkpointOf(template));
      }
    },
  );

  it('is published again when the checkpoint was cut anywhere', () => {
    const { length } = readFileSync(join(template, 'checkpoint'));
    for (let bytes = 0; bytes < length; bytes++) {
      startOver();
      truncateSync(join(directory, 'checkpoint'), bytes);
      sealer().seal();
      expect(readFileSync(join(directory, 'checkpoint'))).toEqual(readFileSync(join(template, 'checkpoint')));
    }
  });
});
