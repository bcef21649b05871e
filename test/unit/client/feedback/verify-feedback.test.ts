import {
  MemorySeenNonces,
  verifyFeedback,
  type FeedbackVerification,
} from '../../../../src/client/feedback/index.js';
import { VerifiedFeedback } from '../../../../src/client/feedback/verify-feedback.js';
import {
  adjustments,
  KEY,
  KID,
  OTHER_TENANT,
  SIGNED_AT_SECONDS,
  signedAnswer,
  TENANT,
  testKey,
} from '../../../support/signed-feedback.js';
import { clock, consumer, keyringOf, NOW_MS, verified } from './consumer.js';

/** Everything but the code is left out, for tables. */
function codeOf(result: FeedbackVerification): string {
  return result.ok ? 'verified' : result.code;
}

function verdict(text: Uint8Array | string, options = consumer()): string {
  return codeOf(verifyFeedback(text, options));
}

/** Fails the test when the text is not there. */
function replaced(text: string, from: string | RegExp, to: string): string {
  const changed = text.replace(from, to);
  if (changed === text) throw new Error('nothing was replaced');
  return changed;
}

describe('a genuine answer', () => {
  it('is verified, and says what was signed', () => {
    const result = verifyFeedback(
      signedAnswer({ data: adjustments({}), nonce: 'nonce-1-24-characters-xx' }),
      consumer(),
    );
    expect(result.ok && result.feedback).toMatchObject({
      tenant: TENANT,
      kid: KID,
      signedAtSeconds: SIGNED_AT_SECONDS,
      nonce: 'nonce-1-24-characters-xx',
      schemaVersion: 'feedback.response.v1',
      unsignedRequestId: 'r-1',
      verifiedAtMs: NOW_MS,
    });
  });

  it.each([
    ['no adjustment at all', '[]'],
    ['white space between everything', ' [ { "a" : 1 } ,\n{ } ] '],
    ['floats that JavaScript prints in another way', '[{"a":1.0,"b":1e-7,"c":-0.0,"d":1e16,"e":5e-324}]'],
    ['integers over 2^53', '[{"a":123456789012345678901234567890,"b":-0}]'],
    ['letters beyond ASCII', '[{"é":"naïve","😀":"\\u0041\\ud83d\\ude00","\\u007f":"\u007f"}]'],
    ['lone surrogates as escapes', '[{"\\ud800":"\\udfff"}]'],
    ['keys out of order, astral ones among them', '[{"\uffff":1,"😀":2,"b":3,"a":4}]'],
    ['a slash that is escaped', '[{"a":"\\/"}]'],
  ])('is verified as bytes and as text with %s', (_title, data) => {
    const text = signedAnswer({ data });
    expect(verdict(text)).toBe('verified');
    expect(verdict(new TextEncoder().encode(text))).toBe('verified');
  });

  it("is verified by the client's own engine too, and a forged one is not", () => {
    const portable = consumer({ verifier: undefined });
    expect(verdict(signedAnswer({ data: adjustments({}) }), portable)).toBe('verified');
    expect(verdict(signedAnswer({ tenant: OTHER_TENANT }), portable)).toBe('bad_signature');
    expect(verdict(signedAnswer({ key: testKey(2) }), portable)).toBe('bad_signature');
  });

  it('is verified whatever the members say that are not signed', () => {
    const text = replaced(signedAnswer(), '"status":"accepted"', '"status":"odd","more":{"nonce":"x"}');
    expect(verdict(text)).toBe('verified');
    expect(verdict(replaced(signedAnswer(), '"request_id":"r-1",', ''))).toBe('verified');
  });

  it('made by Python with the same key and contract is verified', () => {
    // Printed once by CPython 3.11 and `cryptography`, seed 01…01: a canonical form that is not ours.
    const data = '[{"confidence":1.0,"é":"\\ud83d\\ude00","big":12345678901234567890,"tiny":1e-07}]';
    const signature =
      'wnWQqHQLJzmhfEvP/H7QOdvU7PBteTqbXkqCT+rAKzmgIGSfE70zveK+j5QAjTl6ycBqSr0wUqOf8jfVFhRQBA==';
    const rest = `"signature":"${signature}","kid":"default","signature_algorithm":"Ed25519"`;
    const text = `{"data":${data},${rest},"signed_at":1764000000,"nonce":"AAAAAAAAAAAAAAAAAAAAAAAA","schema_version":"feedback.response.v1"}`;
    expect(verdict(text, consumer({ keyring: keyringOf({ default: KEY.base64 }) }))).toBe('verified');
  });
});

