/** One of each security header, of exactly its syntax. */
import { changed, header, type PipelineCase } from './case.js';
import {
  HEADER_NAMES,
  headerOf,
  NOW_SECONDS,
  OTHER_CERTIFICATE,
  setHeader,
  telemetryParts,
} from '../signed-request.js';

const required = [
  HEADER_NAMES.identity,
  HEADER_NAMES.timestamp,
  HEADER_NAMES.nonce,
  HEADER_NAMES.signature,
] as const;
const every = [...required, HEADER_NAMES.certificateSha256, HEADER_NAMES.kid];

/** What no security header takes, whatever its syntax: made of its own valid value. */
const spoilings: readonly (readonly [string, (value: string) => string])[] = [
  ['empty', () => ''],
  ['joined with itself by a comma', (value) => `${value},${value}`],
  ['preceded by a space', (value) => ` ${value}`],
  ['followed by a space', (value) => `${value} `],
  ['followed by a tab', (value) => `${value}\t`],
  ['followed by a line feed', (value) => `${value}\n`],
  ['followed by a NUL', (value) => `${value}\0`],
  ['with a byte over 0x7f', (value) => `${value.slice(0, -1)}\u00e9`],
  ['with a full-width digit in UTF-8', (value) => `${value.slice(0, -1)}\u00ef\u00bc\u0091`],
  ['in quotes', (value) => `"${value}"`],
];

const spoilt = every.flatMap((name): PipelineCase[] => [
  {
    title: `two ${name}`,
    code: 'header_duplicate',
    parts: changed((parts) => setHeader(parts, name, headerOf(parts, name), headerOf(parts, name))),
  },
  {
    title: `a second, empty ${name}`,
    code: 'header_duplicate',
    parts: changed((parts) => setHeader(parts, name, headerOf(parts, name), '')),
  },
  ...spoilings.map(([how, spoil]): PipelineCase => ({
    title: `${name} ${how}`,
    code: 'header_malformed',
    parts: changed((parts) => setHeader(parts, name, spoil(headerOf(parts, name)))),
  })),
]);

const validSignature = headerOf(telemetryParts(), HEADER_NAMES.signature);
/** The last character before `==` carries four unused bits: this text decodes to the same bytes. */
const otherSpelling = validSignature.replace(/.==$/, (end) => `${nextInAlphabet(end.charAt(0))}==`);

function nextInAlphabet(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return alphabet.charAt(alphabet.indexOf(character) + 1);
}

const malformed = (
  [
    [HEADER_NAMES.signature, 'without padding', validSignature.slice(0, -2)],
    [HEADER_NAMES.signature, 'with too much padding', `${validSignature.slice(0, -3)}===`],
    [HEADER_NAMES.signature, 'in another spelling of the same bytes', otherSpelling],
    [HEADER_NAMES.signature, 'in the URL-safe alphabet', `${'-'.repeat(86)}==`],
    [HEADER_NAMES.signature, 'of 63 bytes', Buffer.alloc(63, 1).toString('base64')],
    [HEADER_NAMES.signature, 'of 65 bytes', Buffer.alloc(65, 1).toString('base64')],
    [HEADER_NAMES.signature, 'in hexadecimal', 'ab'.repeat(64)],
    [HEADER_NAMES.timestamp, 'with a sign', `+${NOW_SECONDS}`],
    [HEADER_NAMES.timestamp, 'with a leading zero', `0${NOW_SECONDS}`],
    [HEADER_NAMES.timestamp, 'with a fraction', `${NOW_SECONDS}.0`],
    [HEADER_NAMES.timestamp, 'with an exponent', '1764e6'],
    [HEADER_NAMES.timestamp, 'of nine digits', '176400000'],
    [HEADER_NAMES.timestamp, 'of twelve digits', '176400000000'],
    [HEADER_NAMES.timestamp, 'in hexadecimal', '0x69243980'],
    [HEADER_NAMES.nonce, 'of seven characters', 'a'.repeat(7)],
    [HEADER_NAMES.nonce, 'of 129 characters', 'a'.repeat(129)],
    [HEADER_NAMES.nonce, 'with a dot', 'nonce.0123456789'],
    [HEADER_NAMES.nonce, 'with a colon', 'nonce:0123456789'],
    [HEADER_NAMES.nonce, 'with a slash', 'nonce/0123456789'],
    [HEADER_NAMES.identity, 'of 129 characters', 'a'.repeat(129)],
    [HEADER_NAMES.identity, 'that begins with a dot', '.producer'],
    [HEADER_NAMES.identity, 'with a semicolon', 'a;b'],
    [HEADER_NAMES.kid, 'of 65 characters', 'k'.repeat(65)],
    [HEADER_NAMES.kid, 'with a slash', 'a/b'],
    [HEADER_NAMES.certificateSha256, 'of 63 digits', 'a'.repeat(63)],
    [HEADER_NAMES.certificateSha256, 'with a prefix', `sha256:${'a'.repeat(64)}`],
    [HEADER_NAMES.certificateSha256, 'with colons in the wrong places', `${'a'.repeat(63)}:a`],
  ] as const
).map(([name, how, value]): PipelineCase => ({
  title: `${name} ${how}`,
  code: 'header_malformed',
  parts: header(name, value),
}));

export const headersCases: readonly PipelineCase[] = [
  ...required.map((name): PipelineCase => ({
    title: `no ${name}`,
    code: 'header_missing',
    parts: header(name),
  })),
  ...spoilt,
  ...malformed,
  {
    title: 'a claimed fingerprint of another certificate',
    code: 'certificate_claim_mismatch',
    parts: header(HEADER_NAMES.certificateSha256, OTHER_CERTIFICATE.certificateSha256),
  },
];
