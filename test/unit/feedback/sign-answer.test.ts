import { canonicalize } from '../../../src/feedback/canonical-json.js';
import { activeKeyOf } from '../../../src/feedback/feedback-settings.js';
import type { SignedAnswer } from '../../../src/feedback/sign-answer.js';
import { createStrictVerifier } from '../../../src/crypto/ed25519.js';
import { nodeSigner } from '../../../src/crypto/signing.js';
import { tweetnaclEngine } from '../../../src/crypto/portable.js';
import { ATTESTATION, EXECUTION, KID, OTHER_TENANT, TENANT } from '../../support/signed-feedback.js';
import {
  adjustmentText,
  DECISION_ID,
  FEEDBACK_NONCE,
  feedbackKey,
  feedbackQuery,
  feedbackSettings,
  localSign,
  signAnswer,
  SIGNING_SECONDS,
  signingTools,
} from '../../support/signing.js';

type Settings = Parameters<typeof feedbackSettings>[0];
type Tools = Parameters<typeof signingTools>[0];

function outcome(answer: string | Buffer, settings: Settings = {}, tools: Tools = {}) {
  const body = typeof answer === 'string' ? Buffer.from(answer) : answer;
  return signAnswer(body, feedbackQuery(), feedbackSettings(settings), signingTools(tools));
}

function signed(answer: string | Buffer, settings: Settings = {}, tools: Tools = {}): SignedAnswer {
  const result = outcome(answer, settings, tools);
  if (result.kind === 'refused') throw new Error(`${result.code}: ${result.detail}`);
  return result;
}

const textOf = (answer: SignedAnswer) => answer.body.toString('latin1');
const envelopeOf = (answer: SignedAnswer) => JSON.parse(textOf(answer)) as Record<string, unknown>;
const canonicalOf = (text: string) => {
  const result = canonicalize(Buffer.from(text));
  if (!result.ok) throw new Error(result.fault);
  return Buffer.from(result.canonical).toString('latin1');
};
const codeOf = (answer: string | Buffer, settings: Settings = {}, tools: Tools = {}) => {
  const result = outcome(answer, settings, tools);
  return result.kind === 'refused' ? result.code : 'signed';
};

const one = adjustmentText();
const bare = `[${one}]`;

