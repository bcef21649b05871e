import fc from 'fast-check';
import { callerMembers } from '../../../src/audit/caller-members.js';
import { noFacts, type Assurance, type DecisionFacts } from '../../../src/verify/decision.js';
import { profilePolicy, rawPolicy } from '../../support/signed-request.js';

/** Few values, so that the same come again beside others, and such as have to be escaped. */
const text = fc.constantFrom(undefined, 'a', 'b', 'ü', '"\\', '\u2028\n', '');
const facts: fc.Arbitrary<DecisionFacts> = fc
  .record({
    identity: text,
    claimedIdentity: text,
    kid: text,
    claimedKid: text,
    tenant: text,
    operator: text,
    attestation: text,
    certificateSha256: fc.constantFrom(undefined, 'a'.repeat(64), 'b'.repeat(64)),
    assurance: fc.constantFrom<Assurance | undefined>(undefined, 'certificate_pin', 'key_pin'),
    policy: fc.constantFrom(undefined, profilePolicy('federation.telemetry'), rawPolicy),
  })
  .map((some) => ({ ...noFacts(), ...some }));

/** What the members say, in their order. */
function told(some: DecisionFacts): unknown {
  const { names, context } = callerMembers(some);
  return [`{${names.slice(1)}}`, `{${context.slice(1)}}`].map((object) =>
    Object.entries(JSON.parse(object) as object),
  );
}

function expected(some: DecisionFacts): unknown {
  const names = {
    identity: some.identity,
    claimed_identity: some.identity === undefined ? some.claimedIdentity : undefined,
    kid: some.kid,
    claimed_kid: some.kid === undefined ? some.claimedKid : undefined,
  };
  const context = {
    cert_sha256: some.certificateSha256,
    assurance: some.assurance,
    tenant: some.tenant,
    operator: some.operator,
    policy: some.policy?.name,
    attestation: some.attestation,
  };
  return [names, context].map((object) => Object.entries(object).filter(([, value]) => value !== undefined));
}

describe('the members about a caller', () => {
  it('are those of its facts, whatever facts came before', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 2, maxLength: 40 }), (several) => {
        for (const some of several) expect(told(some)).toEqual(expected(some));
      }),
      { numRuns: 300 },
    );
  });

  it('may be of more callers than are kept', () => {
    for (let number = 0; number < 5_000; number++) {
      const some = { ...noFacts(), identity: 'svc', kid: 'kid', operator: `operator-${number % 3_000}` };
      expect(callerMembers(some).context).toBe(`,"operator":"operator-${number % 3_000}"`);
    }
  });

  it('do not follow facts that change after them', () => {
    const some = { ...noFacts(), identity: 'svc', kid: 'kid', operator: 'before' };
    callerMembers(some);
    some.kid = 'another';
    expect(callerMembers({ ...some, kid: 'kid' }).names).toBe(',"identity":"svc","kid":"kid"');
    expect(callerMembers(some).names).toBe(',"identity":"svc","kid":"another"');
  });
});
