import { executionFingerprint, type ExecutionFacts } from '../../../../src/client/feedback/index.js';

const facts: ExecutionFacts = {
  manifestHash: 'a'.repeat(64),
  toolHash: 'b'.repeat(64),
  operatorId: 'operator-a',
  tenantId: '11111111-1111-4111-8111-111111111111',
  policyDecisionHash: 'c'.repeat(64),
  attestationMeasurementHash: 'd'.repeat(64),
  timestamp: '1764000000',
};

describe('executionFingerprint', () => {
  it('is the one that Python computes', () => {
    expect(executionFingerprint(facts)).toBe(
      '36cee19edbb88015482e13ea03c563214379e9e1024339eb6b2206abb7ed540b',
    );
  });

  it('is the one that Python computes of letters beyond ASCII, and keeps the case of hashes', () => {
    const odd = { ...facts, operatorId: 'opé😀', toolHash: 'B'.repeat(64) };
    expect(executionFingerprint(odd)).toBe(
      'e92d0af5f01eb5a1b82aa7f1b184cabbe3f3e395dde72cdf416a9bbe89dff6ef',
    );
  });

  it('does not depend on the order of the facts', () => {
    const reversed = Object.fromEntries(Object.entries(facts).reverse()) as unknown as ExecutionFacts;
    expect(executionFingerprint(reversed)).toBe(executionFingerprint(facts));
  });

  it.each(Object.keys(facts))('depends on %s, which must be a text', (name) => {
    expect(executionFingerprint({ ...facts, [name]: 'x' })).not.toBe(executionFingerprint(facts));
    expect(() => executionFingerprint({ ...facts, [name]: 1_764_000_000 })).toThrow(TypeError);
    expect(() => executionFingerprint({ ...facts, [name]: undefined })).toThrow(TypeError);
  });
});
