/** When rounds of a rotation are made, and when better not: with a clock, rounds and files of the test's own. */
import { jest } from '@jest/globals';
import type { DomainOutcome } from '../../../../src/keys/rotation/round.js';
import type { LoadedFiles } from '../../../../src/serve/reload/load-files.js';
import { KeyRotation } from '../../../../src/serve/rotation/key-rotation.js';
import type { RotationEvent } from '../../../../src/serve/rotation/rotation-status.js';
import { roundInThread, type RoundQuestion } from '../../../../src/serve/rotation/round-thread.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 86_400_000;
const START = Date.UTC(2026, 10, 1);
const TENANT = '11111111-1111-4111-8111-111111111111';
const SCHEDULE = { everyMs: 30 * DAY, announceMs: 2 * DAY, overlapMs: 2 * DAY };
const KEY = { kid: 'k1', notBeforeMs: START, notAfterMs: Infinity };

type Good = Extract<DomainOutcome, { kind: 'good' }>;

/** What a rotation is given, and what it did with it. */
class Bench {
  readonly rotation: KeyRotation;
  readonly rounds: (readonly (string | undefined)[])[] = [];
  readonly events: RotationEvent[] = [];
  /** How far the wall clock is from the monotonic one. */
  offsetMs = 0;
  loaded: LoadedFiles;
  applied = 0;
  outcome: (tenant: string | undefined) => DomainOutcome = (tenant) => this.good(tenant);
  /** While it is there a round does not end. */
  gate: Promise<void> | undefined;

  constructor(tenants: readonly (string | undefined)[] = [undefined], schedule = SCHEDULE) {
    this.loaded = loadedOf(tenants, schedule);
    this.rotation = new KeyRotation({
      files: { load: () => Promise.resolve(this.loaded), applied: () => (this.applied += 1) },
      clock: { nowMs: () => this.nowMs(), monotonicMs: () => Date.now() },
      round: (question) => this.#round(question),
    });
    this.rotation.status.onEvent((event) => this.events.push(event));
  }

  nowMs(): number {
    return Date.now() + this.offsetMs;
  }

  good(tenant: string | undefined, more: Partial<Good> = {}): DomainOutcome {
    const nextMs = this.nowMs() + 28 * DAY;
    return {
      tenant,
      kind: 'good',
      announced: undefined,
      retired: [],
      keys: [KEY],
      nextMs,
      nextRotationMs: nextMs + 2 * DAY,
      ...more,
    };
  }

  async #round({ domains }: RoundQuestion): Promise<readonly DomainOutcome[]> {
    this.rounds.push(domains.map(({ tenant }) => tenant));
    await this.gate;
    return domains.map(({ tenant }) => this.outcome(tenant));
  }

  /** As a verifier starts. */
  async begin(): Promise<boolean> {
    await this.rotation.load();
    return this.rotation.begin();
  }

  waitsFor(): string | undefined {
    return this.rotation.status.look()?.waitsFor;
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
}

function loadedOf(tenants: readonly (string | undefined)[], schedule = SCHEDULE): LoadedFiles {
  return {
    problems: undefined,
    parts: undefined,
    rotated: {
      settings: { directory: '/state/feedback-keys', schedule },
      domains: tenants.map((tenant) => ({ tenant, keys: [KEY] })),
    },
  };
}

let bench: Bench;
beforeEach(() => {
  jest.useFakeTimers({ now: START });
});
afterEach(() => {
  bench.rotation.close();
  jest.useRealTimers();
});

const pass = (milliseconds: number): Promise<void> => jest.advanceTimersByTimeAsync(milliseconds);

test('the first round looks at every domain, and says whether it changed a file', async () => {
  bench = new Bench([undefined, TENANT]);
  const announced = { kid: 'k1', notBeforeMs: START, fingerprint: 'f' };
  bench.outcome = (tenant) => bench.good(tenant, { announced });
  expect(await bench.begin()).toBe(true);
  expect(bench.rounds).toEqual([[undefined, TENANT]]);
  expect(bench.kinds()).toEqual(['announced', 'announced']);
  bench.rotation.close();
  bench = new Bench();
  expect(await bench.begin()).toBe(false);
});

