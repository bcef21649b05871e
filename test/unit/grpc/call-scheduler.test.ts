import { CallScheduler, type LoadLimits, type ScheduledCall } from '../../../src/grpc/call-scheduler.js';
import type { ShedReason } from '../../../src/grpc/method.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function turnsPass(count = 40): Promise<void> {
  for (let passed = 0; passed < count; passed++) await turn();
}

/** A scheduler that notes what happens to the calls of a test, by name. */
class Watched {
  readonly begun: string[] = [];
  readonly shed: [string, ShedReason][] = [];
  readonly told: ShedReason[] = [];
  waits = 0;
  /** The clock: a call that takes time moves it, so that no test depends on the machine's pace. */
  nowMs = 0;
  readonly scheduler: CallScheduler;

  constructor(limits: Partial<LoadLimits> = {}) {
    this.scheduler = new CallScheduler(
      { maxWaiting: 100, maxHeldBytes: 1_000, ...limits },
      { waited: () => this.waits++, shed: (reason) => this.told.push(reason) },
      () => this.nowMs,
    );
  }

  call(name: string, change: Partial<ScheduledCall> = {}): ScheduledCall {
    const call: ScheduledCall = {
      lane: name.charAt(0),
      heldBytes: 0,
      arrivedMs: this.nowMs,
      latestBeginMs: Infinity,
      cancelled: () => false,
      begin: () => void this.begun.push(name),
      shed: (reason) => {
        this.shed.push([name, reason]);
        this.scheduler.release(call.heldBytes);
      },
      ...change,
    };
    return call;
  }

  /** As many as are begun in one turn, so that what comes next has to wait. */
  fillTurn(): void {
    const probes = Array.from({ length: 20 }, () => this.call('-'));
    for (const probe of probes) this.scheduler.submit(probe);
    for (const probe of probes) this.scheduler.cancel(probe);
    for (const noted of [this.begun, this.shed, this.told]) noted.length = 0;
  }

  run(...names: string[]): void {
    for (const name of names) this.scheduler.submit(this.call(name));
  }
}

describe('the scheduler of calls', () => {
  it('begin a few calls at once and the others later, in the order of arrival', async () => {
    const watched = new Watched();
    const names = Array.from({ length: 20 }, (_, number) => `a${number}`);
    watched.run(...names);
    const atOnce = watched.begun.length;
    expect([atOnce > 0, atOnce < 10, watched.scheduler.waiting]).toEqual([true, true, 20 - atOnce]);
    await turnsPass();
    expect([watched.begun, watched.scheduler.waiting, watched.waits]).toEqual([names, 0, 20 - atOnce]);
    expect(watched.told).toEqual([]);
  });

  it('let what a call has scheduled come before the calls of the next turn', async () => {
    const { scheduler, call } = bound(new Watched());
    const order: string[] = [];
    scheduler.submit(call('a', { begin: () => setImmediate(() => order.push('flush')) }));
    for (let number = 0; number < 10; number++) scheduler.submit(call('a'));
    scheduler.submit(call('a', { begin: () => void order.push('last call') }));
    await turnsPass(20);
    expect(order).toEqual(['flush', 'last call']);
  });

  it('give a call that comes alone no wait', async () => {
    const watched = new Watched();
    for (let round = 0; round < 5; round++) {
      watched.run('a');
      expect(watched.begun).toHaveLength(round + 1);
      await turnsPass(2);
    }
    expect(watched.waits).toBe(0);
  });

  it('go round by lane: one call of a quiet peer passes a hundred of a loud one', async () => {
    const watched = new Watched({ maxWaiting: 1_000 });
    watched.fillTurn();
    watched.run(...Array.from({ length: 100 }, (_, number) => `loud${number}`), 'quiet');
    await turn();
    await turn();
    expect(watched.begun.slice(0, 2)).toEqual(['loud0', 'quiet']);
  });
});

// Fault: overload
describe('a full queue', () => {
  it('sheds the next call of the lane that fills it', () => {
    const watched = new Watched({ maxWaiting: 3 });
    watched.fillTurn();
    watched.run('a1', 'a2', 'a3', 'a4');
    expect([watched.shed, watched.scheduler.waiting]).toEqual([[['a4', 'queue_full']], 3]);
  });

  it('gives a place of the longest lane to a call of a shorter one', async () => {
    const watched = new Watched({ maxWaiting: 3 });
    watched.fillTurn();
    watched.run('a1', 'a2', 'a3', 'b1', 'b2');
    expect(watched.shed).toEqual([
      ['a1', 'queue_full'],
      ['b2', 'queue_full'],
    ]);
    await turnsPass();
    expect(watched.begun).toEqual(['a2', 'b1', 'a3']);
  });

  it('tells the reason of each', () => {
    const watched = new Watched({ maxWaiting: 1 });
    watched.fillTurn();
    watched.run('a1', 'a2');
    expect(watched.told).toEqual(['queue_full']);
  });
});

