/** Rotation on schedule, as a plan: what there is at each moment of many rotations, and after what goes wrong. */
import {
  keyStates,
  planRotation,
  succession,
  type DomainKeys,
  type RotationSchedule,
  type ScheduledKey,
} from '../../../src/feedback/rotation.js';

const DAY = 86_400_000;
const SCHEDULE: RotationSchedule = { everyMs: 30 * DAY, announceMs: 2 * DAY, overlapMs: 2 * DAY };
const START = Date.UTC(2026, 10, 1);
const OPEN = Number.POSITIVE_INFINITY;

/** A domain that does what its plan says, whenever it is woken. */
class Domain {
  readonly fixed: DomainKeys<ScheduledKey>['fixed'];
  rotated: ScheduledKey[] = [];
  #made = 0;

  constructor(fixed: DomainKeys<ScheduledKey>['fixed'] = []) {
    this.fixed = fixed;
  }

  wake(nowMs: number, schedule = SCHEDULE): ReturnType<typeof planRotation<ScheduledKey>> {
    const plan = planRotation(this, schedule, nowMs);
    const ends = new Map(plan.ended.map(({ key, notAfterMs }) => [key.kid, notAfterMs]));
    this.rotated = this.rotated
      .filter((key) => !plan.retires.includes(key))
      .map((key) => ({ ...key, notAfterMs: ends.get(key.kid) ?? key.notAfterMs }));
    if (plan.announces !== undefined)
      this.rotated.push({ kid: `k${(this.#made += 1)}`, ...plan.announces, notAfterMs: OPEN });
    return plan;
  }

  /** Wakes whenever the plan says, until a moment. */
  run(fromMs: number, untilMs: number, look: (nowMs: number) => void = () => undefined): void {
    for (let nowMs = fromMs; nowMs <= untilMs; nowMs = this.wake(nowMs).nextMs) {
      this.wake(nowMs);
      look(nowMs);
    }
  }

  states(nowMs: number): Record<string, unknown> {
    const states = keyStates(this.rotated, nowMs);
    return {
      signs: states.signs?.kid,
      announced: states.announced.map(({ kid }) => kid),
      verifies: states.verifies.map(({ kid }) => kid),
    };
  }
}

describe('a domain without any key', () => {
  test('begins at once, with a key that has no end', () => {
    const domain = new Domain();
    const plan = domain.wake(START + 345);
    expect(domain.rotated).toEqual([{ kid: 'k1', notBeforeMs: START, notAfterMs: OPEN }]);
    expect(plan.nextRotationMs).toBe(START + 30 * DAY);
    expect(plan.nextMs).toBe(START + 28 * DAY);
  });
});

describe('rotations, one after the other', () => {
  test('announce, sign, verify, retire', () => {
    const domain = new Domain();
    const seen: unknown[] = [];
    domain.run(START, START + 62 * DAY, (nowMs) => seen.push([(nowMs - START) / DAY, domain.states(nowMs)]));
    expect(seen).toEqual([
      [0, { signs: 'k1', announced: [], verifies: [] }],
      [28, { signs: 'k1', announced: ['k2'], verifies: [] }],
      [30, { signs: 'k2', announced: [], verifies: ['k1'] }],
      [32, { signs: 'k2', announced: [], verifies: [] }],
      [58, { signs: 'k2', announced: ['k3'], verifies: [] }],
      [60, { signs: 'k3', announced: [], verifies: ['k2'] }],
      [62, { signs: 'k3', announced: [], verifies: [] }],
    ]);
  });

  test('a second look at the same moment changes nothing', () => {
    const domain = new Domain();
    domain.run(START, START + 400 * DAY, (nowMs) => {
      const plan = planRotation(domain, SCHEDULE, nowMs);
      expect([plan.announces, plan.ended, plan.retires]).toEqual([undefined, [], []]);
      expect(plan.nextMs).toBeGreaterThan(nowMs);
    });
  });

  test('an answer verifies with a keyring as old as the announcement, and for as long as the overlap', () => {
    const domain = new Domain();
    const published = new Map<number, ReadonlySet<string>>();
    const signed: [number, string | undefined][] = [];
    for (let nowMs = START; nowMs <= START + 130 * DAY; nowMs += DAY / 4) {
      domain.wake(nowMs);
      const states = keyStates(domain.rotated, nowMs);
      published.set(
        nowMs,
        new Set([states.signs, ...states.announced, ...states.verifies].map((key) => key?.kid ?? '')),
      );
      signed.push([nowMs, states.signs?.kid]);
    }
    for (const [nowMs, kid] of signed) {
      const before = published.get(nowMs - SCHEDULE.announceMs + DAY / 4);
      const after = published.get(nowMs + SCHEDULE.overlapMs - DAY / 4);
      expect(before?.has(kid ?? 'none') ?? true).toBe(true);
      expect(after?.has(kid ?? 'none') ?? true).toBe(true);
    }
  });
});