describe('the envelope', () => {
  test('has the members of docs/wire-contract.md, in its order, around the canonical data', () => {
    const text = textOf(signed(bare));
    const signature = /"signature":"([A-Za-z0-9+/]{86}==)"/.exec(text)?.[1];
    expect(text).toBe(
      `{"request_id":"${DECISION_ID}","status":"accepted","data":${canonicalOf(bare)},"errors":[],` +
        `"signature":"${signature}","kid":"${KID}","signature_algorithm":"Ed25519",` +
        `"signed_at":${SIGNING_SECONDS},"nonce":"${FEEDBACK_NONCE}","schema_version":"feedback.response.v1"}`,
    );
  });

  test('has the signature of tenant, time, nonce, schema, kid and the delivered data', () => {
    const text = textOf(signed(bare));
    const data = text.slice(text.indexOf('"data":') + 7, text.indexOf(',"errors":'));
    const input = `${TENANT}|${SIGNING_SECONDS}|${FEEDBACK_NONCE}|feedback.response.v1|${KID}|${data}`;
    const signature = Buffer.from(String(envelopeOf(signed(bare))['signature']), 'base64');
    const verifier = createStrictVerifier(tweetnaclEngine);
    const key = feedbackKey().publicKey;
    expect(verifier.verify(key, Buffer.from(input), signature)).toBe(true);
    expect(verifier.verify(key, Buffer.from(input.replace(TENANT, OTHER_TENANT)), signature)).toBe(false);
  });

  test('is the same whichever engine signs', () => {
    expect(textOf(signed(bare, {}, { sign: localSign(nodeSigner) }))).toBe(textOf(signed(bare)));
  });

  test('is described beside its bytes', () => {
    expect(signed(`[${one},${one}]`)).toMatchObject({
      kid: KID,
      adjustments: 2,
      nonce: FEEDBACK_NONCE,
      signedAtSeconds: SIGNING_SECONDS,
    });
  });

  test.each<[string, string]>([
    ['a bare list', bare],
    ['a list under data', `{"data": ${bare}}`],
    ['a whole envelope', `{"request_id":"${DECISION_ID}","status":"accepted","data":${bare},"errors":[]}`],
    [
      'an envelope that the upstream signed itself',
      `{"signature":"c2ln","kid":"theirs","data":${bare},"signature_algorithm":"none","signed_at":1,"nonce":"n","schema_version":"feedback.response.v0"}`,
    ],
    ['an envelope with members of its own', `{"data":${bare},"page":{"next":[[1]]},"count":1,"":null}`],
    ['white space all around', ` \t\r\n{ "data" : ${bare} } \n`],
    ['a name in escapes', `{"d\\u0061ta":${bare}}`],
  ])('is the same for %s', (_, answer) => {
    expect(textOf(signed(answer))).toBe(textOf(signed(bare)));
  });

  test('keeps request_id, status and errors of the upstream, and nothing else', () => {
    const errors = '[{"code":"p","detail":1.0,"é":[]}]';
    const answer = `{"errors":${errors},"status":"partial","data":[],"request_id":"r-é\\ud800\\"","kid":"k","extra":1}`;
    const result = signed(answer);
    expect(textOf(result)).toContain(`"errors":${canonicalOf(errors)},`);
    expect(envelopeOf(result)).toMatchObject({
      request_id: 'r-é\ud800"',
      status: 'partial',
      data: [],
      kid: KID,
    });
    expect(Object.keys(envelopeOf(result))).toHaveLength(10);
    expect(textOf(result)).toMatch(/^[\x20-\x7e]*$/);
  });

  test('is signed around an empty list', () => {
    expect(signed('[]')).toMatchObject({ adjustments: 0 });
    expect(textOf(signed('{"data":[]}'))).toContain('"data":[],');
  });

  test.each<[string, string]>([
    ['confidence 1.0', adjustmentText({ confidence: '1.0' })],
    ['confidence 1e-7', adjustmentText({ confidence: '1e-7' })],
    ['confidence -0.0', adjustmentText({ confidence: '-0.0' })],
    ['confidence -0', adjustmentText({ confidence: '-0' })],
    ['confidence 1 and 0', `${adjustmentText({ confidence: '1' })},${adjustmentText({ confidence: '0' })}`],
    ['an integer over 2^53', adjustmentText({ sequence: '12345678901234567890123' })],
    [
      'non-ASCII and astral text',
      adjustmentText({ rationale: '"Gr\u00fc\u00dfe \u{1f600} \\ud83d"', 'schl\u00fcssel': '1' }),
    ],
    ['a timestamp with a fraction', adjustmentText({ timestamp: '1764000000.25' })],
    [
      'the shortest and the longest ttl',
      `${adjustmentText({ ttl_seconds: '60' })},${adjustmentText({ ttl_seconds: '86400' })}`,
    ],
    [
      'hashes in upper case',
      adjustmentText({
        execution_fingerprint: `"${'E1'.repeat(32)}"`,
        attestation_measurement_hash: `"${'A1'.repeat(32)}"`,
      }),
    ],
    ['an action that is none of the three', adjustmentText({ action: '"quarantine"' })],
    [
      "members of the upstream's own",
      adjustmentText({ extra: '{"tenant_id":"x","confidence":[9]}', list: '[{"action":1}]' }),
    ],
    ['neither rationale nor control', adjustmentText({ rationale: undefined, control: undefined })],
    ['a control that is an object', adjustmentText({ control: '{"level":2}', rationale: 'null' })],
    [
      'no more than what binds it',
      adjustmentText({
        target_urn: undefined,
        action: undefined,
        confidence: undefined,
        ttl_seconds: undefined,
        timestamp: undefined,
      }),
    ],
    [
      'members named like those of an object',
      adjustmentText({ ['__proto__']: '{"tenant_id":1}', constructor: '1' }),
    ],
    ['a tenant in escapes', adjustmentText({ tenant_id: `"\\u0031${TENANT.slice(1)}"` })],
  ])('delivers the canonical form of %s', (_, adjustments) => {
    expect(textOf(signed(`[${adjustments}]`))).toContain(
      `"data":${canonicalOf(`[${adjustments}]`)},"errors"`,
    );
  });
});

