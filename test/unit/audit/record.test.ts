import fc from 'fast-check';
import { gapLine, recordLine, type RecordInput } from '../../../src/audit/record.js';
import { noFacts } from '../../../src/verify/decision.js';
import { refuse, refuseBody } from '../../../src/verify/refusal.js';
import { fakeService } from '../../support/fake-service.js';
import {
  HEADER_NAMES,
  headerOf,
  IDENTITY,
  makeSnapshot,
  NOW_MS,
  OPERATOR,
  profilePolicy,
  setHeader,
  telemetryFields,
  telemetryParts,
  TENANT,
} from '../../support/signed-request.js';

const input: RecordInput = {
  decisionId: 'd-1',
  nowMs: NOW_MS,
  envoyRequestId: 'r-1',
  method: undefined,
  path: undefined,
  outcome: 'allow',
  facts: { ...noFacts(), policy: profilePolicy('federation.telemetry'), identity: IDENTITY },
  times: {
    each: (visit) => {
      visit('decode', 0.0124);
      visit('signature', 1.5);
    },
  },
  status: 200,
  generation: 3,
};

const parse = (line: string) => JSON.parse(line) as Record<string, unknown>;

describe('a record', () => {
  it('is one line of JSON with the facts that are there', () => {
    const line = recordLine(input);
    expect(line).toMatch(/^[^\n]*\n$/);
    expect(parse(line)).toEqual({
      time: new Date(NOW_MS).toISOString(),
      event: 'telemetry.accepted',
      decision_id: 'd-1',
      code: 'allow',
      status: 200,
      request_id: 'r-1',
      identity: IDENTITY,
      policy: 'federation.telemetry',
      generation: 3,
      stage_us: { decode: 12, signature: 1500 },
    });
  });

  it.each([
    ['federation.telemetry', 'telemetry.accepted', 'telemetry.rejected'],
    ['federation.execution-graph', 'cognitive.graph.accepted', 'cognitive.graph.rejected'],
    ['federation.feedback-query', 'request.accepted', 'cognitive.feedback.refused'],
    ['federation.verify', 'federation.accepted', 'federation.rejected'],
  ] as const)('of %s is the event that alerts match', (profile, accepted, rejected) => {
    const facts = { ...noFacts(), policy: profilePolicy(profile) };
    const event = (outcome: RecordInput['outcome']) =>
      parse(recordLine({ ...input, facts, outcome }))['event'];
    expect([event('allow'), event(refuse('rate_limited'))]).toEqual([accepted, rejected]);
  });

  it('of a request that no policy governs has an event too', () => {
    const line = recordLine({ ...input, facts: noFacts(), outcome: refuse('no_policy', 'why') });
    expect(parse(line)).toMatchObject({ event: 'request.rejected', code: 'no_policy', detail: 'why' });
  });

  it('names what was only claimed as claimed', () => {
    const facts = { ...noFacts(), claimedIdentity: 'somebody' };
    const line = parse(recordLine({ ...input, facts, outcome: refuse('pin_mismatch') }));
    expect([line['identity'], line['claimed_identity']]).toEqual([undefined, 'somebody']);
    const proven = parse(recordLine({ ...input, facts: { ...facts, identity: 'somebody' } }));
    expect([proven['identity'], proven['claimed_identity']]).toEqual(['somebody', undefined]);
  });

  it('says how far the clock of the caller is off, and which key it named', () => {
    const facts = { ...noFacts(), claimedKid: '2026', skewSeconds: -75 };
    const line = parse(recordLine({ ...input, facts, outcome: refuse('timestamp_outside_window') }));
    expect(line).toMatchObject({ claimed_kid: '2026', skew_seconds: -75 });
    const proven = parse(recordLine({ ...input, facts: { ...facts, kid: '2026' } }));
    expect([proven['kid'], proven['claimed_kid']]).toEqual(['2026', undefined]);
  });

  it('says what was asked for, which limit was passed and where the body is at fault', () => {
    const limit = { name: 'maxBodyBytes', value: 10 } as const;
    const outcome = { ...refuseBody('body_contract', { pointer: '/nonce', problem: 'missing' }), limit };
    const line = parse(recordLine({ ...input, method: 'POST', path: '/notes', outcome }));
    expect(line).toMatchObject({
      ...{ method: 'POST', path: '/notes', limit: 'maxBodyBytes', limit_value: 10 },
      ...{ pointer: '/nonce', problem: 'missing' },
    });
    const broken = refuseBody('body_not_json', { problem: 'duplicate_member', offset: 12 });
    expect(parse(recordLine({ ...input, outcome: broken }))).toMatchObject({
      problem: 'duplicate_member',
      offset: 12,
    });
  });

  it('names the first decision of a replay', () => {
    const outcome = { ...refuse('replayed_nonce'), first: { requestId: 'd-0', seenAtMs: 1 } };
    expect(parse(recordLine({ ...input, outcome }))['first_decision_id']).toBe('d-0');
    const known = { ...outcome, first: { ...outcome.first, status: 202 } };
    expect(parse(recordLine({ ...input, outcome: known }))).toMatchObject({ first_status: 202 });
  });

  it('escapes everything that a terminal or a line reader would act on, whatever the text', () => {
    const unit = fc.oneof(
      fc.integer({ min: 0, max: 0xa0 }).map((code) => String.fromCharCode(code)),
      fc.constantFrom('\u2028', '\u2029', '\ud800', '"', '\\', 'é', '\u{1f600}'),
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
        const facts = { ...input.facts, operator: text, execution: text };
        const line = recordLine({ ...input, envoyRequestId: text, method: text, path: text, facts });
        expect(line.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
        expect(line.at(-1)).toBe('\n');
        expect(parse(line)).toMatchObject({ request_id: text, operator: text, method: text, path: text });
      }),
    );
  });

  it('tells how many records a time of failure has lost', () => {
    expect(gapLine(NOW_MS, 12)).toBe(
      `{"time":"${new Date(NOW_MS).toISOString()}","event":"audit.resumed","lost_records":12}\n`,
    );
  });
});

