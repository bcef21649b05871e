/** Whatever an upstream sends: it is withheld or signed, never anything else, and what is signed is what is delivered. */
import { createStrictVerifier } from '../../src/crypto/ed25519.js';
import { nodeEngine } from '../../src/crypto/engines.js';
import { canonicalize, canonicalizeMember } from '../../src/feedback/canonical-json.js';
import type { SignedAnswer } from '../../src/feedback/sign-answer.js';
import { KID, OTHER_TENANT, TENANT } from '../support/signed-feedback.js';
import {
  adjustmentText,
  FEEDBACK_NONCE,
  feedbackKey,
  feedbackQuery,
  feedbackSettings,
  signAnswer,
  SIGNING_SECONDS,
  signingTools,
} from '../support/signing.js';
import { Chance, DocumentSource, seed } from './json-documents.js';

const chance = new Chance(seed);
const source = new DocumentSource(chance);
const settings = feedbackSettings();
const key = feedbackKey();
const verifier = createStrictVerifier(nodeEngine);

const outcome = (body: Buffer) => signAnswer(body, feedbackQuery(), settings, signingTools());

/** The delivered text is judged as a consumer does it: canonical data, then the signature. */
function expectGenuine({ body }: SignedAnswer): string {
  const member = canonicalizeMember(body, '/data');
  if (!member.ok || member.member === undefined) throw new Error(`no envelope: ${body.toString()}`);
  const data = Buffer.from(member.member.canonical).toString('latin1');
  expect(body.toString('latin1', member.member.start, member.member.end)).toBe(data);
  const input = `${TENANT}|${SIGNING_SECONDS}|${FEEDBACK_NONCE}|feedback.response.v1|${KID}|${data}`;
  const { signature } = JSON.parse(body.toString()) as { signature: string };
  expect(verifier.verify(key.publicKey, Buffer.from(input), Buffer.from(signature, 'base64'))).toBe(true);
  return data;
}

/** Adjustments with documents in the members that nobody looks at. */
function list(): string {
  const adjustments = Array.from({ length: chance.below(4) }, () =>
    adjustmentText({ rationale: source.document(), control: source.document(), extra: source.document() }),
  );
  return `[${adjustments.join(' , ')}]`;
}

/** The list alone, or in an object with more in it. */
function inSomeForm(data: string): string {
  if (chance.below(3) === 0) return data;
  return `{"x":${source.document()}, "data":${data}, "errors":[${source.document()}]}`;
}

const canonicalText = (text: string) => {
  const result = canonicalize(Buffer.from(text));
  return result.ok ? Buffer.from(result.canonical).toString('latin1') : undefined;
};

describe(`judged and signed (JSON_SEED=${seed})`, () => {
  test('signs 2,000 generated answers, and delivers the canonical form of what was sent', () => {
    for (let left = 2_000; left > 0; left -= 1) {
      const data = list();
      const result = outcome(Buffer.from(inSomeForm(data)));
      if (result.kind === 'refused') throw new Error(`${result.code}, ${result.detail}: ${data}`);
      expect(expectGenuine(result)).toBe(canonicalText(data));
    }
  });

  test('withholds or signs 10,000 answers with a few bytes changed, and never another tenant', () => {
    const counts = { signed: 0, refused: 0 };
    for (let left = 10_000; left > 0; left -= 1) {
      const body = Buffer.from(
        `{"status":"accepted","data":[${adjustmentText()}],"errors":[],"request_id":"r"}`,
      );
      for (let changes = 1 + chance.below(3); changes > 0; changes -= 1)
        body[chance.below(body.length)] = chance.below(256);
      const result = outcome(body);
      counts[result.kind] += 1;
      if (result.kind === 'refused') continue;
      const data = JSON.parse(expectGenuine(result)) as { tenant_id: string }[];
      for (const { tenant_id } of data) expect(tenant_id).toBe(TENANT);
    }
    expect(Math.min(counts.signed, counts.refused)).toBeGreaterThan(100);
  });

  test('withholds a list in which any one of many is of another tenant', () => {
    for (let left = 200; left > 0; left -= 1) {
      const list = Array.from({ length: 1 + chance.below(30) }, () => adjustmentText());
      const at = chance.below(list.length);
      list[at] = adjustmentText({ tenant_id: JSON.stringify(OTHER_TENANT) });
      expect(outcome(Buffer.from(`[${list.join(',')}]`))).toMatchObject({
        code: 'adjustment_tenant',
        detail: `adjustment ${at}: tenant_id is not the verified tenant`,
      });
    }
  });
});