describe('an answer is withheld', () => {
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const deepAdjustment = (levels: number) => adjustmentText({ deep: nested(levels) });

  test.each<[string, string | Buffer, string]>([
    ['that is empty', '', 'answer_not_json'],
    ['of white space', ' \n', 'answer_not_json'],
    ['with a byte-order mark', Buffer.from(`\ufeff${bare}`), 'answer_not_json'],
    ['that is no UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), 'answer_not_json'],
    ['that is cut', bare.slice(0, -1), 'answer_not_json'],
    ['with something behind it', `${bare} x`, 'answer_not_json'],
    ['with a second list behind it', `${bare}[]`, 'answer_not_json'],
    ['with a member twice', `{"data":[],"data":[]}`, 'answer_not_json'],
    ['with a member of an adjustment twice', `[${one.replace('{', '{"tenant_id":"x",')}]`, 'answer_not_json'],
    [
      'with a member of an adjustment twice, once in escapes',
      `[${one.replace('{', '{"\\u0061ction":"deny",')}]`,
      'answer_not_json',
    ],
    ['with NaN', `[${adjustmentText({ x: 'NaN' })}]`, 'answer_not_json'],
    ['with a float that overflows', `[${adjustmentText({ x: '1e400' })}]`, 'answer_not_json'],
    ['with an integer of 4,301 digits', `[${adjustmentText({ x: '9'.repeat(4301) })}]`, 'answer_not_json'],
    ['with a fault in a member that is dropped', `{"data":[],"x":{"y":[tru]}}`, 'answer_not_json'],
    ['with a member without a value', `{"data":}`, 'answer_not_json'],
    ['with a fault in errors', `{"errors":[}]`, 'answer_not_json'],
    ['that is nested too deeply as a list', `[${deepAdjustment(62)}]`, 'answer_not_json'],
    ['that is nested too deeply as an envelope', `{"data":[${deepAdjustment(62)}]}`, 'answer_not_json'],
    ['that is a text', '"[]"', 'answer_shape'],
    ['that is null', 'null', 'answer_shape'],
    ['that is a number', '0', 'answer_shape'],
    ['without data', '{"errors":[]}', 'answer_shape'],
    ['that is one adjustment', one, 'answer_shape'],
    ['with data null, as in a refusal', '{"data":null}', 'answer_shape'],
    ['with data that is an object', `{"data":{"0":${one}}}`, 'answer_shape'],
    ['with a status of refusal', `{"status":"rejected","data":[]}`, 'answer_shape'],
    ['with a status that is no text', `{"status":200,"data":[]}`, 'answer_shape'],
    ['with a status that is no word', `{"status":"accepted\\n","data":[]}`, 'answer_shape'],
    ['with errors null', `{"errors":null,"data":[]}`, 'answer_shape'],
    ['with errors that are an object', `{"errors":{},"data":[]}`, 'answer_shape'],
    ['with a request_id that is a number', `{"request_id":1,"data":[]}`, 'answer_shape'],
    ['with a request_id that is null', `{"request_id":null,"data":[]}`, 'answer_shape'],
    ['with an empty request_id', `{"request_id":"","data":[]}`, 'answer_shape'],
    ['with a request_id of 257 characters', `{"request_id":"${'r'.repeat(257)}","data":[]}`, 'answer_shape'],
    ['with an adjustment that is null', `[${one},null]`, 'adjustment_shape'],
    ['with an adjustment that is a text', '["x"]', 'adjustment_shape'],
    ['with an adjustment that is a list', `[[${one}]]`, 'adjustment_shape'],
  ])('%s', (_, answer, code) => {
    expect(codeOf(answer)).toBe(code);
  });

  test('only where the delivered envelope would be too deep', () => {
    expect(codeOf(`[${deepAdjustment(61)}]`)).toBe('signed');
    expect(codeOf(`{"data":[${deepAdjustment(61)}]}`)).toBe('signed');
    const result = canonicalize(signed(`[${deepAdjustment(61)}]`).body);
    expect(result.ok).toBe(true);
  });

  test.each<[string, string, string | undefined, string]>([
    ['without a tenant', 'tenant_id', undefined, 'adjustment_tenant'],
    ['of another tenant', 'tenant_id', `"${OTHER_TENANT}"`, 'adjustment_tenant'],
    ['of the tenant with a blank', 'tenant_id', `"${TENANT} "`, 'adjustment_tenant'],
    ['of the tenant in a list', 'tenant_id', `["${TENANT}"]`, 'adjustment_tenant'],
    ['of no tenant', 'tenant_id', 'null', 'adjustment_tenant'],
    ['without an execution', 'execution_fingerprint', undefined, 'adjustment_execution'],
    [
      'with 63 digits of an execution',
      'execution_fingerprint',
      `"${'a'.repeat(63)}"`,
      'adjustment_execution',
    ],
    [
      'with 65 digits of an execution',
      'execution_fingerprint',
      `"${'a'.repeat(65)}"`,
      'adjustment_execution',
    ],
    [
      'with an execution in colons',
      'execution_fingerprint',
      `"${'aa:'.repeat(31)}aa"`,
      'adjustment_execution',
    ],
    [
      'with an execution and a line break',
      'execution_fingerprint',
      `"${'a'.repeat(64)}\\n"`,
      'adjustment_execution',
    ],
    ['with a number for an execution', 'execution_fingerprint', '1'.repeat(64), 'adjustment_execution'],
    ['without an attestation', 'attestation_measurement_hash', undefined, 'adjustment_attestation'],
    [
      'with an attestation that is no hex',
      'attestation_measurement_hash',
      `"${'g'.repeat(64)}"`,
      'adjustment_attestation',
    ],
    ['with an empty attestation', 'attestation_measurement_hash', '""', 'adjustment_attestation'],
    ['without a schema version', 'schema_version', undefined, 'adjustment_schema'],
    ['of another schema version', 'schema_version', '"feedback.adjustment.v2"', 'adjustment_schema'],
    ['with a number for a schema version', 'schema_version', '1', 'adjustment_schema'],
    ['with an empty target', 'target_urn', '""', 'adjustment_shape'],
    ['with a target that is no text', 'target_urn', '{}', 'adjustment_shape'],
    ['with an action that is no text', 'action', 'true', 'adjustment_shape'],
    ['with an action that is null', 'action', 'null', 'adjustment_shape'],
    ['with an empty action', 'action', '""', 'adjustment_shape'],
    ['with a confidence in quotes', 'confidence', '"0.82"', 'adjustment_shape'],
    ['with a confidence over 1', 'confidence', '1.0000000000000002', 'adjustment_shape'],
    ['with a confidence below 0', 'confidence', '-5e-324', 'adjustment_shape'],
    ['with a confidence of 4,300 digits', 'confidence', '9'.repeat(4300), 'adjustment_shape'],
    ['with a ttl of 59 s', 'ttl_seconds', '59', 'adjustment_shape'],
    ['with a ttl of a day and a second', 'ttl_seconds', '86401', 'adjustment_shape'],
    ['with a ttl that is a float', 'ttl_seconds', '3600.0', 'adjustment_shape'],
    ['with a ttl in quotes', 'ttl_seconds', '"3600"', 'adjustment_shape'],
    ['with a timestamp in quotes', 'timestamp', '"1764000000"', 'adjustment_shape'],
    ['with a timestamp below 0', 'timestamp', '-1', 'adjustment_shape'],
  ])('for an adjustment %s', (_, member, text, code) => {
    const bad = adjustmentText({ [member]: text });
    const result = outcome(`[${one},${bad}]`);
    expect(result).toMatchObject({ kind: 'refused', code });
    expect(result.kind === 'refused' && result.detail).toMatch(/^adjustment 1: /);
    expect(codeOf(`{"data":[${bad},${one}]}`)).toBe(code);
  });

  test('for an adjustment that takes its tenant from the one before it', () => {
    expect(codeOf(`[${one},{}]`)).toBe('adjustment_tenant');
  });

  test('without a word of the upstream or the client in its reason', () => {
    for (const member of ['tenant_id', 'schema_version', 'target_urn']) {
      const result = outcome(`[${adjustmentText({ [member]: '["marker"]' })}]`);
      expect(JSON.stringify(result)).not.toContain('marker');
    }
  });

  test('over the limit, and not at it', () => {
    expect(codeOf(bare, { maxAnswerBytes: bare.length })).toBe('signed');
    expect(codeOf(bare, { maxAnswerBytes: bare.length - 1 })).toBe('answer_too_large');
  });

  test.each(['', 'a|b', 'a\nb', 'a\u007f', 'a\u0085', '\ud800'])('for the tenant %j', (tenant) => {
    const query = feedbackQuery({ tenant });
    expect(signAnswer(Buffer.from('[]'), query, feedbackSettings(), signingTools())).toMatchObject({
      kind: 'refused',
      code: 'tenant_missing',
    });
  });
});

describe('the pairs of execution and attestation', () => {
  const required = { executions: { required: true, maxPerTenant: 1, retentionSeconds: 60 } };

  test('are asked for in lower case, one for each adjustment', () => {
    const asked: string[][] = [];
    const wasSubmitted = (...pair: [string, string]) => asked.push(pair) > 0;
    const upper = adjustmentText({
      execution_fingerprint: `"${EXECUTION.toUpperCase()}"`,
      attestation_measurement_hash: `"${ATTESTATION.toUpperCase()}"`,
    });
    expect(codeOf(`[${upper},${one}]`, required, { wasSubmitted })).toBe('signed');
    expect(asked).toEqual([
      [EXECUTION, ATTESTATION],
      [EXECUTION, ATTESTATION],
    ]);
  });

  test('have to have been submitted where that is required', () => {
    expect(codeOf(bare, required, { wasSubmitted: () => false })).toBe('adjustment_not_submitted');
  });

  test('are not asked for where it is not', () => {
    expect(codeOf(bare, {}, { wasSubmitted: () => false })).toBe('signed');
  });
});

describe('the key', () => {
  const at = (nowMs: number) => ({ nowMs });
  const domain = (...keys: ReturnType<typeof feedbackKey>[]) => ({
    defaultDomain: { keys, activeKid: undefined },
  });

  test('signs from the millisecond of notBefore on and until just before notAfter', () => {
    const settings = domain(feedbackKey(KID, 1, { notBeforeMs: 1000, notAfterMs: 2000 }));
    expect([999, 1000, 1999, 2000].map((nowMs) => codeOf('[]', settings, at(nowMs)))).toEqual([
      'no_active_key',
      'signed',
      'signed',
      'no_active_key',
    ]);
  });

  test('changes at the notBefore of the next one', () => {
    const settings = domain(
      feedbackKey('old', 1, { notAfterMs: 3000 }),
      feedbackKey('new', 2, { notBeforeMs: 2000 }),
    );
    expect([1999, 2000, 3000].map((nowMs) => signed('[]', settings, at(nowMs)).kid)).toEqual([
      'old',
      'new',
      'new',
    ]);
  });

  test("is the tenant's own where it has one, valid or not", () => {
    const own = (validity = {}) => ({
      tenantDomains: new Map([[TENANT, { keys: [feedbackKey('own', 3, validity)], activeKid: undefined }]]),
    });
    expect(signed('[]', own()).kid).toBe('own');
    expect(codeOf('[]', own({ notAfterMs: 1 }))).toBe('no_active_key');
  });

  test('is none in a domain without keys', () => {
    expect(activeKeyOf({ keys: [], activeKid: undefined }, 0)).toBeUndefined();
  });
});

describe('a tool that breaks its promise', () => {
  test.each(['', 'short', 'x'.repeat(25), `${'x'.repeat(23)}|`, `${'x'.repeat(23)}=`])(
    'stops the signing: the nonce %j',
    (nonce) => {
      expect(() => outcome('[]', {}, { nonce: () => nonce })).toThrow('24 URL-safe characters');
    },
  );

  test('stops the signing: a clock that is not one', () => {
    expect(() => outcome('[]', {}, { nowMs: -1 })).toThrow('cannot be signed');
  });

  test('draws no nonce for an answer that is withheld', () => {
    const nonce = () => {
      throw new Error('drawn');
    };
    expect(codeOf('[1]', {}, { nonce })).toBe('adjustment_shape');
  });
});
