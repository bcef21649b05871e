import fc from 'fast-check';
import { bindAdjustments, keyringFromMap, verifyFeedback } from '../../src/client/feedback/index.js';
import { createStrictVerifier } from '../../src/crypto/ed25519.js';
import { selectEngine } from '../../src/crypto/engines.js';
import { canonicalizeMember } from '../../src/feedback/canonical-json.js';
import {
  adjustments,
  ATTESTATION,
  EXECUTION,
  KEY,
  KID,
  SIGNED_AT_SECONDS,
  signedAnswer,
  TENANT,
} from '../support/signed-feedback.js';
import { Chance, DocumentSource } from './json-documents.js';

const made = keyringFromMap({ [KID]: KEY.base64 });
if (!made.ok) throw new Error(made.fault.code);
const { keyring } = made;
const clock = { nowMs: () => SIGNED_AT_SECONDS * 1000 };
const verifier = createStrictVerifier(selectEngine());

/** JSON texts whose spellings vary as much as their values. */
const document = fc
  .integer({ min: 0, max: 0xffff_ffff })
  .map((seed) => new DocumentSource(new Chance(seed)).document());

/** Every answer is new: what is looked at here is the signature, not the nonce. */
const seenNonces = { claim: () => 'new' as const };

function verify(text: Uint8Array) {
  return verifyFeedback(text, { tenant: TENANT, keyring, clock, verifier, seenNonces });
}

const SIGNED_MEMBERS = ['/data', '/signed_at', '/nonce', '/schema_version', '/kid', '/signature'];

/** Canonical text of every signed member; undefined where the text is no longer JSON. */
function signedContent(text: Uint8Array): string | undefined {
  const members = SIGNED_MEMBERS.map((pointer) => canonicalizeMember(text, pointer));
  if (!members.every((member) => member.ok)) return undefined;
  return members.map((each) => Buffer.from(each.member?.canonical ?? []).toString('latin1')).join('\n');
}

/** The byte ranges of the signed members' values. */
function signedRanges(text: Uint8Array): readonly (readonly [number, number])[] {
  return SIGNED_MEMBERS.map((pointer) => {
    const found = canonicalizeMember(text, pointer);
    if (!found.ok || found.member === undefined) throw new Error(`no ${pointer}`);
    return [found.member.start, found.member.end];
  });
}

/**
 * A byte may change and the content stay: the case of a hex digit in an escape, one blank for another. Whoever reads
 * the answer reads the same then, and it is no forgery. Anything else must be refused.
 */
function expectRefusedOrSame(original: Uint8Array, changed: Uint8Array): void {
  if (verify(changed).ok) expect(signedContent(changed)).toBe(signedContent(original));
}

function withByte(text: Uint8Array, at: number, byte: number): Uint8Array {
  const changed = Uint8Array.from(text);
  changed[at] = byte;
  return changed;
}

describe('a signed answer', () => {
  const answer = Buffer.from(signedAnswer({ data: adjustments({}, { rationale: 'é😀', confidence: 1 }) }));

  it('is refused after every change of one bit in the signed parts', () => {
    expect(verify(answer).ok).toBe(true);
    for (const [start, end] of signedRanges(answer)) {
      for (let at = start; at < end; at += 1) {
        for (let bit = 1; bit < 0x100; bit <<= 1) {
          const { ok } = verify(withByte(answer, at, (answer[at] ?? 0) ^ bit));
          if (ok) throw new Error(`accepted with bit ${bit} of byte ${at} changed`);
        }
      }
    }
  });

  it('is refused after any change of one byte in the signed parts, whatever the data', () => {
    fc.assert(
      fc.property(
        fc.array(document, { maxLength: 3 }),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        (documents, position, byte) => {
          const text = Buffer.from(signedAnswer({ data: `[${documents.join(',')}]` }));
          expect(verify(text).ok).toBe(true);
          const places = signedRanges(text).flatMap(([start, end]) =>
            Array.from({ length: end - start }, (_, index) => start + index),
          );
          expectRefusedOrSame(text, withByte(text, places[position % places.length] ?? 0, byte));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('is refused after any byte is taken out or put in, within the signed parts', () => {
    const places = signedRanges(answer).flatMap(([start, end]) => [start, (start + end) >> 1, end - 1]);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const head = answer.subarray(0, at);
        expectRefusedOrSame(answer, Buffer.concat([head, answer.subarray(at + 1)]));
        expectRefusedOrSame(answer, Buffer.concat([head, Buffer.of(byte), answer.subarray(at)]));
      }),
      { numRuns: 500 },
    );
  });

  it('is judged without an exception, whatever the bytes', () => {
    const pieces = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(answer.length).map((end) => Uint8Array.from(answer.subarray(0, end))),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 4 }), (parts) => {
        const text = Buffer.concat(parts);
        expectRefusedOrSame(answer, text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('binding', () => {
  const hash = fc.constantFrom(EXECUTION, ATTESTATION, '0'.repeat(64), 'not-a-hash', 7);
  const change = fc.record(
    {
      tenant_id: fc.constantFrom(TENANT, 'other', '', null),
      execution_fingerprint: hash,
      attestation_measurement_hash: hash,
      target_urn: fc.constantFrom('urn:a', 'urn:b', '__proto__', '', null),
      action: fc.constantFrom('deny', 'tighten', 'observe', 'DENY', 1),
      confidence: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant('1')),
      ttl_seconds: fc.oneof(fc.integer({ min: -100, max: 90_000 }), fc.constant('60')),
      timestamp: fc.integer({ min: SIGNED_AT_SECONDS - 90_000, max: SIGNED_AT_SECONDS + 1000 }),
    },
    { requiredKeys: [] },
  );

  it('applies or drops every adjustment, once, and applies only what concerns us and still holds', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        const result = verify(Buffer.from(signedAnswer({ data: adjustments(...changes) })));
        if (!result.ok) throw new Error(result.code);
        const { applied, dropped } = bindAdjustments(result.feedback, {
          executionFingerprints: [EXECUTION],
          attestationHashes: [ATTESTATION],
        });
        expect(applied.length + dropped.length).toBe(changes.length);
        expect(new Set(applied.map(({ targetUrn }) => targetUrn)).size).toBe(applied.length);
        for (const each of applied) {
          expect(each).toMatchObject({
            tenantId: TENANT,
            executionFingerprint: EXECUTION,
            attestationMeasurementHash: ATTESTATION,
          });
          expect(each.endsAtMs).toBeGreaterThan(clock.nowMs());
          expect(each.confidence).toBeGreaterThanOrEqual(0);
          expect(each.confidence).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 500 },
    );
  });
});
