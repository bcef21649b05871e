/** Who calls, when, and with which proof: what is refused before the body means anything. */
import { sign } from 'node:crypto';
import { headerOf, removing, replacing, type Outgoing } from '../support/outgoing.js';
import { bundle, nowSeconds, signedBytes, telemetry } from '../support/requests.js';
import { refusal, unauthenticated, type RefusalCase } from './case.js';

const CLAIM = 'X-Client-Cert-Sha256';
const TIMESTAMP = 'X-Telemetry-Timestamp';
const NONCE = 'X-Telemetry-Nonce';
const SIGNATURE = 'X-Telemetry-Signature';

const caller: RefusalCase[] = [
  refusal(
    'a claimed fingerprint of another certificate is refused',
    unauthenticated('certificate_claim_mismatch'),
    ({ a, b }) => replacing(telemetry({ by: a }), CLAIM, b.certificateSha256),
  ),
  refusal('an identity that nobody knows is refused', unauthenticated('identity_unknown'), ({ named }) =>
    telemetry({ by: named('producer-unknown') }),
  ),
  refusal(
    'an identity in other capitals is another identity',
    unauthenticated('identity_unknown'),
    ({ named }) => telemetry({ by: named('Producer-A') }),
  ),
  refusal(
    'an identity named like a member of every object is unknown',
    unauthenticated('identity_unknown'),
    ({ named }) => telemetry({ by: named('constructor') }),
  ),
  refusal(
    'a revoked identity is refused whatever it presents',
    unauthenticated('identity_revoked'),
    ({ named }) => telemetry({ by: named('producer-revoked') }),
  ),
  refusal(
    "a pinned certificate under another producer's name is refused",
    unauthenticated('pin_mismatch'),
    ({ a, b }) => ({
      ...telemetry({ by: { ...a, certificateSha256: b.certificateSha256 } }),
      over: b,
    }),
  ),
  refusal(
    'a certificate of the right CA that is pinned to nobody is refused',
    unauthenticated('pin_mismatch'),
    ({ unpinned }) => telemetry({ by: unpinned }),
  ),
  refusal(
    'a pinned certificate is refused even without the claim',
    unauthenticated('pin_mismatch'),
    ({ a, unpinned }) => ({
      ...removing(telemetry({ by: a }), CLAIM),
      over: unpinned,
    }),
  ),
  refusal('a pin that has ended is refused', unauthenticated('pin_not_valid'), ({ named }) =>
    telemetry({ by: named('producer-expired-pin') }),
  ),
  refusal('a pin that has not begun is refused', unauthenticated('pin_not_valid'), ({ named }) =>
    telemetry({ by: named('producer-future-pin') }),
  ),
  refusal('a timestamp of an hour ago is refused', unauthenticated('timestamp_outside_window'), ({ a }) =>
    telemetry({ by: a, timestamp: nowSeconds() - 3_600 }),
  ),
  refusal('a timestamp of the next hour is refused', unauthenticated('timestamp_outside_window'), ({ a }) =>
    telemetry({ by: a, timestamp: nowSeconds() + 3_600 }),
  ),
  refusal(
    'a timestamp of eleven digits is far in the future',
    unauthenticated('timestamp_outside_window'),
    ({ a }) => telemetry({ by: a, timestamp: 99_999_999_999 }),
  ),
];

const keys: RefusalCase[] = [
  refusal('a key id that the identity does not have is refused', unauthenticated('key_unknown'), ({ a }) =>
    telemetry({ by: a, kid: 'next' }),
  ),
  refusal('a key id named like a prototype is no key', unauthenticated('key_unknown'), ({ a }) =>
    telemetry({ by: a, kid: '__proto__' }),
  ),
  refusal('a key for bundles alone signs no request', unauthenticated('key_unknown'), ({ named }) =>
    telemetry({ by: named('producer-bundle-key') }),
  ),
  refusal('a key for requests alone signs no bundle', unauthenticated('key_unknown'), ({ named }) =>
    bundle({ by: named('producer-request-key') }),
  ),
  refusal('a retired key is refused, named or not', unauthenticated('key_not_valid'), ({ named }) =>
    telemetry({ by: named('producer-retired-key') }),
  ),
  refusal(
    'a retired key is refused by its id beside a valid twin',
    unauthenticated('key_not_valid'),
    ({ named }) => telemetry({ by: named('producer-rotating'), kid: 'retired' }),
  ),
  refusal(
    "the id of one key does not admit another key's signature",
    unauthenticated('signature_invalid'),
    ({ named }) => telemetry({ by: named('producer-rotating'), kid: 'next' }),
  ),
];

const spoilt = (how: string, spoil: (request: Outgoing) => Outgoing): RefusalCase =>
  refusal(`${how} is refused`, unauthenticated('signature_invalid'), ({ a }) => spoil(telemetry({ by: a })));

const spoiltSignature = (how: string, change: (signature: Buffer) => Buffer): RefusalCase =>
  spoilt(how, (request) => {
    const signature = Buffer.from(headerOf(request, SIGNATURE), 'base64');
    return replacing(request, SIGNATURE, change(signature).toString('base64'));
  });

const signatures: RefusalCase[] = [
  spoilt('a body with one byte changed', (request) => ({
    ...request,
    body: Buffer.from(request.body.toString().replace('demonstration', 'demonstratiOn')),
  })),
  spoilt('a body with a line feed appended', (request) => ({
    ...request,
    body: Buffer.concat([request.body, Buffer.from('\n')]),
  })),
  spoilt('a body that was left out', (request) => ({ ...request, body: Buffer.alloc(0) })),
  spoilt('a timestamp of one second later', (request) =>
    replacing(request, TIMESTAMP, String(Number(headerOf(request, TIMESTAMP)) + 1)),
  ),
  spoilt('another nonce', (request) => replacing(request, NONCE, 'another-nonce-000001')),
  spoiltSignature('a signature with one bit flipped', (signature) => {
    signature[0] = (signature[0] ?? 0) ^ 1;
    return signature;
  }),
  spoiltSignature('a signature of zeros', () => Buffer.alloc(64)),
  spoiltSignature('the same signature with the group order added to S', malleated),
  spoiltSignature('a signature whose R is a small-order point', (signature) =>
    Buffer.concat([Buffer.of(1), Buffer.alloc(31), signature.subarray(32)]),
  ),
  refusal(
    "a signature by another producer's key is refused",
    unauthenticated('signature_invalid'),
    ({ a, b }) => telemetry({ by: { ...a, signingKey: b.signingKey } }),
  ),
  refusal('a signature over the body alone is refused', unauthenticated('signature_invalid'), ({ a }) => {
    const request = telemetry({ by: a });
    return replacing(request, SIGNATURE, sign(null, request.body, a.signingKey).toString('base64'));
  }),
  refusal(
    'bytes moved from the body to the nonce are refused',
    unauthenticated('signature_invalid'),
    ({ a }) => {
      const parts = { timestamp: nowSeconds(), nonce: 'moved-nonce-0001' };
      const request = signedBytes({ by: a }, '/notes', Buffer.from('-more.text'), parts);
      return { ...replacing(request, NONCE, `${parts.nonce}-more`), body: Buffer.from('text') };
    },
  ),
];

const GROUP_ORDER = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn;

/** S + L verifies wherever S < L is not asked for. */
function malleated(signature: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + GROUP_ORDER;
  const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}

/** All of them. */
export const AUTHENTICATION_CASES: readonly RefusalCase[] = [...caller, ...keys, ...signatures];
