import type { ChunkWriter } from '../../../src/audit/audit-log.js';
import { BatchedLog } from '../../../src/audit/batched-log.js';
import { until } from '../../support/until.js';

/** Keeps chunks; fails while it is told to, and takes no more bytes than it has room for. */
class FakeWriter implements ChunkWriter {
  readonly chunks: string[] = [];
  failure: unknown = undefined;
  room = Infinity;
  reopened = 0;
  closed = false;

  write(chunk: Buffer): number {
    if (this.failure !== undefined) throw this.failure as Error;
    const taken = Math.min(chunk.length, this.room);
    this.room -= taken;
    if (taken > 0) this.chunks.push(chunk.subarray(0, taken).toString());
    return taken;
  }

  reopen(): void {
    this.reopened += 1;
    if (this.failure !== undefined) throw this.failure as Error;
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

/** A promise that is looked at without waiting for it. */
function watched<T>(promise: Promise<T>): { value: T | 'failed' | undefined } {
  const seen: { value: T | 'failed' | undefined } = { value: undefined };
  promise.then(
    (value) => (seen.value = value),
    () => (seen.value = 'failed'),
  );
  return seen;
}

// Fault: audit-reader-stalled
describe('the batched log before a reader that has stalled', () => {
  it('waits for a short while, and nothing is lost', async () => {
    const { writer, log } = setUp();
    writer.room = 2;
    const [first, second] = [log.append('a\n'), watched(log.append('b\n'))];
    expect(await first).toBe('written');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([second.value, log.fault()]).toEqual([undefined, undefined]);
    writer.room = Infinity;
    await until('the second is written', () => second.value === 'written');
    expect(writer.chunks.join('')).toBe('a\nb\n');
  });

  it('is at fault after a long one, refuses at once, and tells of the gap when there is room', async () => {
    const { writer, log } = setUp();
    writer.room = 0;
    await expect(log.append('a\n')).rejects.toThrow('stalled');
    expect(log.fault()).toContain('stalled');
    await expect(log.append('b\n')).rejects.toThrow('stalled');
    writer.room = Infinity;
    expect(await log.append('c\n')).toBe('written');
    expect([writer.chunks.join(''), log.fault()]).toEqual(['gap of 2\nc\n', undefined]);
  });

  it('writes what is left of a line before anything else, however long that takes', async () => {
    const { writer, log } = setUp();
    writer.room = 4;
    const begun = watched(log.append('first\n', () => false));
    const lost = watched(log.append('second\n'));
    await until('the log is at fault', () => log.fault() !== undefined);
    expect([begun.value, lost.value, writer.chunks.join('')]).toEqual([undefined, 'failed', 'firs']);
    writer.room = Infinity;
    expect(await log.append('third\n')).toBe('written');
    expect([begun.value, writer.chunks.join('')]).toEqual(['written', 'first\ngap of 1\nthird\n']);
  });

  it('withdraws a line that nobody wants any more, as long as nothing of it is written', async () => {
    const { writer, log } = setUp();
    writer.room = 0;
    let wanted = true;
    const withdrawn = log.append('a\n', () => wanted);
    const kept = log.append('b\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    wanted = false;
    expect(await withdrawn).toBe('withdrawn');
    writer.room = Infinity;
    expect(await kept).toBe('written');
    expect(writer.chunks.join('')).toBe('b\n');
  });

  it('keeps no more lines than its bound', async () => {
    const { writer, log } = setUp();
    writer.room = 0;
    const outcomes = Array.from({ length: 5_000 }, () => watched(log.append('a\n')));
    await until('the last ones are refused', () => outcomes.at(-1)?.value === 'failed');
    expect(outcomes.filter(({ value }) => value === 'failed')).toHaveLength(5_000 - 4_096);
    writer.room = Infinity;
    await until('the others are written', () => outcomes[0]?.value === 'written');
    expect(writer.chunks.join('')).toContain('gap of 904\n');
  });

  it('ends a line that had begun when its reader went away, so that the next one stands alone', async () => {
    const { writer, log } = setUp();
    writer.room = 3;
    const begun = watched(log.append('first\n'));
    await until('it has begun', () => writer.chunks.length === 1);
    writer.failure = new Error('EPIPE');
    await until('it is rejected', () => begun.value === 'failed');
    writer.failure = undefined;
    writer.room = Infinity;
    await log.append('b\n');
    expect(writer.chunks.join('')).toMatch(/^fir\ngap of \d\nb\n$/);
  });

  it('waits no longer than ever when it closes', async () => {
    const { writer, log } = setUp();
    writer.room = 0;
    const outcome = watched(log.append('a\n'));
    await log.close();
    expect([writer.closed, log.fault()]).toEqual([true, undefined]);
    await until('the line is refused', () => outcome.value === 'failed');
  });
});

// Fault: audit-reader-stalled, audit-disk-full
describe('a correction', () => {
  it('is kept over a fault, until it is written', async () => {
    const { writer, log } = setUp();
    writer.failure = new Error('no space');
    log.correct('taken back\n');
    await Promise.allSettled([log.append('a\n')]);
    await retried();
    writer.failure = undefined;
    await retried();
    expect(writer.chunks).toEqual(['gap of 1\ntaken back\n']);
  });

  it('is written without being waited for', async () => {
    const { writer, log } = setUp();
    log.correct('taken back\n');
    await log.append('a\n');
    expect(writer.chunks).toEqual(['taken back\na\n']);
  });
});

// Fault: audit-moved
describe('the batched log that is to open its file anew', () => {
  it('does, and is at fault when it cannot', async () => {
    const { writer, log } = setUp();
    log.reopen();
    expect([writer.reopened, log.fault()]).toEqual([1, undefined]);
    writer.failure = new Error('no such directory');
    log.reopen();
    expect(log.fault()).toBe('no such directory');
    writer.failure = undefined;
    await log.append('a\n');
    expect(log.fault()).toBeUndefined();
    await log.close();
    log.reopen();
    expect(writer.reopened).toBe(2);
  });
});
