import { parseRefusal, parseRetryAfter } from '../../../src/client/index.js';

const parse = (text: string) => parseRefusal(Buffer.from(text));

describe('parseRefusal', () => {
  it('reads the refusal body of docs/wire-contract.md', () => {
    const body = {
      request_id: 'r-2',
      status: 'rejected',
      data: null,
      errors: [
        {
          code: 'replayed_nonce',
          message: 'used',
          first_request_id: 'r-1',
          first_seen_at: 1764000000,
          first_status: 202,
        },
      ],
    };
    expect(parse(JSON.stringify(body))).toEqual({
      requestId: 'r-2',
      code: 'replayed_nonce',
      message: 'used',
      pointer: undefined,
      problem: undefined,
      firstRequestId: 'r-1',
      firstSeenAtSeconds: 1_764_000_000,
      firstStatus: 202,
    });
  });

  it('reads what is wrong with the body, and where', () => {
    const text = '{"errors":[{"code":"invalid_body","problem":"missing","pointer":"/nonce"}]}';
    expect(parse(text)).toMatchObject({ code: 'invalid_body', problem: 'missing', pointer: '/nonce' });
  });

  it('keeps the code when everything else has another type', () => {
    const text =
      '{"request_id":1,"errors":[{"code":"x","message":[],"first_request_id":{},"first_seen_at":-1,"first_status":2000}]}';
    expect(parse(text)).toEqual({
      requestId: undefined,
      code: 'x',
      message: undefined,
      pointer: undefined,
      problem: undefined,
      firstRequestId: undefined,
      firstSeenAtSeconds: undefined,
      firstStatus: undefined,
    });
  });

  it.each([
    ['nothing', ''],
    ['HTML', '<html>'],
    ['null', 'null'],
    ['an array', '[]'],
    ['an object without errors', '{}'],
    ['errors that are no array', '{"errors":{"0":{"code":"x"}}}'],
    ['no error in it', '{"errors":[]}'],
    ['an error that is a text', '{"errors":["code"]}'],
    ['a code that is a number', '{"errors":[{"code":1}]}'],
    ['a code of the prototype alone', '{"errors":[{"__proto__":{"code":"x"}}]}'],
  ])('takes %s for no refusal', (_title, text) => {
    expect(parse(text)).toBeUndefined();
  });
});

describe('parseRetryAfter', () => {
  it.each([
    ['0', 0],
    ['60', 60],
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['01', undefined],
    ['1.5', undefined],
    ['1000000', undefined],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
  ])('reads %s as %s', (text, seconds) => {
    expect(parseRetryAfter(text)).toBe(seconds);
  });
});