describe('each refusal has a code of its own', () => {
  it.each([
    ['a kid that is not in the keyring', signedAnswer({ kid: 'fb-other' }), 'unknown_kid'],
    ['a kid in another case', signedAnswer({ kid: KID.toUpperCase() }), 'unknown_kid'],
    ['a kid that every object has', signedAnswer({ kid: 'constructor' }), 'unknown_kid'],
    ['another algorithm', signedAnswer({ algorithm: 'ES256' }), 'other_algorithm'],
    ['the algorithm in another case', signedAnswer({ algorithm: 'ed25519' }), 'other_algorithm'],
    ['no algorithm', signedAnswer({ algorithm: 'none' }), 'other_algorithm'],
    ['an answer for another tenant', signedAnswer({ tenant: OTHER_TENANT }), 'bad_signature'],
    ["another key under our key's id", signedAnswer({ key: testKey(2) }), 'bad_signature'],
    ['another schema', signedAnswer({ schemaVersion: 'feedback.response.v2' }), 'other_schema'],
    ['an answer of 301 s ago', signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS + 4 - 301 }), 'stale'],
    ['an answer of 301 s ahead', signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS + 4 + 301 }), 'stale'],
  ])('%s', (_title, text, code) => {
    expect(verdict(text)).toBe(code);
  });

  it('a nonce that comes again, in the same answer or in another one', () => {
    const options = consumer();
    const text = signedAnswer({ nonce: 'the-one-and-only-nonce--' });
    expect(verdict(text, options)).toBe('verified');
    expect(verdict(text, options)).toBe('replayed');
    expect(verdict(signedAnswer({ nonce: 'the-one-and-only-nonce--', data: '[1]' }), options)).toBe(
      'replayed',
    );
  });

  it('a store of nonces that is full', () => {
    const options = consumer({ seenNonces: new MemorySeenNonces({ clock, maxNonces: 1 }) });
    expect([verdict(signedAnswer(), options), verdict(signedAnswer(), options)]).toEqual([
      'verified',
      'nonces_full',
    ]);
  });

  it('an answer that is too large', () => {
    const text = signedAnswer({ data: '["é"]' });
    const bytes = Buffer.byteLength(text);
    expect(verdict(text, consumer({ maxEnvelopeBytes: bytes }))).toBe('verified');
    expect(verdict(text, consumer({ maxEnvelopeBytes: bytes - 1 }))).toBe('too_large');
    expect(verdict(Buffer.from(text), consumer({ maxEnvelopeBytes: bytes - 1 }))).toBe('too_large');
  });

  it('tells facts with the code', () => {
    const old = verifyFeedback(signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS - 400 }), consumer());
    expect(old).toEqual({ ok: false, code: 'stale', ageSeconds: 404, maxAgeSeconds: 300 });
    const unknown = verifyFeedback(signedAnswer({ kid: 'x|y' }), consumer());
    expect(unknown).toEqual({ ok: false, code: 'unknown_kid', kid: 'x|y' });
  });
});

describe('the age of an answer', () => {
  it.each([
    ['exactly 300 s', -300, 'verified'],
    ['exactly 300 s ahead', 300, 'verified'],
    ['now', 0, 'verified'],
  ])('of %s is accepted', (_title, offset, code) => {
    expect(verdict(signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS + 4 + offset }))).toBe(code);
  });

  it('may be set', () => {
    const options = consumer({ maxAgeSeconds: 10 });
    expect(verdict(signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS + 4 - 10 }), options)).toBe('verified');
    expect(verdict(signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS + 4 - 11 }), options)).toBe('stale');
  });
});

