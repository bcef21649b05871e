import { judgeDelivery, outcomeOf, REQUEST_LOG } from '../../../../src/envoy/access-log/delivery.js';
import { FLAG, type HttpEntry } from '../../../../src/envoy/access-log/entry.js';
import { ANSWERED, REFUSED_CONNECTION } from '../../../support/access-log-entries.js';

const outcome = (changes: Partial<HttpEntry>, log = REQUEST_LOG): string =>
  outcomeOf({ ...REFUSED_CONNECTION, ...changes }, log);

test('an answer of the upstream is a delivery, with its status and whatever belongs to the claim', () => {
  expect(judgeDelivery(ANSWERED, REQUEST_LOG)).toEqual({
    decisionId: '8f14e45f-ceea-467f-a9e8-8f3d9e1c2b3a',
    claim: 'opaque',
    outcome: 'delivered',
    status: 202,
  });
});

test('an answer of the upstream that was withheld on its way back is a delivery all the same', () => {
  const withheld = { status: 502, codeDetails: 'countersign_refused' };
  expect(outcomeOf({ ...ANSWERED, ...withheld }, REQUEST_LOG)).toBe('delivered');
});

test.each([
  ['no connection, all retries used up', {}],
  ['no connection, too many retries wait already', { flags: FLAG.UF | FLAG.UO }],
  ['no connection, no retry', { flags: FLAG.UF }],
  ['no host', { flags: FLAG.UH, attempts: 0 }],
])('nothing was sent: %s', (_name, changes) => {
  expect(outcome(changes)).toBe('undelivered');
});

const UNCLEAR: readonly (readonly [string, Partial<HttpEntry>])[] = [
  ['a byte was sent by some attempt', { upstreamBytesSent: 1 }],
  ['a byte of headers was sent by some attempt', { upstreamHeaderBytesSent: 1 }],
  ['a count is too large to be read', { upstreamBytesSent: NaN }],
  ['the last attempt has sent', { upstreamFirstSentUs: 1 }],
  ['something came back', { upstreamBytesReceived: 1 }],
  ['something came back at some time', { upstreamFirstReceivedUs: 1 }],
  ['this Envoy does not count bytes', { bytesSent: 0 }],
  ['no flag', { flags: 0 }],
  ['only that retries were used up', { flags: FLAG.URX }],
  ['only that too many wait', { flags: FLAG.UO }],
  ['the answer is not that of a failed connection', { status: 504 }],
  ['no answer', { status: undefined }],
  ['the request is not over', { type: 4 }],
  ['the type was not said', { type: 0 }],
  ...Object.entries(FLAG)
    .filter(([name]) => !['UF', 'UH', 'URX', 'UO'].includes(name))
    .map(([name, flag]) => [`the flag ${name} besides`, { flags: FLAG.UF | flag }] as const),
];

test.each(UNCLEAR)('not clear: %s', (_name, changes) => {
  expect(outcome(changes)).toBe('unknown');
});

test.each(['', 'countersign-requests', `${REQUEST_LOG} `, 'other'])(
  'the log of another configuration ("%s") never gives a nonce back',
  (log) => expect(outcome({}, log)).toBe('unknown'),
);

test.each([
  [
    'refused',
    new Map([
      ['decision_id', 'x'],
      ['code', 'replayed_nonce'],
    ]),
  ],
  [
    'passed through',
    new Map([
      ['decision_id', 'x'],
      ['code', 'pass_through'],
    ]),
  ],
  ['without an id', new Map([['code', 'allow']])],
  ['never judged', undefined],
])('a request that was %s is no delivery of an allow', (_name, decision) => {
  expect(judgeDelivery({ ...ANSWERED, decision }, REQUEST_LOG)).toBeUndefined();
});

test('a request that was cut after it had been sent is not known', () => {
  const cut = { flags: FLAG.UC, status: 503, upstreamBytesReceived: 0, upstreamFirstReceivedUs: undefined };
  expect(outcomeOf({ ...ANSWERED, ...cut }, REQUEST_LOG)).toBe('unknown');
});