test('a configuration without a rotation is left alone', async () => {
  bench = new Bench();
  bench.loaded = { problems: undefined, parts: undefined };
  expect(await bench.begin()).toBe(false);
  bench.rotation.applied();
  await pass(DAY);
  expect(bench.rounds).toEqual([]);
  expect(bench.applied).toBe(1);
  expect(bench.rotation.status.look()).toBeUndefined();
});

test('a round is made when something is due, of the domains that are due', async () => {
  bench = new Bench([undefined, TENANT]);
  const dueMs = START + 90 * MINUTE;
  bench.outcome = (tenant) =>
    tenant === TENANT && bench.nowMs() < dueMs ? bench.good(tenant, { nextMs: dueMs }) : bench.good(tenant);
  await bench.begin();
  await pass(90 * MINUTE - 1);
  expect(bench.rounds).toHaveLength(1);
  await pass(SECOND);
  expect(bench.rounds.slice(1)).toEqual([[TENANT]]);
});

test('what failed is tried again every minute, told of once, and told of when it is over', async () => {
  bench = new Bench([undefined, TENANT]);
  await bench.begin();
  bench.outcome = (tenant) =>
    tenant === TENANT ? { tenant, kind: 'failed', reason: 'ENOSPC' } : bench.good(tenant);
  bench.rotation.applied();
  await pass(10 * MINUTE);
  expect(bench.rounds.length).toBeGreaterThanOrEqual(11);
  expect(bench.rounds.slice(2).every((tenants) => tenants.length === 1 && tenants[0] === TENANT)).toBe(true);
  expect(bench.events).toEqual([{ tenant: TENANT, kind: 'failed', reason: 'ENOSPC' }]);
  expect(bench.rotation.status.counts.failures).toBe(bench.rounds.length - 1);
  expect(bench.rotation.status.look()?.failed).toEqual([{ tenant: TENANT, reason: 'ENOSPC' }]);
  bench.outcome = (tenant) => bench.good(tenant);
  await pass(MINUTE);
  expect(bench.kinds()).toEqual(['failed', 'recovered']);
  expect(bench.rotation.status.look()?.failed).toEqual([]);
});

describe('a clock that is stepped', () => {
  const due = async (): Promise<void> => {
    const nextMs = START + 28 * DAY;
    bench.outcome = (tenant) => bench.good(tenant, bench.nowMs() < nextMs ? { nextMs } : {});
    await bench.begin();
  };

  test('a leap makes nothing due before it has stood for five minutes', async () => {
    bench = new Bench();
    await due();
    bench.offsetMs = 28 * DAY;
    await pass(MINUTE);
    expect(bench.waitsFor()).toMatch(/the clock was stepped/);
    await pass(4 * MINUTE);
    expect(bench.rounds).toHaveLength(1);
    await pass(MINUTE + SECOND);
    expect(bench.rounds).toHaveLength(2);
    expect(bench.waitsFor()).toBeUndefined();
  });

  test('one that is set right meanwhile has cost nothing', async () => {
    bench = new Bench();
    await due();
    bench.offsetMs = 28 * DAY;
    await pass(2 * MINUTE);
    bench.offsetMs = 0;
    await pass(20 * MINUTE);
    expect(bench.rounds).toHaveLength(1);
    expect(bench.waitsFor()).toBeUndefined();
  });

  test('a reload during it makes no round either', async () => {
    bench = new Bench();
    await due();
    bench.offsetMs = 28 * DAY;
    await bench.rotation.load();
    bench.rotation.applied();
    await pass(MINUTE);
    expect(bench.rounds).toHaveLength(1);
  });

  test('is waited for less long where the schedule is shorter', async () => {
    bench = new Bench([undefined], { everyMs: 13 * SECOND, announceMs: 8 * SECOND, overlapMs: 4 * SECOND });
    bench.outcome = (tenant) => bench.good(tenant, { nextMs: bench.nowMs() + 5 * SECOND });
    await bench.begin();
    bench.offsetMs = DAY;
    await pass(5 * SECOND + 100);
    expect(bench.waitsFor()).toMatch(/the clock was stepped/);
    await pass(2 * SECOND);
    expect(bench.waitsFor()).toBeUndefined();
    expect(bench.rounds).toHaveLength(2);
  });

  test('one that drifts by less than a second is none', async () => {
    bench = new Bench();
    await due();
    bench.offsetMs = 900;
    await pass(MINUTE);
    expect(bench.waitsFor()).toBeUndefined();
  });
});

