/** What is refused before the body means anything: its announcement, its encoding, its JSON. */
import { PRODUCER_B } from '../../../tools/local-federation/parties.js';
import { adding, removing, replacing } from '../support/outgoing.js';
import { signedBytes, telemetry, type Draft } from '../support/requests.js';
import { invalidJson, refusal, type RefusalCase } from './case.js';

const TYPE = 'Content-Type';
const wrongType = { status: 415, client: 'unsupported_media_type', audit: 'content_type' } as const;
const wrongEncoding = { status: 415, client: 'unsupported_encoding', audit: 'content_encoding' } as const;

const mediaTypes: RefusalCase[] = [
  refusal('a JSON route without a content type is refused', wrongType, ({ a }) =>
    removing(telemetry({ by: a }), TYPE),
  ),
  ...[
    'text/plain',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'application/json, text/plain',
    'text/application/json',
    '',
    'application/json; charset=utf-7',
    'application/json; charset=utf-16',
    'application/json; charset=shift_jis',
    'application/json; charset=utf8',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; version=1',
  ].map((type) =>
    refusal(`the content type "${type}" is refused`, wrongType, ({ a }) =>
      replacing(telemetry({ by: a }), TYPE, type),
    ),
  ),
  refusal(
    'two content types are refused',
    wrongType,
    ({ a }) => adding(telemetry({ by: a }), [TYPE, 'text/plain']),
    'HTTP/1.1',
  ),
  refusal('two content types in one list, one with another charset, are refused', wrongType, ({ a }) =>
    adding(removing(telemetry({ by: a }), TYPE), [
      TYPE,
      'application/json, application/json; charset=utf-16',
    ]),
  ),
  ...['gzip', 'identity, gzip', 'br, gzip', ''].map((coding) =>
    refusal(`the content encoding "${coding}" is refused`, wrongEncoding, ({ a }) =>
      adding(telemetry({ by: a }), ['Content-Encoding', coding]),
    ),
  ),
  refusal(
    'a second content encoding behind identity is refused',
    wrongEncoding,
    ({ a }) => adding(telemetry({ by: a }), ['Content-Encoding', 'identity'], ['Content-Encoding', 'gzip']),
    'HTTP/1.1',
  ),
  refusal('a content encoding is refused on a route without JSON too', wrongEncoding, ({ a }) =>
    adding(signedBytes({ by: a }, '/notes', Buffer.from('text')), ['Content-Encoding', 'gzip']),
  ),
];

const rewritten = (title: string, rewrite: NonNullable<Draft['rewrite']>): RefusalCase =>
  refusal(`${title} is refused`, invalidJson, ({ a }) => telemetry({ by: a, rewrite }));

const nested = (depth: number): string => '{"n":'.repeat(depth) + '0' + '}'.repeat(depth);

const json: RefusalCase[] = [
  rewritten('an empty body', () => ''),
  rewritten('a body of white space', () => '  \n'),
  rewritten('a member twice at the top', (text) =>
    text.replace('{', `{"operator_id":"${PRODUCER_B.operator}",`),
  ),
  rewritten('a member twice, once with an escape in its name', (text) =>
    text.replace('{', '{"operator\\u005fid":"x",'),
  ),
  rewritten('a member twice deep inside the payload', (text) =>
    text.replace('"event":', '"deep":[{"x":1,"x":1}],"event":'),
  ),
  rewritten('a byte-order mark', (text) => `\ufeff${text}`),
  rewritten('invalid UTF-8', (text) =>
    Buffer.concat([
      Buffer.from(text.slice(0, -2)),
      Buffer.from([0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31]),
      Buffer.from('}}'),
    ]),
  ),
  rewritten('an overlong UTF-8 encoding', (text) =>
    Buffer.from(text.replace('demonstration', '\xc0\xaf'), 'latin1'),
  ),
  rewritten('NaN', (text) => text.replace('"event":', '"x":NaN,"event":')),
  rewritten('Infinity', (text) => text.replace('"event":', '"x":-Infinity,"event":')),
  rewritten('a body nested 65 deep', (text) => text.replace('"event":', `"deep":${nested(63)},"event":`)),
  rewritten('a second document behind the first', (text) => `${text}{}`),
  rewritten('a body that ends early', (text) => text.slice(0, -1)),
  rewritten('single quotes', (text) => text.replaceAll('"', "'")),
  rewritten('a trailing comma', (text) => `${text.slice(0, -1)},}`),
  rewritten('a comment', (text) => `${text}// comment`),
  rewritten('a control character in a string', (text) => text.replace('demonstration', 'a\u0001b')),
  rewritten('a number with a leading zero', (text) => text.replace('"event":', '"x":01,"event":')),
];

/** All of them. */
export const JSON_CASES: readonly RefusalCase[] = [...mediaTypes, ...json];