// Fault: overload
describe('a call whose caller waits no longer than this', () => {
  it('is shed at its turn, not begun, when that comes too late', async () => {
    const watched = new Watched();
    watched.fillTurn();
    watched.scheduler.submit(watched.call('a1', { latestBeginMs: watched.nowMs + 5 }));
    watched.nowMs += 6;
    await turnsPass();
    expect([watched.begun, watched.shed]).toEqual([[], [['a1', 'deadline']]]);
  });

  it('is shed on arrival when the calls before it take too long by experience', async () => {
    const watched = new Watched();
    const slow = (): void => void (watched.nowMs += 3);
    for (let number = 0; number < 100; number++) watched.scheduler.submit(watched.call('a', { begin: slow }));
    await turnsPass(5);
    expect(watched.scheduler.waiting).toBeGreaterThan(20);
    const latestBeginMs = watched.nowMs + 40;
    watched.scheduler.submit(watched.call('b', { latestBeginMs }));
    watched.scheduler.submit(watched.call('a-late', { latestBeginMs }));
    expect(watched.shed).toEqual([['a-late', 'deadline']]);
    await turnsPass(100);
  });
});

describe('a call that was reset while it waited', () => {
  it('is not begun, and answered by nobody', async () => {
    const watched = new Watched();
    watched.fillTurn();
    watched.scheduler.submit(watched.call('a1', { cancelled: () => true }));
    await turnsPass();
    expect([watched.begun, watched.shed, watched.told]).toEqual([[], [], ['cancelled']]);
  });

  it('gives its place back at once', () => {
    const watched = new Watched({ maxWaiting: 2 });
    watched.fillTurn();
    const gone = watched.call('a1');
    watched.scheduler.submit(gone);
    watched.run('a2');
    watched.scheduler.cancel(gone);
    watched.scheduler.cancel(gone);
    watched.run('a3');
    expect([watched.scheduler.waiting, watched.told]).toEqual([2, ['cancelled']]);
  });
});

describe('held bytes', () => {
  it('over the limit are room for no more, where nothing waits that could give way', () => {
    const { scheduler } = new Watched({ maxHeldBytes: 100 });
    expect([scheduler.hold(60), scheduler.hold(40), scheduler.hold(1)]).toEqual([true, true, false]);
    scheduler.release(1);
    scheduler.release(60);
    expect([scheduler.hold(60), scheduler.heldBytes]).toEqual([true, 100]);
  });

  it('are made free by the lane that holds most', () => {
    const watched = new Watched({ maxHeldBytes: 100 });
    watched.fillTurn();
    for (const [name, heldBytes] of [
      ['a1', 20],
      ['b1', 40],
      ['b2', 20],
    ] as const) {
      watched.scheduler.hold(heldBytes);
      watched.scheduler.submit(watched.call(name, { heldBytes }));
    }
    expect([watched.scheduler.hold(30), watched.shed]).toEqual([true, [['b1', 'bytes']]]);
    expect([watched.scheduler.heldBytes, watched.scheduler.waiting]).toEqual([70, 2]);
  });

  it('of a call that alone is more than any lane has are refused to that call', () => {
    const watched = new Watched({ maxHeldBytes: 100 });
    watched.fillTurn();
    watched.scheduler.hold(20);
    watched.scheduler.submit(watched.call('a1', { heldBytes: 20 }));
    expect([watched.scheduler.hold(90), watched.shed]).toEqual([false, []]);
  });
});

/** The scheduler and a maker of calls, free of their object. */
function bound(watched: Watched): Pick<Watched, 'scheduler' | 'call'> {
  return { scheduler: watched.scheduler, call: (name, change) => watched.call(name, change) };
}

// Fault: slow-reader
describe('bytes of calls that are under way', () => {
  /** Begun one a turn, so that none of them waits. */
  async function begin(watched: Watched, name: string, heldBytes: number): Promise<ScheduledCall> {
    const call = watched.call(name, { heldBytes });
    watched.scheduler.hold(heldBytes);
    watched.scheduler.submit(call);
    await turnsPass(3);
    return call;
  }

  it('are at most half of all for one peer alone, and another peer still finds room', async () => {
    const watched = new Watched();
    for (let number = 1; number <= 8; number++) await begin(watched, `a${number}`, 100);
    expect(watched.begun).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
    expect(watched.shed.map(([, reason]) => reason)).toEqual(['bytes', 'bytes', 'bytes']);
    await begin(watched, 'b1', 100);
    expect(watched.begun.at(-1)).toBe('b1');
  });

  it('leave room for a third peer when two take what they can', async () => {
    const watched = new Watched();
    for (let number = 1; number <= 8; number++) {
      await begin(watched, `a${number}`, 100);
      await begin(watched, `b${number}`, 100);
    }
    await begin(watched, 'c1', 200);
    expect(watched.begun.at(-1)).toBe('c1');
  });

  it('are free again for the same peer once its calls were answered', async () => {
    const watched = new Watched();
    const calls = [];
    for (let number = 1; number <= 5; number++) calls.push(await begin(watched, `a${number}`, 100));
    for (const call of calls) {
      watched.scheduler.finish(call);
      watched.scheduler.release(call.heldBytes);
    }
    await begin(watched, 'a6', 100);
    expect([watched.begun.at(-1), watched.shed]).toEqual(['a6', []]);
  });
});
