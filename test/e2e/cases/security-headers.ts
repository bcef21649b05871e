/** Exactly one of each security header, of exactly its syntax. */
import { adding, headerOf, removing, replacing } from '../support/outgoing.js';
import { telemetry } from '../support/requests.js';
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

/** All of them. */
export const HEADER_CASES: readonly RefusalCase[] = [...missing, ...duplicate, ...another, ...malformed];
