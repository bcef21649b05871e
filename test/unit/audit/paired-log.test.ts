/** Two places for every record: what is said when one of them cannot be written. */
import type { Appended, AuditLog } from '../../../src/audit/audit-log.js';
import { PairedLog } from '../../../src/audit/paired-log.js';

class FakeLog implements AuditLog {
  readonly lines: string[] = [];
  next: Appended | Error = 'written';
  reopened = 0;
  closed = 0;

  append(line: string): Promise<Appended> {
    if (this.next instanceof Error) return Promise.reject(this.next);
    if (this.next === 'written') this.lines.push(line);
    return Promise.resolve(this.next);
  }

  correct(line: string): void {
    this.lines.push(line);
  }

  reopen(): void {
    this.reopened += 1;
  }

  fault(): string | undefined {
    return this.next instanceof Error ? this.next.message : undefined;
  }

  close(): Promise<void> {
    this.closed += 1;
    return this.next instanceof Error ? Promise.reject(this.next) : Promise.resolve();
  }
}

function setUp(first: Appended | Error = 'written', second: Appended | Error = 'written') {
  const [one, other] = [new FakeLog(), new FakeLog()];
  one.next = first;
  other.next = second;
  return { one, other, log: new PairedLog(one, other) };
}

const FULL = new Error('the disk is full');

describe('a record with two places', () => {
  it.each([
    ['written', 'written', 'written'],
    ['written', 'withdrawn', 'withdrawn'],
    ['withdrawn', 'withdrawn', 'withdrawn'],
    ['written', FULL, 'partly'],
    [FULL, 'written', 'partly'],
    [FULL, 'withdrawn', 'partly'],
  ] as const)('of which one is %s and the other %s is %s', async (first, second, expected) => {
    expect(await setUp(first, second).log.append('a\n')).toBe(expected);
  });

  it('is lost where neither could be written, and why is said', async () => {
    await expect(setUp(FULL, FULL).log.append('a\n')).rejects.toBe(FULL);
  });

  it('is corrected in both', () => {
    const { one, other, log } = setUp();
    log.correct('b\n');
    expect([one.lines, other.lines]).toEqual([['b\n'], ['b\n']]);
  });

  it('is at fault while either is', () => {
    expect(setUp('written', FULL).log.fault()).toBe('the disk is full');
    expect(setUp(FULL).log.fault()).toBe('the disk is full');
    expect(setUp().log.fault()).toBeUndefined();
  });

  it('has both opened anew and closed, also where one of them cannot be', async () => {
    const { one, other, log } = setUp(FULL);
    log.reopen();
    await expect(log.close()).rejects.toBe(FULL);
    expect([one.reopened, other.reopened, one.closed, other.closed]).toEqual([1, 1, 1, 1]);
  });
});
