import fc from 'fast-check';
import { feedbackRecordLine, type FeedbackRecordInput } from '../../../src/audit/feedback-record.js';
import { NOW_MS } from '../../support/snapshots.js';

const input: FeedbackRecordInput = {
  nowMs: NOW_MS,
  decisionId: 'd-1',
  envoyRequestId: 'r-1',
  policy: 'feedback',
  identity: 'consumer-01',
  tenant: 't-1',
  operator: 'operator-7',
  outcome: { kind: 'issued', kid: 'fb', nonceHash: 'aa', adjustments: 3, bodyHash: 'bb' },
  times: { each: (visit) => visit('judge', 1.25) },
  generation: 4,
};
const parse = (line: string) => JSON.parse(line) as Record<string, unknown>;
const common = {
  time: new Date(NOW_MS).toISOString(),
  decision_id: 'd-1',
  request_id: 'r-1',
  policy: 'feedback',
  identity: 'consumer-01',
  tenant: 't-1',
  operator: 'operator-7',
  generation: 4,
  stage_us: { judge: 1250 },
};

describe('the record of an answer', () => {
  it('says with which key it was signed, and what was delivered', () => {
    expect(parse(feedbackRecordLine(input))).toEqual({
      ...common,
      event: 'cognitive.feedback.issued',
      code: 'signed',
      status: 200,
      adjustments: 3,
      kid: 'fb',
      nonce_hash: 'aa',
      body_sha256: 'bb',
    });
  });

  it('says why it was withheld, and of which body', () => {
    const outcome = {
      kind: 'refused',
      code: 'answer_shape',
      detail: 'no list',
      status: 502,
      upstreamHash: 'cc',
    } as const;
    expect(parse(feedbackRecordLine({ ...input, outcome }))).toEqual({
      ...common,
      event: 'cognitive.feedback.refused',
      code: 'answer_shape',
      status: 502,
      detail: 'no list',
      upstream_sha256: 'cc',
    });
  });

  it('leaves out what nobody knows', () => {
    const outcome = {
      kind: 'refused',
      code: 'x',
      detail: 'y',
      status: undefined,
      upstreamHash: undefined,
    } as const;
    const unknown = { decisionId: undefined, policy: undefined, identity: undefined, operator: undefined };
    const nobody = { ...input, ...unknown, tenant: undefined, envoyRequestId: undefined, outcome };
    expect(Object.keys(parse(feedbackRecordLine(nobody))).sort()).toEqual(
      ['code', 'detail', 'event', 'generation', 'stage_us', 'time'].sort(),
    );
  });

  it('is one line whatever the metadata holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const line = feedbackRecordLine({
          ...input,
          decisionId: text,
          tenant: text,
          policy: text,
          envoyRequestId: text,
        });
        expect(line).toMatch(/^[^\n\r\u2028\u2029\x7f-\x9f]*\n$/);
        expect(parse(line)).toMatchObject({
          decision_id: text,
          tenant: text,
          policy: text,
          request_id: text,
        });
      }),
    );
  });
});
