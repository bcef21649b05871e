import { ResetBudget } from '../../../src/grpc/reset-budget.js';

/** How many resets at an even rate until the connection is given up; `most` when it never is. */
function resetsUntilSpent(everyMilliseconds: number, most = 5_000): number {
  const budget = new ResetBudget(0);
  for (let count = 1; count <= most; count++) if (budget.spend(count * everyMilliseconds)) return count;
  return most;
}

describe('the resets that a connection may take', () => {
  it('are well below the 1,000 at which Node would break it', () => {
    expect(resetsUntilSpent(0)).toBe(501);
  });

  it('are more when they come slowly, and any number when fewer than 33 come in a second', () => {
    expect(resetsUntilSpent(10)).toBeGreaterThan(700);
    expect(resetsUntilSpent(31)).toBe(5_000);
  });

  it('are used up once', () => {
    const budget = new ResetBudget(0);
    const spent = Array.from({ length: 2_000 }, () => budget.spend(0)).filter(Boolean);
    expect(spent).toHaveLength(1);
  });
});
