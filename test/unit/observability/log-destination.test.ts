import { Registry } from 'prom-client';
import { addLogMetrics, LogDestination } from '../../../src/observability/log-destination.js';
import { until } from '../../support/until.js';

/** A stream that takes what it has room for; without any it is busy, or fails for good. */
class FakeStream {
  text = '';
  room = Infinity;
  failure: string | undefined;
  /** Of the lines that it was given: the memory that each keeps while it waits. */
  kept: number[] = [];

  readonly write = (_descriptor: number, bytes: Buffer): number => {
    this.kept.push(bytes.buffer.byteLength);
    if (this.failure !== undefined) throw Object.assign(new Error(this.failure), { code: this.failure });
    if (this.room <= 0) throw Object.assign(new Error('EAGAIN'), { code: 'EAGAIN' });
    const written = Math.min(bytes.length, this.room);
    this.room -= written;
    this.text += bytes.subarray(0, written).toString();
    return written;
  };
}

function setUp() {
  const stream = new FakeStream();
  const lossLine = (lost: number): string => `lost ${lost}\n`;
  const log = new LogDestination({ lossLine, descriptor: 2, write: stream.write });
  return { stream, log };
}

// Fault: log-unwritable
describe('the destination of the log', () => {
  it('drops and counts what a full disk or a closed pipe does not take, and tells of it first', () => {
    const { stream, log } = setUp();
    log.write('a\n');
    for (const failure of ['ENOSPC', 'EPIPE', 'EIO']) {
      stream.failure = failure;
      log.write('b\n');
    }
    expect(log.lostLines).toBe(3);
    stream.failure = undefined;
    log.write('c\n');
    log.write('d\n');
    expect(stream.text).toBe('a\nlost 3\nc\nd\n');
  });

  it('tells of a loss without waiting for the next line', async () => {
    const { stream, log } = setUp();
    stream.failure = 'ENOSPC';
    log.write('b\n');
    stream.failure = undefined;
    await until('the loss is told', () => stream.text === 'lost 1\n');
  });

  it('keeps what a stalled reader has no room for, in order, and goes on in the middle of a line', async () => {
    const { stream, log } = setUp();
    stream.room = 3;
    log.write('first\n');
    log.write('second\n');
    expect(stream.text).toBe('fir');
    stream.room = Infinity;
    await until('all is written', () => stream.text === 'first\nsecond\n');
    expect(log.lostLines).toBe(0);
  });

  it('keeps no more than its bound, and tells of the rest behind what it kept', async () => {
    const { stream, log } = setUp();
    stream.room = 0;
    const line = `${'x'.repeat(1023)}\n`;
    for (let count = 0; count < 300; count++) log.write(line);
    expect(log.lostLines).toBe(300 - 256);
    stream.room = Infinity;
    await until('all is written', () => stream.text === `${line.repeat(256)}lost 44\n`);
  });

  it('keeps of what waits no more memory than its bytes', () => {
    const { stream, log } = setUp();
    stream.room = 0;
    log.write('für\n');
    stream.failure = 'EIO';
    log.write('b\n');
    stream.failure = undefined;
    stream.room = Infinity;
    log.write('c\n');
    expect(stream.text).toBe('lost 2\nc\n');
    expect(stream.kept).toEqual([5, 5, 7, 2]);
  });

  it('ends a line that has begun before it writes another one, whatever happened between', () => {
    const { stream, log } = setUp();
    stream.room = 3;
    log.write('first\n');
    stream.failure = 'ENOSPC';
    log.write('second\n');
    expect(log.lostLines).toBe(1);
    stream.failure = undefined;
    stream.room = Infinity;
    log.write('third\n');
    expect(stream.text).toBe('first\nthird\nlost 1\n');
  });

  it('shows its losses as a metric', async () => {
    const { stream, log } = setUp();
    const registry = new Registry();
    addLogMetrics(registry, () => log.lostLines);
    stream.failure = 'ENOSPC';
    log.write('a\n');
    expect(await registry.metrics()).toContain('countersign_log_lines_lost_total 1');
    expect(await registry.metrics()).toContain('countersign_log_lines_lost_total 1');
  });
});