test('while what is in the files is not in force nothing is made, though it is due', async () => {
  bench = new Bench();
  bench.outcome = (tenant) => bench.good(tenant, { nextMs: bench.nowMs() + MINUTE });
  await bench.begin();
  bench.loaded = { problems: ['refused'], parts: undefined };
  await bench.rotation.load();
  await pass(DAY);
  expect(bench.rounds).toHaveLength(1);
  expect(bench.waitsFor()).toMatch(/not in force/);
  bench.loaded = loadedOf([undefined]);
  await bench.rotation.load();
  bench.rotation.applied();
  await pass(SECOND);
  expect(bench.rounds).toHaveLength(2);
  expect(bench.waitsFor()).toBeUndefined();
});

test('what a configuration in force no longer has is forgotten, and what is new in it is looked at', async () => {
  bench = new Bench([undefined, TENANT]);
  bench.outcome = (tenant) =>
    tenant === TENANT ? { tenant, kind: 'failed', reason: 'EIO' } : bench.good(tenant);
  await bench.begin();
  const other = '22222222-2222-4222-8222-222222222222';
  bench.loaded = loadedOf([undefined, other]);
  await bench.rotation.load();
  expect(bench.rotation.status.look()?.failed).toHaveLength(1);
  bench.rotation.applied();
  await pass(SECOND);
  expect(bench.rounds.at(-1)).toEqual([undefined, other]);
  expect(bench.rotation.status.look()).toMatchObject({ domains: 2, failed: [] });
});

test('one round at a time: a reload during one waits for its end', async () => {
  bench = new Bench();
  await bench.begin();
  let open = (): void => undefined;
  bench.gate = new Promise((resolve) => (open = resolve));
  await bench.rotation.load();
  bench.rotation.applied();
  await pass(SECOND);
  await bench.rotation.load();
  bench.rotation.applied();
  await pass(SECOND);
  expect(bench.rounds).toHaveLength(2);
  open();
  await pass(SECOND);
  expect(bench.rounds).toHaveLength(3);
});

test('a domain that a reload removed during its round is not told of', async () => {
  bench = new Bench([undefined, TENANT]);
  await bench.begin();
  let open = (): void => undefined;
  bench.gate = new Promise((resolve) => (open = resolve));
  bench.outcome = (tenant) => ({ tenant, kind: 'failed', reason: 'EIO' });
  await bench.rotation.load();
  bench.rotation.applied();
  await pass(SECOND);
  bench.loaded = loadedOf([undefined]);
  await bench.rotation.load();
  bench.rotation.applied();
  open();
  await pass(SECOND);
  expect(bench.events.map(({ tenant }) => tenant)).toEqual([undefined]);
});

test('after the end nothing is made', async () => {
  bench = new Bench();
  bench.outcome = (tenant) => bench.good(tenant, { nextMs: bench.nowMs() + MINUTE });
  await bench.begin();
  bench.rotation.close();
  await pass(DAY);
  expect(bench.rounds).toHaveLength(1);
});

test('however many reloads come during a round, no two rounds are under way together', async () => {
  bench = new Bench();
  await bench.begin();
  bench.rotation.began();
  const opens: (() => void)[] = [];
  const close = (): void => {
    bench.gate = new Promise((resolve) => opens.push(resolve));
  };
  close();
  for (let reload = 0; reload < 3; reload += 1) {
    await bench.rotation.load();
    bench.rotation.applied();
  }
  await pass(0);
  expect(bench.rounds).toHaveLength(2);
  for (const rounds of [3, 4]) {
    close();
    opens[rounds - 3]!();
    await pass(0);
    expect(bench.rounds).toHaveLength(rounds);
  }
  opens.at(-1)!();
  await pass(0);
  expect(bench.rounds).toHaveLength(4);
});

test('a thread that cannot be had is a round that failed', async () => {
  bench = new Bench();
  jest.useRealTimers();
  const { rotated } = loadedOf([TENANT]);
  const question = { ...rotated!, unsendable: () => undefined };
  expect(await roundInThread(question)).toEqual([
    { tenant: TENANT, kind: 'failed', reason: expect.stringContaining('cannot begin') as string },
  ]);
});
