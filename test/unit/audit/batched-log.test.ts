import type { ChunkWriter } from '../../../src/audit/audit-log.js';
import { BatchedLog } from '../../../src/audit/batched-log.js';

/** Keeps chunks; fails while it is told to. */
class FakeWriter implements ChunkWriter {
  readonly chunks: string[] = [];
  failure: unknown = undefined;
  closed = false;

  write(chunk: string): void {
    if (this.failure !== undefined) throw this.failure as Error;
    this.chunks.push(chunk);
  }

  close(): void {
    this.closed = true;
  }
}

function setUp() {
  const writer = new FakeWriter();
  const log = new BatchedLog(writer, (lost) => `gap of ${lost}\n`);
  return { writer, log };
}

/** Longer than the log waits before it tries a failed writer again. */
const retried = () => new Promise((resolve) => setTimeout(resolve, 600));

describe('the batched log', () => {
  it('writes the records of one turn in one chunk, in their order', async () => {
    const { writer, log } = setUp();
    await Promise.all(['a\n', 'b\n', 'c\n'].map((line) => log.append(line)));
    await log.append('d\n');
    expect(writer.chunks).toEqual(['a\nb\nc\n', 'd\n']);
  });

  it('does not say that a record is written before it is', async () => {
    const { writer, log } = setUp();
    let written = false;
    const appended = log.append('a\n').then(() => (written = true));
    await Promise.resolve();
    expect([written, writer.chunks.length]).toEqual([false, 0]);
    await appended;
    expect(writer.chunks).toEqual(['a\n']);
  });

  it('rejects every record of a chunk that could not be written, and says why', async () => {
    const { writer, log } = setUp();
    writer.failure = new Error('no space');
    const outcomes = await Promise.allSettled([log.append('a\n'), log.append('b\n')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(log.fault()).toBe('no space');
    await log.close();
  });

  it('turns whatever was thrown into an error', async () => {
    const { writer, log } = setUp();
    writer.failure = 'a text';
    await expect(log.append('a\n')).rejects.toThrow('a text');
    await log.close();
  });

  it('tells of the gap before the next record', async () => {
    const { writer, log } = setUp();
    writer.failure = new Error('no space');
    await Promise.allSettled([log.append('a\n'), log.append('b\n')]);
    await Promise.allSettled([log.append('c\n')]);
    writer.failure = undefined;
    await log.append('d\n');
    expect(writer.chunks).toEqual(['gap of 3\nd\n']);
    expect(log.fault()).toBeUndefined();
    await log.append('e\n');
    expect(writer.chunks.at(-1)).toBe('e\n');
  });

  it('recovers without traffic, since its own fault may have stopped it', async () => {
    const { writer, log } = setUp();
    writer.failure = new Error('no space');
    await Promise.allSettled([log.append('a\n')]);
    await retried();
    expect(log.fault()).toBe('no space');
    writer.failure = undefined;
    await retried();
    expect(log.fault()).toBeUndefined();
    expect(writer.chunks).toEqual(['gap of 1\n']);
    await retried();
    expect(writer.chunks).toHaveLength(1);
  });

  it('writes what is pending when it closes, and takes nothing after', async () => {
    const { writer, log } = setUp();
    const pending = log.append('a\n');
    await log.close();
    await pending;
    expect([writer.chunks, writer.closed]).toEqual([['a\n'], true]);
    await expect(log.append('b\n')).rejects.toThrow('closed');
    expect(writer.chunks).toEqual(['a\n']);
  });
});
