import {
  feedbackRefusalAnswer,
  refusalEnvelope,
  type FeedbackRefusalCode,
} from '../../../src/feedback/refusal-code.js';

/** Every code with its status; the type makes the list complete. */
const statuses: Readonly<Record<FeedbackRefusalCode, number>> = {
  context_missing: 503,
  tenant_missing: 503,
  upstream_status: 502,
  upstream_local_reply: 502,
  answer_missing: 502,
  answer_encoded: 502,
  answer_too_large: 502,
  answer_not_json: 502,
  answer_shape: 502,
  adjustment_shape: 502,
  adjustment_tenant: 502,
  adjustment_execution: 502,
  adjustment_attestation: 502,
  adjustment_schema: 502,
  adjustment_not_submitted: 502,
  executions_unavailable: 502,
  no_active_key: 503,
  signer_unavailable: 503,
  overloaded: 503,
  internal_error: 503,
};
const codes = Object.keys(statuses) as FeedbackRefusalCode[];

describe('a withheld answer', () => {
  test.each(codes)('%s has its status, and tells the client nothing but which side is at fault', (code) => {
    const { status, clientCode } = feedbackRefusalAnswer(code);
    expect(status).toBe(statuses[code]);
    expect(clientCode).toBe(status === 502 ? 'feedback_refused' : 'unavailable');
    const envelope = refusalEnvelope('r-"1"', code).toString();
    expect(JSON.parse(envelope)).toEqual({
      request_id: 'r-"1"',
      status: 'rejected',
      data: null,
      errors: [{ code: clientCode, message: expect.any(String) as string }],
    });
    if (code !== 'internal_error') expect(envelope).not.toContain(code);
  });

  test('has one body for each status', () => {
    const bodies = new Set(codes.map((code) => refusalEnvelope('r', code).toString()));
    expect(bodies.size).toBe(2);
  });

  test('has no answer for a code that is none', () => {
    expect(() => feedbackRefusalAnswer('other' as FeedbackRefusalCode)).toThrow('other');
  });
});
