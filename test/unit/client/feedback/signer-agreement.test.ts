/** Our signer and our consumer, made apart from each other, agree on every answer that the signer lets out. */
import {
  bindAdjustments,
  keyringFromJson,
  MemorySeenNonces,
  verifyFeedback,
} from '../../../../src/client/feedback/index.js';
import { fastVerifier } from '../../../../src/crypto/engines.js';
import { publishedKeys, toJwkSet, toKeyMap } from '../../../../src/feedback/keyring.js';
import { ATTESTATION, EXECUTION, signedAnswer, TENANT } from '../../../support/signed-feedback.js';
import {
  adjustmentText,
  feedbackKey,
  feedbackQuery,
  feedbackSettings,
  signAnswer,
  SIGNING_MS,
  signingTools,
} from '../../../support/signing.js';

const settings = feedbackSettings({
  defaultDomain: {
    keys: [
      feedbackKey('old', 1, { notAfterMs: SIGNING_MS + 1 }),
      feedbackKey('new', 2, { notBeforeMs: SIGNING_MS }),
    ],
    activeKid: undefined,
  },
});
const keys = publishedKeys(settings, SIGNING_MS);

function consumed(upstreamAnswer: string, keyringText: string) {
  const answer = signAnswer(Buffer.from(upstreamAnswer), feedbackQuery(), settings, signingTools());
  if (answer.kind === 'refused') throw new Error(`${answer.code}: ${answer.detail}`);
  const keyring = keyringFromJson(keyringText);
  if (!keyring.ok) throw new Error(keyring.fault.code);
  const clock = { nowMs: () => SIGNING_MS };
  const result = verifyFeedback(answer.body, {
    tenant: TENANT,
    keyring: keyring.keyring,
    clock,
    seenNonces: new MemorySeenNonces({ clock }),
    verifier: fastVerifier(),
  });
  if (!result.ok) throw new Error(result.code);
  const execution = { executionFingerprints: [EXECUTION], attestationHashes: [ATTESTATION] };
  return { feedback: result.feedback, bound: bindAdjustments(result.feedback, execution) };
}

const one = adjustmentText({
  rationale: '"é \\u0041 😀 \u007f"',
  confidence: '1.0',
  extra: '[1e-7, -0.0, 12345678901234567890]',
});

describe.each([
  ['the JWK set that is served', JSON.stringify(toJwkSet(keys))],
  ['the map that is printed', JSON.stringify(Object.fromEntries(toKeyMap(keys)))],
])('with %s', (_title, keyring) => {
  it.each([
    ['a bare list', `[${one}]`],
    ['an object with data', `{"data": [${one}]}`],
    ['an envelope that somebody else has signed', signedAnswer({ data: `[${one}]`, kid: 'other' })],
  ])('an answer of %s is verified and bound', (_each, upstreamAnswer) => {
    const { feedback, bound } = consumed(upstreamAnswer, keyring);
    expect(feedback.kid).toBe('new');
    expect(bound.dropped).toEqual([]);
    expect(bound.applied).toMatchObject([{ rationale: 'é A 😀 \u007f', confidence: 1 }]);
  });

  it('an empty answer is verified', () => {
    expect(consumed('[]', keyring).bound).toMatchObject({ applied: [], dropped: [] });
  });
});
