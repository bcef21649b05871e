import type { CliWorld } from '../../../src/cli/command.js';
import { ProgressBar } from '../../../src/cli/progress.js';

let drawn: string;
let nowMs: number;
const world = (isTerminal: boolean): CliWorld => ({
  out: () => undefined,
  drained: () => Promise.resolve(true),
  err: (text) => void (drawn += text),
  isTerminal,
  readInput: () => Promise.resolve(new Uint8Array(0)),
  nowMs: () => nowMs,
  randomBytes: (byteLength) => new Uint8Array(byteLength),
});

beforeEach(() => ([drawn, nowMs] = ['', 1_000]));

describe('a progress bar', () => {
  it('says how far it is and how long it takes, and is gone in the end', () => {
    const bar = new ProgressBar(world(true), 'reading', 200);
    nowMs += 30_000;
    bar.update(50);
    expect(drawn).toMatch(/^\rreading \[#{8}\.{22}\] 25 %, 1 min 30 s left/);
    bar.finish();
    expect(drawn.endsWith('\r\u001b[K')).toBe(true);
  });

  it('is drawn ten times a second at most, and nowhere but on a terminal', () => {
    const bar = new ProgressBar(world(true), 'reading', 1_000);
    for (let done = 0; done < 1_000; done++) bar.update(done);
    expect(drawn.split('\r')).toHaveLength(2);
    drawn = '';
    const silent = new ProgressBar(world(false), 'reading', 1);
    silent.update(1);
    silent.finish();
    expect(drawn).toBe('');
  });
});
