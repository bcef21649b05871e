/** One load for all workers, and the last good configuration for whoever comes later. */
import type { HandOver } from '../../../../src/config/hand-over.js';
import type { JudgedFiles } from '../../../../src/serve/reload/judged-files.js';
import { SharedFiles } from '../../../../src/serve/workers/shared-files.js';

const partsOf = (byte: number): HandOver => [
  { bytes: Uint8Array.of(byte), isSecret: true },
  { bytes: Uint8Array.of(byte), isSecret: false },
];
const bytesOf = ({ parts }: JudgedFiles): number[] => (parts ?? []).map(({ bytes }) => bytes[0] ?? -1);

function setUp() {
  let loads = 0;
  let problems: readonly string[] | undefined;
  const files = new SharedFiles(
    { load: () => Promise.resolve({ problems, parts: partsOf(10 + ++loads) }) },
    partsOf(10),
  );
  return { files, loads: () => loads, spoil: () => (problems = ['bad']) };
}

// Fault: reload-large, worker-killed
describe('files that workers share', () => {
  it('are loaded once for all that ask together, and once more for whoever asks later', async () => {
    const { files, loads } = setUp();
    const [first, second] = await Promise.all([files.load(), files.load()]);
    expect([first === second, loads()]).toEqual([true, 1]);
    await files.load();
    expect(loads()).toBe(2);
  });

  it('give whoever starts the configuration that came in force last', async () => {
    const { files } = setUp();
    expect([bytesOf(files.lastGood), files.lastGood.generation]).toEqual([[10, 10], 1]);
    const next = await files.load();
    expect(bytesOf(files.lastGood)).toEqual([10, 10]);
    files.keep(next);
    files.keep(next);
    expect([bytesOf(files.lastGood), files.lastGood.generation]).toEqual([[11, 11], 2]);
  });

  it('that are bad by now, or need a restart, change nothing of that', async () => {
    const { files, spoil } = setUp();
    const next = await files.load();
    files.keep(next);
    spoil();
    await files.load();
    await files.load();
    files.keep(next);
    expect([bytesOf(files.lastGood), files.lastGood.generation]).toEqual([[11, 11], 2]);
  });

  it('are wiped of their private keys when they are no longer needed', async () => {
    const { files } = setUp();
    const started = files.lastGood;
    const first = await files.load();
    files.keep(first);
    expect(bytesOf(started)).toEqual([0, 10]);
    const unused = await files.load();
    await files.load();
    expect([bytesOf(unused), bytesOf(first)]).toEqual([
      [0, 12],
      [11, 11],
    ]);
  });
});
