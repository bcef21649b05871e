import {
  KEPT_REFUSALS,
  RecentDecisions,
  SLOT_SECONDS,
  SLOTS,
} from '../../../../src/observability/page/recent-decisions.js';
import { noFacts } from '../../../../src/verify/decision.js';
import { refuse } from '../../../../src/verify/refusal.js';

let nowSeconds = 0;
let recent: RecentDecisions;
beforeEach(() => {
  nowSeconds = 1_000_000;
  recent = new RecentDecisions(() => nowSeconds);
});

function refuseOne(number: number, path = '/x'): void {
  recent.refused({
    nowMs: number,
    decisionId: `d-${number}`,
    refusal: refuse('header_missing', 'which'),
    facts: { ...noFacts(), claimedIdentity: 'somebody', nonceHash: Buffer.from('secret') },
    method: 'POST',
    path,
    envoyRequestId: undefined,
  });
}

const sum = (counts: readonly number[] = []): number => counts.reduce((all, one) => all + one, 0);

describe('the counts of the last quarter of an hour', () => {
  it('begin with nothing', () => {
    expect([recent.decisions(), recent.answers(), recent.refusals()]).toEqual([{}, {}, []]);
  });

  it('show a slot once it is over, the newest last', () => {
    recent.passed('allow');
    recent.passed('allow');
    expect(recent.decisions()).toEqual({});
    nowSeconds += SLOT_SECONDS;
    recent.passed('allow');
    expect(recent.decisions()['allow']?.slice(-2)).toEqual([0, 2]);
    nowSeconds += SLOT_SECONDS;
    expect(recent.decisions()['allow']?.slice(-2)).toEqual([2, 1]);
    expect(recent.decisions()['allow']).toHaveLength(SLOTS);
  });

  it('forget what is older, also after a time in which nobody counted or looked', () => {
    recent.passed('allow');
    nowSeconds += SLOTS * SLOT_SECONDS;
    expect(sum(recent.decisions()['allow'])).toBe(1);
    nowSeconds += SLOT_SECONDS;
    expect(recent.decisions()).toEqual({});
    recent.passed('allow');
    nowSeconds += 1_000 * SLOT_SECONDS;
    expect(recent.decisions()).toEqual({});
  });

  it('lose nothing over many slots', () => {
    for (let second = 0; second < SLOTS * SLOT_SECONDS; second++) {
      recent.passed('pass_through');
      nowSeconds++;
    }
    expect(sum(recent.decisions()['pass_through'])).toBe(SLOTS * SLOT_SECONDS);
  });

  it('go on where a clock goes back', () => {
    recent.answered('signed');
    nowSeconds -= 3_600;
    recent.answered('signed');
    nowSeconds += 3_600 + SLOT_SECONDS;
    expect(sum(recent.answers()['signed'])).toBe(2);
  });
});

describe('the last refusals', () => {
  it('are the newest ones, the newest first, and bounded', () => {
    for (let number = 1; number <= KEPT_REFUSALS + 10; number++) refuseOne(number);
    const kept = recent.refusals();
    expect(kept).toHaveLength(KEPT_REFUSALS);
    expect([kept[0]?.decisionId, kept.at(-1)?.decisionId]).toEqual([`d-${KEPT_REFUSALS + 10}`, 'd-11']);
  });

  it('say what was claimed, and no secret, no query and nothing without bound', () => {
    refuseOne(1, `/${'p'.repeat(60_000)}?token=secret`);
    refuseOne(2, '/short?token=secret');
    const [second, first] = recent.refusals();
    expect(second).toEqual({
      atMs: 2,
      decisionId: 'd-2',
      code: 'header_missing',
      detail: 'which',
      method: 'POST',
      path: '/short',
      claimedIdentity: 'somebody',
    });
    expect(first?.path).toBe(`/${'p'.repeat(255)}…`);
    expect(JSON.stringify(recent.refusals())).not.toContain('secret');
  });

  it('have among them what report-only let pass, marked as that and counted apart', () => {
    refuseOne(1);
    recent.reported({
      nowMs: 2,
      decisionId: 'd-2',
      refusal: refuse('pin_mismatch'),
      facts: noFacts(),
      method: 'POST',
      path: '/x',
      envoyRequestId: undefined,
    });
    nowSeconds += SLOT_SECONDS;
    const { would_refuse: reported, ...others } = recent.decisions();
    expect([sum(reported), Object.keys(others)]).toEqual([1, ['header_missing']]);
    const [passed, refused] = recent.refusals();
    expect(passed).toMatchObject({ code: 'pin_mismatch', passed: true });
    expect(refused?.passed).toBeUndefined();
  });
});
