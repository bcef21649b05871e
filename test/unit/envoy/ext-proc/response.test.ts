import {
  encodeBody,
  encodeHeaders,
  encodeImmediate,
  PASS_BODY,
  PASS_HEADERS,
} from '../../../../src/envoy/ext-proc/response.js';
import { REFUSAL_DETAILS } from '../../../../src/envoy/ext-proc/envoy-contract.js';
import { readProcessingResponse } from '../../../support/processing-messages.js';

const changes = {
  set: [
    [':status', '502'],
    ['x-größe', 'é'],
  ],
  remove: ['etag', 'digest'],
} as const;

describe('a reply to the headers', () => {
  it('sets in raw_value and removes', () => {
    expect(readProcessingResponse(encodeHeaders(changes))).toEqual({
      kind: 'headers',
      status: undefined,
      set: new Map([
        [':status', '502'],
        ['x-größe', 'é'],
      ]),
      removed: ['etag', 'digest'],
      body: undefined,
      details: undefined,
    });
  });

  it('that changes nothing is still a reply to headers', () => {
    expect(readProcessingResponse(PASS_HEADERS)).toMatchObject({
      kind: 'headers',
      set: new Map(),
      removed: [],
    });
  });
});

describe('a reply to the body', () => {
  it.each([0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])('brings a body of %i bytes', (length) => {
    const body = Buffer.alloc(length, 'b');
    const read = readProcessingResponse(encodeBody(changes, body));
    expect(read).toMatchObject({ kind: 'body', removed: ['etag', 'digest'] });
    expect(read.set.get(':status')).toBe('502');
    expect(read.body === body.toString()).toBe(true);
  });

  it('that changes nothing is still a reply to a body', () => {
    expect(readProcessingResponse(PASS_BODY)).toMatchObject({ kind: 'body', body: undefined });
  });
});

describe('an immediate response', () => {
  it.each([0, 300, 70_000])('has its status, its headers, our details and a body of %i bytes', (length) => {
    const read = readProcessingResponse(
      encodeImmediate(502, [['content-type', 'a/b']], Buffer.alloc(length, 'x')),
    );
    expect(read).toEqual({
      kind: 'immediate',
      status: 502,
      set: new Map([['content-type', 'a/b']]),
      removed: [],
      body: 'x'.repeat(length),
      details: REFUSAL_DETAILS,
    });
  });

  it.each([0, 200, 204, 304, 399, 600, NaN, 502.5])('is never made with the status %p', (status) => {
    expect(() => encodeImmediate(status, [], Buffer.alloc(0))).toThrow(RangeError);
  });
});