describe('what goes wrong', () => {
  test('nobody was there when a key was due: it is announced in full, and the one before signs until then', () => {
    const domain = new Domain();
    domain.wake(START);
    const late = START + 90 * DAY;
    expect(planRotation(domain, SCHEDULE, late).nextRotationMs).toBe(late + 2 * DAY);
    domain.wake(late);
    expect(domain.states(late)).toEqual({ signs: 'k1', announced: ['k2'], verifies: [] });
    expect(domain.rotated[0]?.notAfterMs).toBe(late + 4 * DAY);
    expect(domain.states(late + 2 * DAY)).toEqual({ signs: 'k2', announced: [], verifies: ['k1'] });
  });

  test('a clock that goes back makes no key and removes none', () => {
    const domain = new Domain();
    domain.run(START, START + 30 * DAY);
    const before = domain.rotated;
    for (const back of [1, 3, 29, 4_000]) {
      const plan = domain.wake(START + 30 * DAY - back * DAY);
      expect([plan.announces, plan.retires, domain.rotated]).toEqual([undefined, [], before]);
    }
  });

  test('a clock that leaps leaves a key that signs', () => {
    const domain = new Domain();
    domain.run(START, START + 29 * DAY);
    domain.wake(START + 500 * DAY);
    expect(domain.states(START + 500 * DAY)['signs']).toBe('k2');
  });

  test('a schedule that was changed holds for the next key, not for one that was announced', () => {
    const domain = new Domain();
    domain.run(START, START + 28 * DAY);
    const shorter = { everyMs: 3 * DAY, announceMs: DAY, overlapMs: DAY };
    const plan = domain.wake(START + 28 * DAY, shorter);
    expect(plan.announces).toBeUndefined();
    expect(plan.nextRotationMs).toBe(START + 30 * DAY);
    expect(domain.rotated.map(({ notBeforeMs }) => notBeforeMs)).toEqual([START, START + 30 * DAY]);
  });
});

describe('keys of the file beside it', () => {
  test('a first key is announced, as consumers know another one', () => {
    const domain = new Domain([{ notBeforeMs: Number.NEGATIVE_INFINITY, notAfterMs: OPEN }]);
    const plan = domain.wake(START);
    expect(domain.rotated).toEqual([{ kid: 'k1', notBeforeMs: START + 2 * DAY, notAfterMs: OPEN }]);
    expect(plan.nextMs).toBe(START + 2 * DAY);
  });

  test('one with an end is succeeded in time', () => {
    const domain = new Domain([{ notBeforeMs: START - DAY, notAfterMs: START + 10 * DAY }]);
    expect(domain.wake(START).nextMs).toBe(START + 6 * DAY);
    domain.wake(START + 6 * DAY);
    expect(domain.rotated).toEqual([{ kid: 'k1', notBeforeMs: START + 8 * DAY, notAfterMs: OPEN }]);
  });

  test('one that is to sign later is waited for', () => {
    const domain = new Domain([
      { notBeforeMs: START, notAfterMs: OPEN },
      { notBeforeMs: START + 20 * DAY, notAfterMs: OPEN },
    ]);
    expect(domain.wake(START).announces).toBeUndefined();
    expect(domain.wake(START).nextRotationMs).toBe(START + 20 * DAY);
  });

  test('retired ones are as none', () => {
    const domain = new Domain([{ notBeforeMs: 0, notAfterMs: START }]);
    expect(domain.wake(START).announces).toEqual({ notBeforeMs: START });
  });
});

test('a succession is of whole seconds, and never sooner than it was announced', () => {
  expect(succession(SCHEDULE, START + 1)).toEqual({
    notBeforeMs: START + 2 * DAY + 1_000,
    formerNotAfterMs: START + 4 * DAY + 1_000,
  });
  expect(succession(SCHEDULE, START, START + 9 * DAY).notBeforeMs).toBe(START + 9 * DAY);
});