describe('the record of a fuzzed request', () => {
  const marker = fc.stringMatching(/^[A-Za-z0-9_-]{16,40}$/);
  const outcomes = fc.constantFrom('allow', 'forged', 'stale body', 'not JSON', 'unmapped');

  it('never holds its nonce, its signature or the text of its body', async () => {
    await fc.assert(
      fc.asyncProperty(marker, marker, outcomes, async (nonce, secret, outcome) => {
        const { check, audit } = fakeService();
        const body = telemetryFields({
          nonce: outcome === 'stale body' ? `${nonce}x` : nonce,
          campaign_id: secret,
          signed_metadata: {
            tenant_id: TENANT,
            operator_id: outcome === 'unmapped' ? 'stranger' : OPERATOR,
            campaign_id: secret,
          },
          operator_id: outcome === 'unmapped' ? 'stranger' : OPERATOR,
        });
        const text = JSON.stringify(body);
        const parts = telemetryParts(outcome === 'not JSON' ? `${text}!` : text, { nonce });
        if (outcome === 'forged')
          setHeader(parts, HEADER_NAMES.signature, Buffer.alloc(64, nonce).toString('base64'));
        const signature = headerOf(parts, HEADER_NAMES.signature);
        await check(parts);
        const [line = '', ...more] = audit.lines;
        expect(more).toEqual([]);
        for (const hidden of [nonce, secret, signature, Buffer.from(signature, 'base64').toString('hex')])
          expect(line).not.toContain(hidden);
        if (outcome === 'allow') expect(parse(line)['nonce_hash']).toMatch(/^[0-9a-f]{64}$/);
      }),
      { numRuns: 60 },
    );
  });

  it('cuts a request id that no Envoy has made', async () => {
    const { check, audit } = fakeService();
    const parts = telemetryParts();
    setHeader(parts, 'x-request-id', 'x'.repeat(5_000));
    await check(parts);
    expect(audit.last()['request_id']).toBe('x'.repeat(64));
  });

  it('has the path without its query, escaped and cut', async () => {
    const { check, audit } = fakeService();
    const parts = telemetryParts();
    parts.path = `/public/\u0007${'x'.repeat(5_000)}?token=secret`;
    parts.method = 'M'.repeat(100);
    await check(parts);
    expect(audit.lines[0]).not.toMatch(/secret|[\x00-\x09]/);
    expect(audit.last()).toMatchObject({
      path: `/public/\u0007${'x'.repeat(247)}…`,
      method: `${'M'.repeat(20)}…`,
    });
  });

  it('is bounded, whatever the request', async () => {
    const { check, audit } = fakeService({ snapshot: makeSnapshot() });
    const operator = '\u{1f600}'.repeat(128);
    const parts = telemetryParts(
      telemetryFields({
        operator_id: operator,
        signed_metadata: { tenant_id: TENANT, operator_id: operator, campaign_id: 'campaign-1' },
      }),
    );
    setHeader(parts, 'x-request-id', '\u009b'.repeat(64));
    await check(parts);
    expect(audit.last()).toMatchObject({ code: 'operator_unmapped', operator });
    expect(audit.lines[0]?.length).toBeLessThan(4_096);
  });
});
