import { readProcessingRequest } from '../../../../src/envoy/ext-proc/request.js';
import { judgeHeaders, type HeadersVerdict } from '../../../../src/envoy/ext-proc/headers-verdict.js';
import type { Snapshot } from '../../../../src/verify/snapshot.js';
import {
  ALLOWED,
  DECISION_ID,
  GOOD_HEADERS,
  signingSnapshot,
  withHeader,
  withStatus,
} from '../../../support/fake-signer.js';
import { headersMessage, type HeadersParts } from '../../../support/processing-messages.js';
import { TENANT } from '../../../support/snapshots.js';

function verdict(parts: HeadersParts, snapshot: Snapshot = signingSnapshot()): HeadersVerdict {
  const request = readProcessingRequest(headersMessage(parts));
  if (request.part.kind !== 'response_headers') throw new Error('no headers');
  return judgeHeaders(request, request.part, snapshot);
}

/** A code, and a status where that is the upstream's own. */
const outcome = (parts: HeadersParts, snapshot?: Snapshot) => {
  const judged = verdict(parts, snapshot);
  if (judged.kind !== 'refused') return judged.kind;
  return judged.upstreamStatus === undefined ? judged.code : `${judged.code} ${judged.upstreamStatus}`;
};

const withContext = (change: Partial<Record<keyof typeof ALLOWED, string | undefined>>): HeadersParts => ({
  ...GOOD_HEADERS,
  context: { ...ALLOWED, ...change },
});
const denied = { ...ALLOWED, code: 'bad_signature' };

describe('an answer of the upstream', () => {
  it('is held for the query that the verifier let through', () => {
    expect(verdict(GOOD_HEADERS)).toMatchObject({
      kind: 'held',
      query: {
        tenant: TENANT,
        decisionId: DECISION_ID,
      },
    });
  });

  it.each([
    ['without a content-length', { ...GOOD_HEADERS, headers: [[':status', '200']] as const }],
    [
      'as long as it may be',
      withStatus('200', {
        headers: [
          [':status', '200'],
          ['content-length', '4096'],
        ],
      }),
    ],
    ['encoded as identity', withHeader('content-encoding', 'Identity')],
    ['with an empty content-encoding', withHeader('content-encoding', '')],
    ['by an Envoy that tells no code details', { ...GOOD_HEADERS, codeDetails: undefined }],
  ])('is held %s', (_title, parts) => {
    expect(outcome(parts)).toBe('held');
  });

  it.each([
    ['with a status of 201', withStatus('201'), 'upstream_status'],
    ['with a status of 204', withStatus('204', { endOfStream: true }), 'upstream_status'],
    ['with a status of 206', withStatus('206'), 'upstream_status'],
    ['with a status of 302', withStatus('302'), 'upstream_status'],
    ['with a status of 304', withStatus('304', { endOfStream: true }), 'upstream_status'],
    ['with a status of 404', withStatus('404'), 'upstream_status 404'],
    ['with a status of 500', withStatus('500'), 'upstream_status 500'],
    ['with a status of 599', withStatus('599'), 'upstream_status 599'],
    ['with a status of 600', withStatus('600'), 'upstream_status'],
    ['with a status of 0200', withStatus('0200'), 'upstream_status'],
    ['without a status', { ...GOOD_HEADERS, headers: [] }, 'upstream_status'],
    ['with two statuses', withHeader(':status', '200'), 'upstream_status'],
    ['that is compressed', withHeader('content-encoding', 'gzip'), 'answer_encoded'],
    ['that is compressed twice', withHeader('content-encoding', 'identity, br'), 'answer_encoded'],
    ['to a HEAD', { ...GOOD_HEADERS, endOfStream: true }, 'answer_missing'],
    ['with a content-length of 0', withStatus('200', { endOfStream: true }), 'answer_missing'],
    [
      'that is announced as too long',
      withStatus('200', {
        headers: [
          [':status', '200'],
          ['content-length', '4097'],
        ],
      }),
      'answer_too_large',
    ],
    [
      'with a content-length that is no number',
      withStatus('200', {
        headers: [
          [':status', '200'],
          ['content-length', '4e1'],
        ],
      }),
      'answer_too_large',
    ],
    ['without metadata', { ...GOOD_HEADERS, context: undefined }, 'context_missing'],
    ['with empty metadata', { ...GOOD_HEADERS, context: {} }, 'context_missing'],
    [
      'to a request that was passed through unchecked',
      withContext({ code: 'pass_through' }),
      'context_missing',
    ],
    ['to a request that the verifier refused', { ...GOOD_HEADERS, context: denied }, 'context_missing'],
    ['without a decision', withContext({ decision_id: undefined }), 'context_missing'],
    ['without a policy', withContext({ policy: undefined }), 'context_missing'],
    ['under a policy that is not known', withContext({ policy: 'constructor' }), 'context_missing'],
    ['under a policy that signs nothing', withContext({ policy: 'federation.telemetry' }), 'context_missing'],
    ['under a pass-through', withContext({ policy: 'public' }), 'context_missing'],
    ['for no tenant', withContext({ tenant: undefined }), 'tenant_missing'],
    ['that Envoy only lets us observe', { ...GOOD_HEADERS, observed: true }, 'internal_error'],
    ['of which Envoy will not send the body', { ...GOOD_HEADERS, responseBodyMode: 0 }, 'internal_error'],
    ['that Envoy streams', { ...GOOD_HEADERS, responseBodyMode: 1 }, 'internal_error'],
    ['that Envoy buffers in part', { ...GOOD_HEADERS, responseBodyMode: 3 }, 'internal_error'],
    [
      'by an Envoy that does not tell its mode',
      { ...GOOD_HEADERS, responseBodyMode: undefined },
      'internal_error',
    ],
  ])('is withheld %s', (_title, parts, code) => {
    expect(outcome(parts)).toBe(code);
  });

  it('is withheld where feedback is not configured', () => {
    expect(outcome(GOOD_HEADERS, signingSnapshot({}, { feedback: undefined }))).toBe('no_active_key');
  });
});

describe('a reply of Envoy itself', () => {
  it.each([
    ['a refusal by the verifier', withStatus('401', { context: denied, codeDetails: 'ext_authz_denied' })],
    [
      'one by an Envoy that tells no code details',
      withStatus('409', { context: denied, codeDetails: undefined }),
    ],
    [
      'a 413 before the verifier',
      withStatus('413', { context: undefined, codeDetails: 'request_payload_too_large' }),
    ],
    [
      'an upstream that is away',
      withStatus('503', { codeDetails: 'upstream_reset_before_response_started{x}' }),
    ],
    ['an upstream that is late', withStatus('504', { codeDetails: 'response_timeout' })],
    ['a reply without a body', withStatus('503', { codeDetails: 'overload', endOfStream: true })],
  ])('passes as it is: %s', (_title, parts) => {
    expect(outcome(parts)).toBe('local_reply');
  });

  it.each([
    ['a success', withStatus('200', { codeDetails: 'direct_response' })],
    ['a redirect', withStatus('301', { codeDetails: 'direct_response' })],
    ['no status', withStatus('', { codeDetails: 'direct_response' })],
  ])('is withheld when it is %s', (_title, parts) => {
    expect(outcome(parts)).toBe('upstream_local_reply');
  });

  it('is not what an upstream can call its answer', () => {
    const pretending = withHeader('response.code_details', 'ext_authz_denied');
    expect(outcome({ ...pretending, context: undefined })).toBe('context_missing');
    expect(outcome(withStatus('401', { context: denied }))).toBe('context_missing');
  });
});
