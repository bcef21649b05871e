import { spoofedNames, type AnswerOptions } from '../../../../src/envoy/check/answer.js';
import { encodeAllow, encodeAnswer, encodeRefusal } from '../../../../src/envoy/ext-authz/check-response.js';
import { VERIFIED_HEADERS } from '../../../../src/protocol/header-names.js';
import { noFacts, type VerifiedContext } from '../../../../src/verify/decision.js';
import { REFUSAL_CODES, refuse, refuseBody, type Refusal } from '../../../../src/verify/refusal.js';
import type { SignedPolicy } from '../../../../src/verify/snapshot.js';
import { readResponse } from '../../../support/check-messages.js';
import {
  ATTESTATION,
  CERTIFICATE,
  HEADER_NAMES,
  IDENTITY,
  KID,
  OPERATOR,
  TENANT,
  VERIFIED_CONTEXT,
  passThroughPolicy,
  profilePolicy,
  rawPolicy,
} from '../../../support/signed-request.js';

const context: VerifiedContext = VERIFIED_CONTEXT;
const telemetry = profilePolicy('federation.telemetry');
const options = {
  decisionId: 'decision-1',
  facts: { ...noFacts(), ...context, policy: telemetry },
  spoofed: spoofedNames([
    'content-type',
    'x-countersign-identity',
    'x-countersign-extra',
    'x-telemetry-nonce',
    'x-countersign-extra',
  ]),
  headerNames: HEADER_NAMES,
};

function allowAnswer(verified: VerifiedContext, policy: SignedPolicy, shown: AnswerOptions): Uint8Array {
  const admitted = { kind: 'admitted', taken: undefined, settle: never, undo: never } as const;
  const grant = { kind: 'verified', policy, context: verified, once: undefined } as const;
  return encodeAnswer({ ...shown, outcome: { kind: 'allow', verified: grant, admitted } });
}

const never = (): never => {
  throw new Error('the answer takes nothing back');
};
const passThroughAnswer = (shown: AnswerOptions) =>
  encodeAnswer({ ...shown, outcome: { kind: 'pass_through' } });
const refusalAnswer = (outcome: Refusal, shown: AnswerOptions) => encodeAnswer({ ...shown, outcome });

describe('an allow', () => {
  it('sets every verified header and removes what only looks like one', () => {
    const { grpcCode, set, removed } = readResponse(allowAnswer(context, telemetry, options));
    expect(grpcCode).toBe(0);
    expect(Object.fromEntries(set)).toEqual({
      'x-countersign-identity': IDENTITY,
      'x-countersign-kid': KID,
      'x-countersign-assurance': 'certificate_pin',
      'x-countersign-cert-sha256': CERTIFICATE.certificateSha256,
      'x-countersign-tenant': TENANT,
      'x-countersign-operator': OPERATOR,
      'x-countersign-attestation': ATTESTATION,
      'x-countersign-policy': 'federation.telemetry',
      'x-countersign-request-id': 'decision-1',
    });
    expect(removed).toEqual([
      'x-envoy-auth-partial-body',
      'x-countersign-would-refuse',
      'x-countersign-extra',
    ]);
  });

  it('removes the verified headers that it does not set, and lists no name twice', () => {
    const bare = { ...context, tenant: undefined, operator: undefined, attestation: undefined };
    const { set, removed } = readResponse(allowAnswer(bare, rawPolicy, options));
    expect([...set.keys()].filter((name) => removed.includes(name))).toEqual([]);
    expect([...set.keys(), ...removed]).toEqual(expect.arrayContaining([...VERIFIED_HEADERS]));
    expect(new Set(removed).size).toBe(removed.length);
    expect(removed).toEqual(
      expect.arrayContaining(['x-countersign-tenant', 'x-countersign-operator', 'x-countersign-attestation']),
    );
  });

  it('passes the producer’s proof on where it was verified', () => {
    const { removed } = readResponse(allowAnswer(context, telemetry, options));
    for (const name of Object.values<string>({ ...HEADER_NAMES })) expect(removed).not.toContain(name);
  });

  it('removes signature headers that nobody looked at where the body carried the proof', () => {
    const { removed } = readResponse(allowAnswer(context, profilePolicy('federation.verify'), options));
    expect(removed).toEqual(
      expect.arrayContaining([HEADER_NAMES.timestamp, HEADER_NAMES.nonce, HEADER_NAMES.signature]),
    );
  });

  it('has the verified facts as a Struct under our keys', () => {
    expect(readResponse(allowAnswer(context, telemetry, options)).metadata).toEqual({
      decision_id: 'decision-1',
      code: 'allow',
      policy: 'federation.telemetry',
      identity: IDENTITY,
      assurance: 'certificate_pin',
      kid: KID,
      cert_sha256: CERTIFICATE.certificateSha256,
      tenant: TENANT,
      operator: OPERATOR,
      attestation: ATTESTATION,
    });
  });

  it('has what the allow took beside them, to come back with what became of it', () => {
    const claim = '[1,"key",1764000000,"svc",null]';
    expect(readResponse(allowAnswer(context, telemetry, { ...options, claim })).metadata).toMatchObject({
      decision_id: 'decision-1',
      code: 'allow',
      claim,
    });
  });

  it('carries text outside ASCII and long values whole', () => {
    const operator = `Prüfer \u{1f600} ${'x'.repeat(40_000)}`;
    const { set, metadata } = readResponse(
      allowAnswer({ ...context, operator }, telemetry, {
        ...options,
        facts: { ...options.facts, operator },
      }),
    );
    expect([set.get('x-countersign-operator'), metadata['operator']]).toEqual([operator, operator]);
  });
});

