/** What becomes of an upstream's answer to a feedback query, on one Envoy line. */
import type { ClientHttp2Session } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { fetchPage } from '../../../tools/local-federation/health.js';
import { PRODUCER_B } from '../../../tools/local-federation/parties.js';
import { DECISION_HEADER } from '../../../src/protocol/header-names.js';
import { until } from '../../support/until.js';
import { adjustment, expectNothingLeft, expectSigned, expectWithheld } from '../support/feedback-answers.js';
import { refusalBody } from '../support/expectations.js';
import {
  headQuery,
  MAX_ANSWER_BYTES,
  MAX_BODY_BYTES,
  openFeedbackStage,
  type FeedbackStage,
} from '../support/feedback-stage.js';
import { linesOf, openHttp2 } from '../support/http2-client.js';
import type { EnvoyLine } from '../support/envoy-line.js';
import type { Front } from '../support/front.js';
import { PROTOCOLS, replacing, type Outgoing, type Protocol } from '../support/outgoing.js';
import { feedback, telemetry } from '../support/requests.js';
import { answering, chunked, type Script } from '../support/scripted-application.js';
import type { Seen } from '../support/stage.js';

const PLAIN = JSON.stringify([adjustment(), adjustment({ action: 'deny', confidence: 1 })]);
/** Numbers as no `JSON.stringify` writes them. */
const HOSTILE = PLAIN.replace('0.82', '1e-7')
  .replace('"confidence":1}', '"confidence":1.0}')
  .replace('600', '600');
const SIGNED_BEFORE = JSON.stringify({
  request_id: 'upstream-1',
  status: 'accepted',
  data: [adjustment()],
  errors: [],
  signature: 'A'.repeat(86) + '==',
  kid: 'of-the-upstream',
  signature_algorithm: 'none',
  signed_at: 1,
  nonce: 'of-the-upstream',
  schema_version: 'own.v0',
});

/** White space behind the JSON, up to so many bytes. */
const padded = (text: string, bytes: number): Buffer => {
  const filled = Buffer.alloc(bytes, ' ');
  filled.write(text);
  return filled;
};

const SIGNED: readonly (readonly [title: string, script: Script, adjustments: number])[] = [
  ['an empty list', answering(200, '[]'), 0],
  ['a bare list', answering(200, PLAIN), 2],
  ['a bare list with numbers that JavaScript writes otherwise', answering(200, HOSTILE), 2],
  ['an object with data', answering(200, `{"data": ${PLAIN}}`), 2],
  ['an envelope that was signed before', answering(200, SIGNED_BEFORE), 1],
  ['a list of a length that was not announced', chunked(PLAIN), 2],
  ['a list with spaces up to the longest answer', answering(200, padded(PLAIN, MAX_ANSWER_BYTES)), 2],
  [
    'a list with headers that describe it, or pretend to be ours',
    answering(200, PLAIN, {
      etag: '"1"',
      digest: 'sha-256=AAAA',
      'content-md5': 'AAAA',
      'last-modified': 'Mon, 23 Nov 2026 00:00:00 GMT',
      'content-type': 'text/plain; charset=latin1',
      'cache-control': 'public, max-age=60',
      'x-countersign-tenant': PRODUCER_B.tenant,
      'x-countersign-answer': 'signed',
      'countersign-decision': 'refuse',
    }),
    2,
  ],
];

/** What may not be found in the answer. */
const MARK = 'not for the consumer';
const marked = JSON.stringify([adjustment({ rationale: MARK })]);
const listed = (change: Readonly<Record<string, unknown>>): Script =>
  answering(200, JSON.stringify([adjustment(), adjustment({ rationale: MARK, ...change })]));

const WITHHELD: readonly (readonly [title: string, script: Script, status: number, audit: string])[] = [
  [
    'with an adjustment of another tenant',
    listed({ tenant_id: PRODUCER_B.tenant }),
    502,
    'adjustment_tenant',
  ],
  [
    'with an execution that is no fingerprint',
    listed({ execution_fingerprint: 'x' }),
    502,
    'adjustment_execution',
  ],
  ['without an attestation', listed({ attestation_measurement_hash: null }), 502, 'adjustment_attestation'],
  ['of an unknown schema', listed({ schema_version: 'feedback.adjustment.v9' }), 502, 'adjustment_schema'],
  ['that is no JSON', answering(200, `[${MARK}`), 502, 'answer_not_json'],
  ['that is no list', answering(200, JSON.stringify(MARK)), 502, 'answer_shape'],
  [
    'that is compressed',
    answering(200, gzipSync(marked), { 'content-encoding': 'gzip' }),
    502,
    'answer_encoded',
  ],
  ['that only says so', answering(200, marked, { 'content-encoding': 'br' }), 502, 'answer_encoded'],
  ['without a body', answering(200, ''), 502, 'answer_missing'],
  ['with an empty chunked body', chunked(''), 502, 'answer_missing'],
  ['of 204', (response) => response.writeHead(204).end(), 502, 'upstream_status'],
  ['of 304', (response) => response.writeHead(304, { etag: '"1"' }).end(), 502, 'upstream_status'],
  ['of 201', answering(201, marked), 502, 'upstream_status'],
  ['of 206', answering(206, marked, { 'content-range': 'bytes 0-9/10' }), 502, 'upstream_status'],
  ['of 302', answering(302, marked, { location: 'https://elsewhere.example/' }), 502, 'upstream_status'],
  ['of 400', answering(400, marked), 400, 'upstream_status'],
  ['of 401', answering(401, SIGNED_BEFORE), 401, 'upstream_status'],
  ['of 418', answering(418, marked), 418, 'upstream_status'],
  ['of 500', answering(500, marked), 500, 'upstream_status'],
  ['of 503', answering(503, marked, { 'retry-after': '1' }), 503, 'upstream_status'],
  [
    'that is announced as too long',
    answering(200, padded(marked, MAX_ANSWER_BYTES + 1)),
    502,
    'answer_too_large',
  ],
  ['that is too long unannounced', chunked(padded(marked, MAX_ANSWER_BYTES + 1)), 502, 'answer_too_large'],
];