describe('a malformed answer', () => {
  const good = signedAnswer({ data: adjustments({}) });
  it.each([
    ['nothing', ''],
    ['a byte-order mark', `\ufeff${good}`],
    ['two values', `${good}{}`],
    ['a comma too many', replaced(good, '"errors":[]', '"errors":[],')],
    ['a name twice', replaced(good, '"errors":[]', '"errors":[],"errors":[]')],
    ['data twice', replaced(good, '"errors":[]', '"data":[]')],
    ['data twice, once with an escape', replaced(good, '"errors":[]', '"d\\u0061ta":[]')],
    ['a name twice in an adjustment', replaced(good, '"action"', '"control":"x","action"')],
    ['NaN', replaced(good, '0.82', 'NaN')],
    ['a float that overflows', replaced(good, '0.82', '1e999')],
    ['an integer of 4,301 digits', replaced(good, '3600', '1'.repeat(4301))],
    [
      'nesting beyond 64 levels',
      replaced(good, '"errors":[]', `"errors":${'['.repeat(64)}${']'.repeat(64)}`),
    ],
    ['half a surrogate pair in the text', replaced(good, 'r-1', '\ud800')],
  ])('with %s is malformed_json', (_title, text) => {
    expect(verdict(text)).toBe('malformed_json');
  });

  it('of bytes that are no UTF-8 is malformed_json', () => {
    const bytes = Buffer.from(good);
    bytes[bytes.indexOf('r-1')] = 0xff;
    expect(verdict(bytes)).toBe('malformed_json');
  });

  const missing = ['data', 'signature', 'kid', 'signature_algorithm', 'signed_at', 'nonce', 'schema_version'];
  it.each(missing)('without %s says so', (member) => {
    const parsed = JSON.parse(good) as Record<string, unknown>;
    const rest = Object.fromEntries(Object.entries(parsed).filter(([name]) => name !== member));
    expect(verifyFeedback(JSON.stringify(rest), consumer())).toEqual({
      ok: false,
      code: 'malformed_envelope',
      problem: 'missing',
      member,
    });
  });

  it.each([
    ['data that is null', '"data"', 'null'],
    ['data that is an object', '"data"', '{"data":[]}'],
    ['a signature that is a list', '"signature"', '[]'],
    ['a kid that is a number', '"kid"', '1'],
    ['an algorithm that is null', '"signature_algorithm"', 'null'],
    ['signed_at as a text', '"signed_at"', '"1764000000"'],
    ['signed_at as a float', '"signed_at"', '1764000000.0'],
    ['signed_at with an exponent', '"signed_at"', '1764000e3'],
    ['signed_at that is true', '"signed_at"', 'true'],
    ['a nonce that is a number', '"nonce"', '123456789012'],
    ['a schema version that is a list', '"schema_version"', '["feedback.response.v1"]'],
  ])('with %s is of the wrong type', (_title, name, value) => {
    const text = withMember(name, value);
    expect(verifyFeedback(text, consumer())).toMatchObject({
      code: 'malformed_envelope',
      problem: 'type',
      member: JSON.parse(name) as string,
    });
  });

  it.each([
    ['signed_at of nine digits', '"signed_at"', '999999999'],
    ['signed_at of twelve digits', '"signed_at"', '100000000000'],
    ['signed_at below zero', '"signed_at"', '-1764000000'],
    ['a nonce that is too short', '"nonce"', '"short"'],
    ['a nonce with the separator', '"nonce"', '"aaaaaaaaaaaa|bbbbbbbbbbb"'],
    ['a nonce with a blank', '"nonce"', '"aaaaaaaaaaaa bbbbbbbbbbb"'],
    ['an empty schema version', '"schema_version"', '""'],
    ['a schema version with the separator', '"schema_version"', '"feedback|response"'],
    ['a schema version with a control character', '"schema_version"', '"feedback\\u0000"'],
  ])('with %s has no such syntax', (_title, name, value) => {
    expect(verifyFeedback(withMember(name, value), consumer())).toMatchObject({
      code: 'malformed_envelope',
      problem: 'syntax',
      member: JSON.parse(name) as string,
    });
  });

  it.each(['[]', 'null', '"text"', '1'])('that is %s is no object', (text) => {
    expect(verifyFeedback(text, consumer())).toMatchObject({
      code: 'malformed_envelope',
      problem: 'no_object',
    });
  });

  it.each([
    ['empty', '""'],
    ['base64url', `"${'-'.repeat(86)}=="`],
    ['of 63 bytes', `"${'A'.repeat(84)}"`],
    ['with a line end', `"${'A'.repeat(86)}==\\n"`],
    ['with bits left over', `"${'A'.repeat(85)}B=="`],
    ['of zeros', `"${'A'.repeat(86)}=="`],
  ])('with a signature that is %s has a bad signature', (_title, value) => {
    expect(verdict(withMember('"signature"', value))).toBe('bad_signature');
  });

  function withMember(name: string, value: string): string {
    const parsed = JSON.parse(good) as Record<string, unknown>;
    const members = Object.entries(parsed).map(([each, old]) => {
      const key = JSON.stringify(each);
      return `${key}:${key === name ? value : JSON.stringify(old)}`;
    });
    return `{${members.join(',')}}`;
  }
});

