/** What is told of a caller is compared field by field: texts are kept for whoever is the same in all of them. */
import { isSameCaller, type CallerFacts } from '../../../src/verify/decision.js';

/** The compiler asks for a field that is added. */
const FACTS: Required<CallerFacts> = {
  identity: 'producer-a',
  kid: 'k1',
  assurance: 'certificate_pin',
  certificateSha256: 'a'.repeat(64),
  tenant: '11111111-1111-4111-8111-111111111111',
  operator: 'operator-a',
  attestation: 'measured',
};

it('is the same where nothing differs', () => {
  expect(isSameCaller(FACTS, { ...FACTS })).toBe(true);
  expect(isSameCaller({}, {})).toBe(true);
});

it.each(Object.keys(FACTS))('is another where %s differs, or is not told', (name) => {
  for (const value of ['another', undefined]) {
    const other = { ...FACTS, [name]: value };
    expect([isSameCaller(FACTS, other), isSameCaller(other, FACTS)]).toEqual([false, false]);
  }
});
