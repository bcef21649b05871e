import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { look } from '../../../src/why/look.js';
import { UnreadableRecords } from '../../../src/why/records.js';
import { writeSealedLog } from '../../support/sealed-log.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
  writeSealedLog(
    folder,
    Array.from({ length: 1_000 }, (_, number) => ({
      time: new Date(number * 1000).toISOString(),
      decision_id: `d-${number}`,
      request_id: `r-${number}`,
      code: 'allow',
      ...(number > 900 && { first_decision_id: 'd-5' }),
    })),
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

const files = () => ({ audit: [], envoy: [], log: folder });
const forever = { mayGoOn: () => true };

describe('looking a request up in the directory of a log', () => {
  it('finds it by either id, and the copies that name it, as many as are told of', async () => {
    const { records } = await look('r-77', files(), forever);
    expect(records).toMatchObject([{ decision_id: 'd-77' }]);
    const first = await look('d-5', files(), forever);
    expect([first.copies.length, first.hasMore]).toEqual([50, true]);
    expect(first.copies.at(-1)).toMatchObject({ decision_id: 'd-999' });
    expect(first.records).toMatchObject([{ decision_id: 'd-5' }]);
  });

  it('finds a request that Envoy ended by itself, and lets none of those hide a decision', async () => {
    const claiming = { event: 'envoy.refused', claimed_request_id: 'r-1', status: 400 };
    const decision = { event: 'telemetry.accepted', decision_id: 'd-1', request_id: 'r-1', code: 'allow' };
    rmSync(folder, { recursive: true });
    writeSealedLog(folder, [decision, ...Array.from({ length: 300 }, () => claiming)]);
    const { records, hasMore } = await look('r-1', files(), forever);
    expect(records).toMatchObject([{ decision_id: 'd-1' }, ...Array.from({ length: 5 }, () => claiming)]);
    expect(hasMore).toBe(true);
  });

  it('finds nothing where there is nothing', async () => {
    expect(await look('nobody', files(), forever)).toMatchObject({ records: [], copies: [], hasMore: false });
    expect(await look('nobody', { ...files(), log: join(folder, 'none') })).toMatchObject({ records: [] });
  });

  it('says that there is more where its time is over', async () => {
    expect(await look('d-1', files(), { mayGoOn: () => false })).toMatchObject({
      records: [],
      hasMore: true,
    });
  });

  it.each([
    ['at once', false],
    ['where the state is of no log', true],
  ])(
    'finds what is committed, although its checkpoint is published a moment later: %s',
    async (_, isDamaged) => {
      const older = readFileSync(join(folder, 'checkpoint'));
      const more = Array.from({ length: 1_010 }, (__, number) => ({ decision_id: `d-${number}` }));
      rmSync(folder, { recursive: true });
      writeSealedLog(folder, more);
      const checkpoint = readFileSync(join(folder, 'checkpoint'), 'utf8');
      mkdirSync(join(folder, '.sequencer'), { recursive: true });
      const state = { checkpoint: isDamaged ? 'no checkpoint' : checkpoint, sealed: [] };
      writeFileSync(join(folder, '.sequencer/state.json'), JSON.stringify(state));
      writeFileSync(join(folder, 'checkpoint'), older);
      expect((await look('d-1009', files(), forever)).records).toHaveLength(isDamaged ? 0 : 1);
      expect((await look('d-999', files(), forever)).records).toHaveLength(1);
    },
  );

  it('tells of a damaged file by its name', async () => {
    const entries = join(folder, 'tile/entries');
    for (const name of readdirSync(entries))
      if (!name.endsWith('.p')) writeFileSync(join(entries, name), '"d-1"');
    await expect(look('d-1', files(), forever)).rejects.toThrow(UnreadableRecords);
  });
});
