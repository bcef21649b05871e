import { LateSubmissions } from '../../../src/feedback/sign-answer.js';

/** Asks for three pairs, of which a store says this. */
function askedFor(...answers: readonly (boolean | Promise<boolean>)[]): [LateSubmissions, boolean[]] {
  let asked = 0;
  const late = new LateSubmissions(() => answers[asked++] ?? false);
  return [late, answers.map(() => late.wasSubmitted('execution', 'attestation'))];
}

describe('what a store says at once', () => {
  it('is what is said, and nothing is waited for', () => {
    const [late, said] = askedFor(true, false);
    expect(said).toEqual([true, false]);
    expect(late.isWaiting()).toBe(false);
  });

  it('is thrown where it throws', () => {
    const late = new LateSubmissions(() => {
      throw new Error('a fault');
    });
    expect(() => late.wasSubmitted('execution', 'attestation')).toThrow('a fault');
  });
});

describe('what a store says later', () => {
  it('counts until then, and is no refusal when all was submitted', async () => {
    const [late, said] = askedFor(Promise.resolve(true), Promise.resolve(true));
    expect(said).toEqual([true, true]);
    expect(late.isWaiting()).toBe(true);
    expect(await late.refusal()).toBeUndefined();
  });

  it('refuses the first adjustment that was not submitted, by its position', async () => {
    const [late] = askedFor(Promise.resolve(true), Promise.resolve(false), Promise.resolve(false));
    expect(await late.refusal()).toMatchObject({
      code: 'adjustment_not_submitted',
      detail: expect.stringMatching(/^adjustment 1: /) as string,
    });
  });

  it('counts the positions of those that were known at once', async () => {
    const [late] = askedFor(true, Promise.resolve(false));
    expect(await late.refusal()).toMatchObject({
      detail: expect.stringMatching(/^adjustment 1: /) as string,
    });
  });

  it.each([
    ['alone', [Promise.reject(new Error('away'))]],
    ['beside good ones', [Promise.resolve(true), Promise.reject(new Error('away'))]],
  ])('is doubt with a code of its own where it fails, %s', async (_, answers) => {
    const [late] = askedFor(...answers);
    expect(await late.refusal()).toMatchObject({ code: 'executions_unavailable' });
  });

  it('may fail unheard where the answer is refused for another reason', async () => {
    askedFor(Promise.reject(new Error('away')));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