describe('the order of the checks', () => {
  it('is kid, algorithm, signature, schema, age, nonce', () => {
    const old = { signedAtSeconds: 1_700_000_000 };
    const otherSchema = { ...old, schemaVersion: 'other' };
    const forged = { ...otherSchema, key: testKey(2) };
    const otherAlgorithm = { ...forged, algorithm: 'none' };
    const everything = { ...otherAlgorithm, kid: 'fb-other' };
    const answers = [everything, otherAlgorithm, forged, otherSchema, old, {}];
    expect(answers.map((changes) => verdict(signedAnswer(changes)))).toEqual([
      'unknown_kid',
      'other_algorithm',
      'bad_signature',
      'other_schema',
      'stale',
      'verified',
    ]);
  });

  it.each([
    ['an unknown kid', signedAnswer({ kid: 'fb-other', nonce: 'nonce-of-the-first-ans-1' })],
    ['a bad signature', signedAnswer({ key: testKey(2), nonce: 'nonce-of-the-first-ans-1' })],
    ['another schema', signedAnswer({ schemaVersion: 'other', nonce: 'nonce-of-the-first-ans-1' })],
    ['a wrong age', signedAnswer({ signedAtSeconds: 1_700_000_000, nonce: 'nonce-of-the-first-ans-1' })],
  ])('burns no nonce for %s', (_title, text) => {
    const options = consumer();
    expect(verdict(text, options)).not.toBe('verified');
    expect(verdict(signedAnswer({ nonce: 'nonce-of-the-first-ans-1' }), options)).toBe('verified');
  });

  it('ends a key by our clock, whatever time the answer claims', () => {
    const retired = keyringOf({ [KID]: { publicKey: KEY.base64, notAfterMs: NOW_MS } });
    const claims = [-200, 0, 200].map((offset) => ({ signedAtSeconds: SIGNED_AT_SECONDS + offset }));
    const codes = claims.map((claim) => verdict(signedAnswer(claim), consumer({ keyring: retired })));
    expect(codes).toEqual(['kid_retired', 'kid_retired', 'kid_retired']);
  });

  it('begins a key by the clock of the signer, as far ahead of ours as an answer may be', () => {
    const keyring = keyringOf({
      [KID]: { publicKey: KEY.base64, notBeforeMs: (SIGNED_AT_SECONDS + 60) * 1000 },
    });
    const codes = [0, 59, 60, 304, 305].map((offset) =>
      verdict(signedAnswer({ signedAtSeconds: SIGNED_AT_SECONDS + offset }), consumer({ keyring })),
    );
    expect(codes).toEqual(['kid_not_yet_valid', 'kid_not_yet_valid', 'verified', 'verified', 'stale']);
  });
});

describe('VerifiedFeedback', () => {
  it('cannot be made by anybody else', () => {
    // @ts-expect-error the seal is a symbol that never leaves its module
    expect(() => new VerifiedFeedback(Symbol('verified'), {})).toThrow(TypeError);
    expect(VerifiedFeedback.isGenuine(Object.create(VerifiedFeedback.prototype))).toBe(false);
    expect(VerifiedFeedback.isGenuine({ tenant: TENANT })).toBe(false);
    expect(VerifiedFeedback.isGenuine(verified())).toBe(true);
  });

  it('cannot be changed, nor can what it holds', () => {
    const feedback = verified({ data: '[1]' });
    expect(() => Object.assign(feedback, { tenant: OTHER_TENANT })).toThrow(TypeError);
    feedback.canonicalData.fill(0);
    expect(Buffer.from(feedback.canonicalData).toString()).toBe('[1]');
  });
});

describe('options', () => {
  it.each([
    ['an empty tenant', { tenant: '' }],
    ['a tenant with the separator', { tenant: 'a|b' }],
    ['a tenant with half a surrogate pair', { tenant: '\ud800' }],
    ['an age of zero', { maxAgeSeconds: 0 }],
    ['an age of a day and a second', { maxAgeSeconds: 86_401 }],
    ['a broken age', { maxAgeSeconds: 1.5 }],
    ['an age that is no number', { maxAgeSeconds: NaN }],
    ['no bytes at all', { maxEnvelopeBytes: 0 }],
  ])('%s is a mistake of the caller', (_title, changes) => {
    expect(() => verifyFeedback(signedAnswer(), consumer(changes))).toThrow(RangeError);
  });

  it('take another schema as the expected one', () => {
    const options = consumer({ expectedSchema: 'feedback.response.v2' });
    expect(verdict(signedAnswer({ schemaVersion: 'feedback.response.v2' }), options)).toBe('verified');
    expect(verdict(signedAnswer(), options)).toBe('other_schema');
  });

  it('refuse the answer when a store of nonces says something else than it may', () => {
    const seenNonces = { claim: () => Promise.resolve('new') };
    // @ts-expect-error a claim is no promise
    expect(verdict(signedAnswer(), consumer({ seenNonces }))).toBe('nonces_full');
  });
});
