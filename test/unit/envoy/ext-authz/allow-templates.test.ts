import type { Concluded } from '../../../../src/envoy/check/check-state.js';
import { AllowTemplates } from '../../../../src/envoy/ext-authz/allow-templates.js';
import { encodeAnswer } from '../../../../src/envoy/ext-authz/check-response.js';
import { noFacts, type VerifiedContext } from '../../../../src/verify/decision.js';
import { refuse } from '../../../../src/verify/refusal.js';
import type { SignedPolicy } from '../../../../src/verify/snapshot.js';
import { HEADER_NAMES, VERIFIED_CONTEXT, profilePolicy, rawPolicy } from '../../../support/signed-request.js';

const telemetry = profilePolicy('federation.telemetry');
const CLAIM = '[1,"key",1764000000,"svc",null]';

const never = (): never => {
  throw new Error('the answer takes nothing back');
};

/** An allow of whom the facts tell the same, as `judge` leaves them. */
function allow(
  context: VerifiedContext = VERIFIED_CONTEXT,
  policy: SignedPolicy = telemetry,
  more: Partial<Concluded> = {},
): Concluded {
  const admitted = { kind: 'admitted', taken: undefined, settle: never, undo: never } as const;
  return {
    outcome: { kind: 'allow', verified: { policy, context }, admitted },
    decisionId: 'decision-1',
    facts: { ...noFacts(), ...context, policy },
    spoofed: [],
    headerNames: HEADER_NAMES,
    claim: CLAIM,
    ...more,
  };
}

/** Each name is one thing that may differ from an allow before. */
const OTHERS: Readonly<Record<string, Concluded>> = {
  'another decision id': allow(undefined, undefined, { decisionId: 'decision-2' }),
  'a longer decision id': allow(undefined, undefined, { decisionId: 'decision-10' }),
  'another claim': allow(undefined, undefined, { claim: CLAIM.replace('key', 'yek') }),
  'a shorter claim': allow(undefined, undefined, { claim: '[]' }),
  'an empty claim': allow(undefined, undefined, { claim: '' }),
  'a claim outside ASCII': allow(undefined, undefined, { claim: '[1,"Prüfer \u{1f600}"]' }),
  'no claim': allow(undefined, undefined, { claim: undefined }),
  'another policy': allow(undefined, rawPolicy),
  'another policy of the same name': allow(undefined, { ...telemetry, signature: 'bundle' }),
  'a policy whose bodies carry the proof': allow(undefined, profilePolicy('federation.verify')),
  'other header names': allow(
    undefined,
    { ...telemetry, signature: 'bundle' },
    {
      headerNames: { ...HEADER_NAMES, nonce: 'x-other-nonce' },
    },
  ),
  'spoofed names': allow(undefined, undefined, { spoofed: ['x-countersign-extra'] }),
  'a trace': allow(undefined, undefined, {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  }),
  'what report-only lets pass': allow(undefined, undefined, {
    wouldRefuse: { code: 'pin_mismatch', context: { identity: 'svc' } },
  }),
  'facts that say something else': allow(undefined, undefined, {
    facts: { ...noFacts(), ...VERIFIED_CONTEXT, policy: telemetry, operator: 'another' },
  }),
  'facts without a policy': allow(undefined, undefined, { facts: { ...noFacts(), ...VERIFIED_CONTEXT } }),
  'a pass-through': allow(undefined, undefined, { outcome: { kind: 'pass_through' } }),
  'a refusal': allow(undefined, undefined, { outcome: refuse('pin_mismatch') }),
  ...Object.fromEntries(
    (
      ['identity', 'kid', 'assurance', 'certificateSha256', 'tenant', 'operator', 'attestation'] as const
    ).flatMap((name) => [
      [`another ${name}`, allow({ ...VERIFIED_CONTEXT, [name]: 'another' })],
      [`a ${name} outside ASCII`, allow({ ...VERIFIED_CONTEXT, [name]: 'Prüfer \u{1f600}' })],
      [
        `a ${name} of what stands for decision ids`,
        allow({ ...VERIFIED_CONTEXT, [name]: '\x01'.padEnd(10, '\x00') }),
      ],
      [
        `a ${name} of what stands for claims`,
        allow({ ...VERIFIED_CONTEXT, [name]: '\x02'.padEnd(CLAIM.length, '\x00') }),
      ],
      [`a long ${name}`, allow({ ...VERIFIED_CONTEXT, [name]: 'x'.repeat(40_000) })],
    ]),
  ),
  'no tenant, operator or attestation': allow({
    ...VERIFIED_CONTEXT,
    tenant: undefined,
    operator: undefined,
    attestation: undefined,
  }),
};

function expectSame(templates: AllowTemplates, concluded: Concluded): void {
  const expected = Buffer.from(encodeAnswer(concluded)).toString('latin1');
  expect(Buffer.from(templates.answer(concluded)).toString('latin1')).toBe(expected);
}

describe('allows from templates', () => {
  it.each(Object.entries(OTHERS))('are what they are without, before and after %s', (_, other) => {
    const templates = new AllowTemplates();
    for (const concluded of [allow(), other, other, allow(), other, allow()])
      expectSame(templates, concluded);
  });

  it('are what they are without, whatever came before', () => {
    const templates = new AllowTemplates();
    const all = [allow(), ...Object.values(OTHERS)];
    for (const one of all)
      for (const other of all) [one, other].forEach((each) => expectSame(templates, each));
  });

  it('are what they are without, however long decision id and claim are', () => {
    const templates = new AllowTemplates();
    for (let length = 0; length < 600; length++) {
      expectSame(templates, allow(undefined, undefined, { claim: 'c'.repeat(length) }));
      expectSame(templates, allow(undefined, undefined, { decisionId: 'd'.repeat(length) }));
    }
    for (const length of [1_023, 1_024, 2_048, 16_383, 16_384, 32_768])
      expectSame(templates, allow(undefined, undefined, { claim: 'c'.repeat(length) }));
  });

  it('may be of more subjects than are kept', () => {
    const templates = new AllowTemplates();
    for (let number = 0; number < 5_000; number++)
      expectSame(templates, allow({ ...VERIFIED_CONTEXT, operator: `operator-${number % 3_000}` }));
  });
});
