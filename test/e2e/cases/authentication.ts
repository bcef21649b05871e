/** Who calls, when, and with which proof: everything that is refused before the body means anything. */
import { sign } from 'node:crypto';
import { adding, headerOf, removing, replacing, type Outgoing } from '../support/outgoing.js';
import { bundle, nowSeconds, signedBytes, telemetry } from '../support/requests.js';
import { refusal, unauthenticated, type RefusalCase } from './case.js';

const IDENTITY = 'X-Service-Identity';
const CLAIM = 'X-Client-Cert-Sha256';
const TIMESTAMP = 'X-Telemetry-Timestamp';
const NONCE = 'X-Telemetry-Nonce';
const SIGNATURE = 'X-Telemetry-Signature';
const KID = 'X-Telemetry-Kid';

const missing = [IDENTITY, TIMESTAMP, NONCE, SIGNATURE].map((name) =>
  refusal(`a request without ${name} is refused`, unauthenticated('header_missing'), ({ a }) =>
    removing(telemetry({ by: a }), name),
  ),
);

const duplicate = [IDENTITY, CLAIM, TIMESTAMP, NONCE, SIGNATURE, KID].flatMap((name) => [
  refusal(`${name} twice with one value is refused`, unauthenticated('header_duplicate'), ({ a }) => {
    const request = telemetry({ by: a, kid: 'default' });
    return adding(request, [name, headerOf(request, name)]);
  }),
  refusal(
    `${name} twice in one comma-joined line is refused`,
    unauthenticated('header_malformed'),
    ({ a }) => {
      const request = telemetry({ by: a, kid: 'default' });
      const value = headerOf(request, name);
      return replacing(request, name, `${value}, ${value}`);
    },
  ),
]);

const another: RefusalCase[] = [
  refusal(
    'a second identity behind the right one is refused',
    unauthenticated('header_duplicate'),
    ({ a, b }) => adding(telemetry({ by: a }), [IDENTITY, b.identity]),
  ),
  refusal(
    'a second nonce, in another case of the name, is refused',
    unauthenticated('header_duplicate'),
    ({ a }) => adding(telemetry({ by: a }), [NONCE.toUpperCase(), 'another-nonce-0001']),
  ),
];

/** Values whose syntax is wrong: how, in which header, and what is written. */
const malformedValues: readonly (readonly [how: string, name: string, value: (valid: string) => string])[] = [
  ['an empty identity', IDENTITY, () => ''],
  ['an identity with a space in it', IDENTITY, () => 'producer a'],
  ['an identity that begins with a dot', IDENTITY, (valid) => `.${valid}`],
  ['an identity of 129 characters', IDENTITY, () => 'p'.repeat(129)],
  ['an identity with a byte outside ASCII', IDENTITY, () => 'producer-\xe4'],
  ['an identity in UTF-8', IDENTITY, () => Buffer.from('prodücer-a').toString('latin1')],
  ['an empty nonce', NONCE, () => ''],
  ['a nonce of 7 characters', NONCE, () => 'short-7'],
  ['a nonce of 129 characters', NONCE, () => 'n'.repeat(129)],
  ['a nonce with a dot', NONCE, (valid) => `${valid}.x`],
  ['a nonce with a colon, which the existing gateway takes', NONCE, (valid) => `${valid}:1`],
  ['a nonce with a byte outside ASCII', NONCE, (valid) => `${valid}\xff`],
  ['a timestamp with a leading zero', TIMESTAMP, (valid) => `0${valid}`],
  ['a timestamp with a sign', TIMESTAMP, (valid) => `+${valid}`],
  ['a timestamp with a fraction', TIMESTAMP, (valid) => `${valid}.0`],
  ['a timestamp in milliseconds', TIMESTAMP, (valid) => `${valid}000`],
  ['a timestamp with an exponent', TIMESTAMP, () => '17e8'],
  ['a timestamp in hex', TIMESTAMP, (valid) => `0x${Number(valid).toString(16)}`],
  ['a timestamp of nine digits', TIMESTAMP, () => '999999999'],
  ['an empty signature', SIGNATURE, () => ''],
  ['a signature without its padding', SIGNATURE, (valid) => valid.slice(0, -2)],
  ['a signature with padding to spare', SIGNATURE, (valid) => `${valid}=`],
  ['a signature of 63 bytes', SIGNATURE, () => Buffer.alloc(63, 7).toString('base64')],
  ['a signature of 65 bytes', SIGNATURE, () => Buffer.alloc(65, 7).toString('base64')],
  ['a signature in the URL-safe alphabet', SIGNATURE, () => `${'-_'.repeat(43)}==`],
  ['a signature in hex', SIGNATURE, (valid) => Buffer.from(valid, 'base64').toString('hex')],
  ['a signature with a space in it', SIGNATURE, (valid) => `${valid.slice(0, 40)} ${valid.slice(40)}`],
  ['a signature whose last bits are not canonical', SIGNATURE, nonCanonical],
  ['a claimed fingerprint that is no hex', CLAIM, () => 'z'.repeat(64)],
  ['a claimed fingerprint of 63 digits', CLAIM, (valid) => valid.slice(1)],
  ['an empty claimed fingerprint', CLAIM, () => ''],
  ['a key id with a slash', KID, () => 'keys/default'],
  ['an empty key id', KID, () => ''],
  ['a key id of 65 characters', KID, () => 'k'.repeat(65)],
];

const malformed = malformedValues.map(([how, name, value]) =>
  refusal(`${how} is refused`, unauthenticated('header_malformed'), ({ a }) => {
    const request = telemetry({ by: a, kid: 'default' });
    return replacing(request, name, value(headerOf(request, name)));
  }),
);

/** The last character before the padding carries four bits that decoders ignore: set one. */
function nonCanonical(valid: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const last = alphabet[alphabet.indexOf(valid.charAt(85)) + 1] ?? 'B';
  return `${valid.slice(0, 85)}${last}==`;
}

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
export const AUTHENTICATION_CASES: readonly RefusalCase[] = [
  ...missing,
  ...duplicate,
  ...another,
  ...malformed,
  ...caller,
  ...keys,
  ...signatures,
];
