import type { DemonstrationRow } from '../../../tools/local-federation/demonstration/demonstration.js';
import { tableLines } from '../../../tools/local-federation/demonstration/table.js';
import { lineProgress, paintFor } from '../../../tools/local-federation/progress.js';

const plain = paintFor({}, {});

const row = (changes: Partial<DemonstrationRow>): DemonstrationRow => ({
  title: 'replay',
  expectedStatus: 409,
  status: 409,
  code: 'replayed_nonce',
  seen: false,
  asExpected: true,
  ...changes,
});

describe('progress', () => {
  it('says each step with its duration', async () => {
    const lines: string[] = [];
    const progress = lineProgress((line) => lines.push(line), plain);
    await expect(progress.step('built', () => Promise.resolve(1))).resolves.toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^✓ built \(\d+\.\d s\)$/)]);
  });

  it('says which step failed, and hands the failure on', async () => {
    const lines: string[] = [];
    const progress = lineProgress((line) => lines.push(line), plain);
    await expect(progress.step('built', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(lines).toEqual([expect.stringMatching(/^✗ built/)]);
  });

  it.each([
    ['on a terminal', { isTTY: true }, {}, true],
    ['into a file', {}, {}, false],
    ['where NO_COLOR is set', { isTTY: true }, { NO_COLOR: '1' }, false],
  ])('has colours %s or not', (_where, stream, environment, coloured) => {
    expect(paintFor(stream, environment).good('x') !== 'x').toBe(coloured);
  });
});

describe('the table of the demonstration', () => {
  it('shows what was expected, what came back and what the application saw', () => {
    const [heading, line] = tableLines([row({})], plain);
    expect(heading).toMatch(/^request +expected +got +application saw it$/);
    expect(line).toMatch(/^replay +409 +409 replayed_nonce +no +as it should be$/);
  });

  it.each([
    ['a wrong row', { asExpected: false, status: 202, code: '', seen: true }, /409 +202 +yes +WRONG$/],
    ['a connection that broke', { status: 0, code: 'reset', asExpected: false }, /no answer reset/],
    ['an application that cannot be asked', { seen: undefined }, /not known +as it should be$/],
  ])('shows %s', (_what, changes, expected) => {
    expect(tableLines([row(changes)], plain)[1]).toMatch(expected);
  });
});