describe('a pass-through', () => {
  it('sets none of our headers and removes all of them', () => {
    const facts = { ...noFacts(), policy: passThroughPolicy };
    const { grpcCode, set, removed, metadata } = readResponse(passThroughAnswer({ ...options, facts }));
    expect([grpcCode, set.size]).toEqual([0, 0]);
    expect([...removed].sort()).toEqual(
      [
        'x-envoy-auth-partial-body',
        ...VERIFIED_HEADERS,
        'x-countersign-would-refuse',
        'x-countersign-extra',
      ].sort(),
    );
    expect(metadata).toEqual({ decision_id: 'decision-1', code: 'pass_through', policy: 'public' });
  });
});

describe('a refusal', () => {
  const fault = { pointer: '/nonce', problem: 'missing' } as const;

  it('tells who has proven its key where the body is at fault, and how', () => {
    const response = readResponse(refusalAnswer(refuseBody('body_contract', fault), options));
    expect(response.body).toMatchObject({ errors: [{ code: 'invalid_body', ...fault }] });
  });

  it('tells nobody else', () => {
    const unproven = { ...options, facts: { ...options.facts, kid: undefined } };
    const response = readResponse(refusalAnswer(refuseBody('body_contract', fault), unproven));
    expect(JSON.stringify(response.body)).not.toMatch(/pointer|problem|nonce/);
  });

  it('is the JSON of docs/wire-contract.md', () => {
    const response = readResponse(refusalAnswer(refuse('operator_unmapped', 'our fact'), options));
    expect([response.grpcCode, response.httpStatus]).toEqual([7, 403]);
    expect(Object.fromEntries(response.set)).toEqual({ 'content-type': 'application/json' });
    expect(response.body).toEqual({
      request_id: 'decision-1',
      status: 'rejected',
      data: null,
      errors: [
        {
          code: 'operator_not_permitted',
          message: 'The operator may not act for this tenant through this identity.',
        },
      ],
    });
  });

  it('keeps its precise code and detail from the client, and its code for the metadata', () => {
    const response = readResponse(refusalAnswer(refuse('pin_mismatch', 'our fact'), options));
    expect(JSON.stringify(response.body)).not.toMatch(/pin|our fact/);
    expect(response.metadata['code']).toBe('pin_mismatch');
    expect(JSON.stringify(response.metadata)).not.toContain('our fact');
  });

  /** With everything in it that any refusal may carry. */
  const laden = (code: Refusal['code']): Refusal => ({
    ...refuse(code, 'our fact'),
    fault: { ...fault, offset: 7 },
    allowedMethods: ['POST'],
    retryAfterSeconds: 7,
  });
  const members = (refusal: Refusal, kid: string | undefined) => {
    const { body } = readResponse(refusalAnswer(refusal, { ...options, facts: { ...options.facts, kid } }));
    const errors = body?.['errors'] as readonly Readonly<Record<string, unknown>>[];
    return [Object.keys(body ?? {}), ...errors.map((error) => Object.keys(error))];
  };
  const outer = ['request_id', 'status', 'data', 'errors'];

  it.each(REFUSAL_CODES)('has exactly the members of docs/wire-contract.md for %s', (code) => {
    expect(members(refuse(code, 'our fact'), KID)).toEqual([outer, ['code', 'message']]);
    expect(members(laden(code), undefined)).toEqual([outer, ['code', 'message']]);
    expect(members(laden(code), KID)).toEqual([outer, ['code', 'message', 'pointer', 'problem', 'offset']]);
    const first = { requestId: 'first-1', seenAtMs: 1 };
    expect(members({ ...refuse(code), first }, KID)).toEqual([
      outer,
      ['code', 'message', 'first_request_id', 'first_seen_at'],
    ]);
  });

  it('names the first request after a replay, in whole seconds', () => {
    const refusal = {
      ...refuse('replayed_nonce'),
      first: { requestId: 'first-1', seenAtMs: 1_764_000_000_999 },
    };
    expect(readResponse(refusalAnswer(refusal, options)).body).toMatchObject({
      errors: [{ code: 'replayed_nonce', first_request_id: 'first-1', first_seen_at: 1_764_000_000 }],
    });
  });

  it('says when to come back', () => {
    const refusal = { ...refuse('rate_limited'), retryAfterSeconds: 7 };
    const response = readResponse(refusalAnswer(refusal, options));
    expect([response.httpStatus, response.set.get('retry-after')]).toEqual([429, '7']);
  });
});

describe('the encoding', () => {
  it('writes the status of an allow although it is the default', () => {
    expect(encodeAllow([], [], {}).subarray(0, 4).toString('hex')).toBe('0a020800');
  });

  it.each([0, 200, 302, 399, 600, NaN, 401.5, '401'])(
    'refuses to write a denial with the status %j',
    (status) => {
      expect(() => encodeRefusal(status as number, [], '', {})).toThrow(RangeError);
    },
  );

  it('leaves values out of the metadata that are not there', () => {
    expect(readResponse(encodeAllow([], [], { a: undefined, b: '' })).metadata).toEqual({ b: '' });
  });
});
