import { isIdentityCoding, isJsonMediaType } from '../../../../src/verify/checks/content-headers.js';

describe('the media type of a JSON body', () => {
  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json \t;\tCharset="Utf-8"',
    'application/json; charset=utf-8 ',
  ])('may be %s', (value) => {
    expect(isJsonMediaType(value)).toBe(true);
  });

  it.each([
    'application/json; charset=utf-7',
    'application/json; charset=utf-16',
    'application/json; charset=utf-16le',
    'application/json; charset=shift_jis',
    'application/json; charset=iso-8859-1',
    'application/json; charset=us-ascii',
    'application/json; charset=utf8',
    'application/json; charset=utf-8x',
    'application/json; charset="utf-8',
    "application/json; charset='utf-8'",
    'application/json; charset="utf\\-8"',
    'application/json; charset =utf-8',
    'application/json; charset= utf-8',
    'application/json; charset=',
    'application/json; charset',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; charset=utf-8; charset=utf-8',
    'application/json; charset=utf-8; version=1',
    'application/json; version=1; charset=utf-8',
    'application/json; version=1',
    'application/json; profile="; charset=utf-8"',
    'application/json;',
    'application/json; ;charset=utf-8',
    'application/json, application/json',
    'application/json; charset=utf-8, text/plain',
    'application/json charset=utf-8',
    'application/json\n; charset=utf-8',
    '',
  ])('is refused as %j', (value) => {
    expect(isJsonMediaType(value)).toBe(false);
  });
});

it.each([
  ['identity', true],
  ['Identity', true],
  ['', false],
  ['identity, gzip', false],
  ['identity, identity', false],
  ['gzip', false],
])('the content coding %j leaves the bytes as they are: %s', (value, expected) => {
  expect(isIdentityCoding(value)).toBe(expected);
});