/** The whole suite for one Envoy line, on a stage of its own. */
export function describeFeedback(line: EnvoyLine, front: Front = 'ext_authz'): void {
  let on: FeedbackStage;

  beforeAll(async () => {
    on = await openFeedbackStage(line, { front });
  }, 180_000);
  afterAll(() => on.close(), 90_000);

  const query = (): Outgoing => feedback({ by: on.world.a });
  const ask = (protocol: Protocol, script: Script, outgoing = query()): Promise<Seen> => {
    on.application.script = script;
    return on.stage.exchange(protocol, outgoing);
  };

  describe.each(PROTOCOLS)('over %s', (protocol) => {
    test.each(SIGNED)('%s is signed for its tenant alone', async (_title, script, adjustments) => {
      const seen = await ask(protocol, script);
      const { data } = expectSigned(seen, on.keyring, PRODUCER_B);
      expect(data).toHaveLength(adjustments);
      expect(seen.answer.headers.has(DECISION_HEADER)).toBe(false);
    });

    test('the client’s wish for a compressed answer is not passed on', async () => {
      const outgoing = query();
      const wishful = { ...outgoing, headers: [...outgoing.headers, ['Accept-Encoding', 'gzip'] as const] };
      const seen = await ask(protocol, answering(200, PLAIN), wishful);
      expectSigned(seen, on.keyring, PRODUCER_B);
      const names = seen.arrivals[0]?.headers.map(([name]) => name.toLowerCase());
      expect(names).not.toContain('accept-encoding');
    });

    test('every answer has a nonce of its own', async () => {
      const answers = [await ask(protocol, answering(200, '[]')), await ask(protocol, answering(200, '[]'))];
      const nonces = answers.map(({ answer }) => (JSON.parse(answer.body) as { nonce: string }).nonce);
      expect(new Set(nonces).size).toBe(2);
    });

    test.each(WITHHELD)('an answer %s is withheld', async (_title, script, status, audit) => {
      const seen = await ask(protocol, script);
      expectNothingLeft(seen, MARK);
      expectWithheld(seen, { status, audit });
      expect(seen.answer.headers.has('location')).toBe(false);
      expect(seen.answer.headers.get(DECISION_HEADER)).toBe('allow');
    });

    test('an answer to a HEAD is withheld, and has no body', async () => {
      const seen = await ask(protocol, answering(200, PLAIN), headQuery(on.world));
      expectNothingLeft(seen, '');
      expectWithheld(seen, { status: 502, audit: 'answer_missing', bodiless: true });
      expect(seen.answer.body).toBe('');
    });

    test('an answer over what Envoy holds is its 500, and recorded', async () => {
      const length = 3 * 1_048_576;
      const seen = await ask(protocol, chunked(padded(marked, length)));
      expectNothingLeft(seen, MARK);
      expect(seen.answer.status).toBe(500);
      expect(refusalBody(seen).errors[0]?.code).toBe('internal_error');
      await until(
        'the signer has missed the answer',
        async () => (await on.stage.feedback('answer_missing')) > 0,
      );
    });

    // Fault: answer-broken
    test('an answer that breaks off is Envoy’s 502', async () => {
      const seen = await ask(protocol, (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
        response.write(marked);
        setTimeout(() => response.destroy(), 30);
      });
      expectNothingLeft(seen, MARK);
      expect(seen.answer.status).toBe(502);
    });
  });

  describe.each(PROTOCOLS)('replies of Envoy itself keep their status over %s', (protocol) => {
    test('a refusal by the verifier passes as it is', async () => {
      const seen = await ask(
        protocol,
        answering(200, PLAIN),
        replacing(query(), 'X-Telemetry-Nonce', 'another-nonce'),
      );
      expect(seen.answer.status).toBe(401);
      expect(refusalBody(seen).errors[0]?.code).toBe('unauthenticated');
      expect(seen.records.map(({ code }) => code)).toEqual(['signature_invalid']);
      expect(refusalBody(seen).request_id).toBe(seen.records[0]?.decision_id);
      expect(seen.answer.headers.get(DECISION_HEADER)).toBe('refuse');
    });

    test('so does a replay, with what it tells of the first copy', async () => {
      const outgoing = query();
      const first = await ask(protocol, answering(200, PLAIN), outgoing);
      expectSigned(first, on.keyring, PRODUCER_B);
      const seen = await ask(protocol, answering(200, PLAIN), outgoing);
      expect(seen.answer.status).toBe(409);
      expect(refusalBody(seen).errors[0]?.first_request_id).toBe(first.records[0]?.decision_id);
      expect(seen.records.map(({ code }) => code)).toEqual(['replayed_nonce']);
    });

    test('so does a 413, before anybody was verified', async () => {
      const outgoing = { ...query(), body: Buffer.alloc(MAX_BODY_BYTES * 4, 'x') };
      const seen = await ask(protocol, answering(200, PLAIN), outgoing);
      expect([seen.answer.status, seen.arrivals]).toEqual([413, []]);
      expect(refusalBody(seen).errors[0]?.code).toBe('body_not_accepted');
      expect(seen.answer.headers.get(DECISION_HEADER)).toMatch(/^(?:none|refuse)$/);
    });

    test('so does a 405 on the route', async () => {
      const seen = await ask(protocol, answering(200, PLAIN), { ...query(), method: 'PUT' });
      expect([seen.answer.status, seen.arrivals]).toEqual([405, []]);
    });

    // Fault: answer-broken
    test('so does an upstream that goes away', async () => {
      const seen = await ask(protocol, (response) => response.destroy());
      expectNothingLeft(seen, MARK);
      expect(seen.answer.status).toBe(503);
      expect(refusalBody(seen).errors[0]?.code).toBe('unavailable');
      expect(seen.answer.headers.get(DECISION_HEADER)).toBe('allow');
    }, 90_000);
  });

  // Fault: slow-reader
  describe('clients that never read what they asked for', () => {
    /** Together with their answers more than the verifier holds at all. */
    const CONNECTIONS = 3;
    const QUERIES = 90;
    const AT_ONCE = 3;
    /** Well before Envoy gives them up by itself (`stream_idle_timeout`, 30 s). */
    const SOON = { atMostMs: 15_000 };

    const metric = (name: string): Promise<number> =>
      sample(`${on.stage.federation.environment.COUNTERSIGN_ADMIN_URL}/metrics`, name);
    const cluster = front === 'ext_proc' ? 'verifier' : 'signer';
    /** Calls that Envoy has open to the verifier, for whatever filter. */
    const openCalls = (): Promise<number> =>
      sample(
        `${on.stage.federation.environment.COUNTERSIGN_ENVOY_ADMIN_URL}/stats/prometheus?filter=^cluster.${cluster}.upstream_rq_active$`,
        `envoy_cluster_upstream_rq_active{envoy_cluster_name="${cluster}"}`,
      );

    test('leave nothing behind in the verifier, and others are answered as ever', async () => {
      on.application.script = answering(200, padded(PLAIN, MAX_ANSWER_BYTES));
      const unread = Array.from({ length: CONNECTIONS }, () => openHttp2(on.stage.door, on.world.a, 0));
      try {
        // A few at a time: their burst is not what is looked at, and would be shed on a busy machine.
        for (let asked = 0; asked < QUERIES; asked += AT_ONCE) {
          const some = unread.flatMap((session) =>
            Array.from({ length: AT_ONCE }, () => statusOf(session, query())),
          );
          expect(new Set(await Promise.all(some))).toEqual(new Set([200]));
        }
        for (let sent = 0; sent < 20; sent++) {
          const outgoing = telemetry({ by: on.world.b, party: PRODUCER_B });
          expect((await on.stage.send('HTTP/2', outgoing)).status).toBe(200);
        }
        const held = (): Promise<number> => metric('countersign_held_bytes');
        await until('what was answered is let go of', async () => (await held()) === 0, SOON);
        await until('no call of theirs is open', async () => (await openCalls()) === 0, SOON);
        expectSigned(await ask('HTTP/2', answering(200, PLAIN)), on.keyring, PRODUCER_B);
      } finally {
        for (const session of unread) session.destroy();
      }
    }, 120_000);
  });
}

/** The status of an answer of which nothing else is read. */
function statusOf(session: ClientHttp2Session, outgoing: Outgoing): Promise<number> {
  return new Promise((resolve) => {
    const stream = session.request(linesOf(outgoing));
    stream.on('error', () => resolve(0));
    stream.on('close', () => resolve(0));
    stream.on('response', (head) => resolve(head[':status'] ?? 0));
    stream.end(outgoing.body);
  });
}

/** The value of a sample of a page of metrics; NaN when it is not there. */
async function sample(url: string, name: string): Promise<number> {
  const { body } = await fetchPage(url);
  const line = body.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1) ?? NaN);
}
