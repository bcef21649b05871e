/** One load for all workers, and the last good configuration for whoever comes later. */
import type { PackedConfiguration } from '../../../../src/config/packed-configuration.js';
import type { LoadedFiles } from '../../../../src/serve/reload/load-files.js';
import { SharedConfiguration } from '../../../../src/serve/workers/shared-configuration.js';

const partsOf = (byte: number): PackedConfiguration => [
  { bytes: Uint8Array.of(byte), isSecret: true },
  { bytes: Uint8Array.of(byte), isSecret: false },
];
const bytesOf = ({ parts }: LoadedFiles): number[] => (parts ?? []).map(({ bytes }) => bytes[0] ?? -1);

function setUp() {
  let loads = 0;
  let problems: readonly string[] | undefined;
  const files = new SharedConfiguration(
    { load: () => Promise.resolve({ problems, parts: partsOf(10 + ++loads) }) },
    partsOf(10),
  );
  return { files, loads: () => loads, spoil: () => (problems = ['bad']) };
}

// Fault: reload-large, worker-killed
describe('files that workers share', () => {
  it('are loaded once for all that ask together, and once more for whoever asks later', async () => {
    const { files, loads } = setUp();
    const [first, second] = await Promise.all([files.load(0), files.load(1)]);
    expect([first === second, loads()]).toEqual([true, 1]);
    await files.load(0);
    expect(loads()).toBe(2);
  });

  it('give whoever starts the configuration that came in force last', async () => {
    const { files } = setUp();
    expect([bytesOf(files.lastGood), files.lastGood.generation]).toEqual([[10, 10], 1]);
    const next = await files.load(0);
    expect(bytesOf(files.lastGood)).toEqual([10, 10]);
    files.keep(next);
    files.keep(next);
    expect([bytesOf(files.lastGood), files.lastGood.generation]).toEqual([[11, 11], 2]);
  });

  it('that are bad by now, or need a restart, change nothing of that', async () => {
    const { files, spoil } = setUp();
    const next = await files.load(0);
    files.keep(next);
    spoil();
    await files.load(0);
    await files.load(0);
    files.keep(next);
    expect([bytesOf(files.lastGood), files.lastGood.generation]).toEqual([[11, 11], 2]);
  });

  it('are wiped of their private keys when they are no longer needed', async () => {
    const { files } = setUp();
    const started = files.lastGood;
    const first = await files.load(0);
    files.keep(first);
    expect(bytesOf(started)).toEqual([0, 10]);
    const unused = await files.load(0);
    await files.load(0);
    expect([bytesOf(unused), bytesOf(first)]).toEqual([
      [0, 12],
      [11, 11],
    ]);
  });

  it('are kept when a worker puts them in force after others were read, good or bad', async () => {
    const { files, spoil } = setUp();
    const [first, second] = [await files.load(0), await files.load(1)];
    spoil();
    await files.load(1);
    files.keep(first);
    expect([bytesOf(files.lastGood), files.lastGood.generation]).toEqual([[11, 11], 2]);
    expect(bytesOf(second)).toEqual([0, 12]);
  });

  it('never go back to what was loaded before', async () => {
    const { files } = setUp();
    const [older, newer] = [await files.load(0), await files.load(1)];
    files.keep(newer);
    files.keep(older);
    expect([bytesOf(files.lastGood), bytesOf(older)]).toEqual([
      [12, 12],
      [0, 11],
    ]);
  });

  it('are wiped when the last worker that was given them is gone', async () => {
    const { files } = setUp();
    const [given] = await Promise.all([files.load(0), files.load(1)]);
    files.release(0);
    expect(bytesOf(given)).toEqual([11, 11]);
    files.release(1);
    expect(bytesOf(given)).toEqual([0, 11]);
  });
});
