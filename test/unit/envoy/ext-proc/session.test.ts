import { createHash } from 'node:crypto';
import type { Snapshot } from '../../../../src/verify/snapshot.js';
import {
  adjustment,
  ALLOWED,
  DECISION_ID,
  FEEDBACK_KID,
  fakeSigner,
  GOOD_HEADERS,
  holds,
  POLICY,
  signingSnapshot,
  withHeader,
  withStatus,
  type FakeSigner,
} from '../../../support/fake-signer.js';
import {
  bodyMessage,
  encodeProcessingRequest,
  headersMessage,
  type ReadProcessingResponse,
} from '../../../support/processing-messages.js';
import { NOW_MS, NOW_SECONDS, OTHER_TENANT, TENANT } from '../../../support/snapshots.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The answer to a body of the upstream, after good headers. */
async function signed(fake: FakeSigner, body: string | Buffer): Promise<ReadProcessingResponse> {
  const stream = fake.open();
  await stream.headers();
  return stream.send(bodyMessage(body));
}

/** Held to docs/wire-contract.md's shape of a refusal; returns its status. */
function refusedWith(read: ReadProcessingResponse, requestId = DECISION_ID): number {
  expect(read).toMatchObject({ kind: 'immediate', details: 'countersign_refused' });
  expect(Object.fromEntries(read.set)).toEqual({
    'content-type': 'application/json',
    'cache-control': 'no-store',
  });
  expect(JSON.parse(read.body ?? '')).toEqual({
    request_id: requestId,
    status: 'rejected',
    data: null,
    errors: [{ code: expect.stringMatching(/^[a-z_]+$/) as string, message: expect.any(String) as string }],
  });
  return read.status ?? 0;
}

describe('until the body is here', () => {
  it('the answer is a 502 that nobody stores, without what described the old body', async () => {
    const stream = fakeSigner().open();
    const read = await stream.headers(withHeader('x-countersign-tenant', 'spoofed'));
    expect(read).toMatchObject({ kind: 'headers', body: undefined });
    expect(Object.fromEntries(read.set)).toEqual({
      ':status': '502',
      'x-countersign-answer': 'held',
      'cache-control': 'no-store',
    });
    expect(read.removed).toEqual(
      expect.arrayContaining(['etag', 'content-md5', 'digest', 'last-modified', 'x-countersign-tenant']),
    );
    expect(read.removed).not.toContain('content-length');
  });
});

describe('a good answer', () => {
  it.each([
    ['a bare list', '[]', 0],
    ['a bare list of two', JSON.stringify([adjustment(), adjustment({ action: 'deny' })]), 2],
    ['an object with data', JSON.stringify({ data: [adjustment()] }), 1],
    [
      'an envelope that was signed before',
      JSON.stringify({
        request_id: 'u-1',
        status: 'accepted',
        data: [adjustment()],
        errors: [],
        signature: 'AAAA',
        kid: 'own',
        signed_at: 1,
        nonce: 'own-nonce',
      }),
      1,
    ],
  ])('is signed: %s', async (_title, body, adjustments) => {
    const fake = fakeSigner();
    const read = await signed(fake, body);
    const envelope = JSON.parse(read.body ?? '') as Record<string, unknown>;
    expect(Object.fromEntries(read.set)).toEqual({
      ':status': '200',
      'x-countersign-answer': 'signed',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(read.body ?? '')),
    });
    expect(envelope).toMatchObject({
      kid: FEEDBACK_KID,
      signed_at: NOW_SECONDS,
      nonce: `nonce-${'1'.padStart(18, '0')}`,
    });
    expect(envelope['data']).toHaveLength(adjustments);
    expect([holds(read.body ?? ''), holds(read.body ?? '', OTHER_TENANT)]).toEqual([true, false]);
  });

  it('is recorded with the decision that let the query through, and without nonce or body', async () => {
    const fake = fakeSigner();
    const read = await signed(fake, JSON.stringify([adjustment()]));
    expect(fake.audit.lines).toHaveLength(1);
    expect(fake.audit.last()).toEqual({
      time: new Date(NOW_MS).toISOString(),
      event: 'cognitive.feedback.issued',
      decision_id: DECISION_ID,
      code: 'signed',
      status: 200,
      adjustments: 1,
      kid: FEEDBACK_KID,
      nonce_hash: sha256(`nonce-${'1'.padStart(18, '0')}`),
      body_sha256: sha256(read.body ?? ''),
      request_id: 'envoy-id',
      identity: 'consumer-01',
      tenant: TENANT,
      operator: 'operator-7',
      policy: POLICY,
      generation: 1,
      stage_us: { decode: 0, judge: 0 },
    });
    expect(await fake.counted()).toEqual({ [`${POLICY} signed`]: 1 });
  });

  it('has a nonce of its own each time', async () => {
    const fake = fakeSigner();
    const nonces = [await signed(fake, '[]'), await signed(fake, '[]')].map(
      ({ body }) => (JSON.parse(body ?? '') as { nonce: string }).nonce,
    );
    expect(new Set(nonces).size).toBe(2);
  });
});

describe('an answer to a request that report-only let pass', () => {
  /** As the verifier writes it where nobody is established. */
  const STRANGER = {
    code: 'allow',
    decision_id: DECISION_ID,
    policy: POLICY,
    would_refuse: 'signature_invalid',
  };
  const reported = (change: Partial<typeof GOOD_HEADERS> = {}) => ({
    ...GOOD_HEADERS,
    context: STRANGER,
    ...change,
  });
  const withMark = { 'x-countersign-answer': 'unsigned' };

  it('passes as it is, in whatever parts it comes, counted and not recorded', async () => {
    const fake = fakeSigner();
    const stream = fake.open();
    const headers = await stream.headers(reported());
    expect([headers.kind, Object.fromEntries(headers.set), headers.removed]).toEqual([
      'headers',
      withMark,
      [],
    ]);
    for (const [part, isLast] of [
      ['[not', false],
      ['', false],
      [' json', true],
    ] as const)
      expect(await stream.send(bodyMessage(part, isLast))).toMatchObject({
        kind: 'body',
        set: new Map(),
        body: undefined,
      });
    expect(stream.session.isDone()).toBe(true);
    expect([fake.audit.lines, await fake.counted()]).toEqual([[], { [`${POLICY} unsigned`]: 1 }]);
  });

  it.each(['200', '204', '302', '404', '503'])(
    'with its own status, %s, and without a body',
    async (status) => {
      const stream = fakeSigner().open();
      const read = await stream.headers(reported({ headers: [[':status', status]], endOfStream: true }));
      expect([read.kind, Object.fromEntries(read.set)]).toEqual(['headers', withMark]);
      expect(stream.session.isDone()).toBe(true);
    },
  );

  it('has no header of ours that the upstream wrote', async () => {
    const spoofed = withHeader('x-countersign-tenant', 'spoofed');
    const { set, removed } = await fakeSigner()
      .open()
      .headers({ ...spoofed, context: STRANGER });
    expect([Object.fromEntries(set), removed]).toEqual([withMark, ['x-countersign-tenant']]);
  });

  it('is refused where something comes behind its end', async () => {
    const stream = fakeSigner().open();
    await stream.headers(reported());
    await stream.send(bodyMessage('[]'));
    expect(refusedWith(await stream.send(bodyMessage('[]')))).toBe(503);
  });

  it('is signed where the tenant is established all the same', async () => {
    const fake = fakeSigner();
    const stream = fake.open();
    await stream.headers(reported({ context: { ...ALLOWED, would_refuse: 'timestamp_outside_window' } }));
    const read = await stream.send(bodyMessage('[]'));
    expect(holds(read.body ?? '')).toBe(true);
    expect(await fake.counted()).toEqual({ [`${POLICY} signed`]: 1 });
  });

  it.each([
    ['a tenant is missing of a request that was simply allowed', { would_refuse: undefined }],
    ['it was not let pass', { code: 'signature_invalid-of-nothing' }],
    ['its policy signs nothing', { policy: 'federation.telemetry' }],
    ['no decision is named', { decision_id: undefined }],
  ])('does not pass where %s', async (_title, change) => {
    const fake = fakeSigner();
    const read = await fake.open().headers(reported({ context: { ...STRANGER, ...change } }));
    expect(read.set.get('x-countersign-answer')).not.toBe('unsigned');
    expect(Object.keys(await fake.counted()).filter((key) => key.includes('unsigned'))).toEqual([]);
  });

  it('is no answer of Envoy’s own, which has no mark and goes on as ever', async () => {
    const fake = fakeSigner();
    const read = await fake
      .open()
      .headers(reported({ headers: [[':status', '503']], codeDetails: 'upstream_reset', endOfStream: true }));
    expect([read.kind, read.set.size]).toEqual(['headers', 0]);
    expect(await fake.counted()).toEqual({ [`${POLICY} local_reply`]: 1 });
  });
});

describe('a body that is not bound or cannot be read', () => {
  it.each([
    ['adjustment_tenant', JSON.stringify([adjustment({ tenant_id: OTHER_TENANT })])],
    ['adjustment_execution', JSON.stringify([adjustment(), adjustment({ execution_fingerprint: 'x' })])],
    ['adjustment_attestation', JSON.stringify([adjustment({ attestation_measurement_hash: null })])],
    ['adjustment_schema', JSON.stringify([adjustment({ schema_version: 'feedback.adjustment.v2' })])],
    ['answer_not_json', '{"data": [}'],
    ['answer_shape', '"text"'],
    ['answer_too_large', ' '.repeat(4097)],
    ['answer_missing', ''],
  ])('is withheld: %s', async (code, body) => {
    const fake = fakeSigner();
    expect(refusedWith(await signed(fake, body))).toBe(502);
    expect(fake.audit.lines).toHaveLength(1);
    expect(fake.audit.last()).toMatchObject({
      event: 'cognitive.feedback.refused',
      code,
      status: 502,
      decision_id: DECISION_ID,
      tenant: TENANT,
      ...(body !== '' && { upstream_sha256: sha256(body) }),
    });
    expect(fake.audit.last()).not.toHaveProperty('kid');
    expect(await fake.counted()).toEqual({ [`${POLICY} ${code}`]: 1 });
  });

  it('is withheld when its execution was not submitted by this tenant', async () => {
    const executions = { required: true, maxPerTenant: 10, retentionSeconds: 60 };
    const asked: unknown[] = [];
    const submitted = (pair: object): boolean => {
      asked.push(pair);
      return false;
    };
    const snapshot = signingSnapshot({ executions });
    const fake = fakeSigner({ snapshot: () => snapshot, submitted });
    expect(refusedWith(await signed(fake, JSON.stringify([adjustment()])))).toBe(502);
    expect(fake.audit.last()).toMatchObject({ code: 'adjustment_not_submitted' });
    expect(asked).toEqual([{ tenant: TENANT, execution: 'ab'.repeat(32), attestation: 'cd'.repeat(32) }]);
  });

  describe('with a store that answers later', () => {
    const executions = { required: true, maxPerTenant: 10, retentionSeconds: 60 };
    const snapshot = signingSnapshot({ executions });
    const asking = (submitted: () => Promise<boolean>) => fakeSigner({ snapshot: () => snapshot, submitted });
    const answer = JSON.stringify([adjustment(), adjustment()]);

    it('is signed when everything was submitted', async () => {
      const fake = asking(() => Promise.resolve(true));
      await signed(fake, answer);
      expect(fake.audit.last()).toMatchObject({ event: 'cognitive.feedback.issued' });
    });

    it.each([
      ['was not submitted', () => Promise.resolve(false), 'adjustment_not_submitted'],
      ['is in doubt', () => Promise.reject(new Error('Redis is away')), 'executions_unavailable'],
    ])('is withheld when an execution %s, and nothing is signed', async (_, submitted, code) => {
      const fake = asking(submitted);
      expect(refusedWith(await signed(fake, answer))).toBe(502);
      expect(fake.audit.lines).toHaveLength(1);
      expect(fake.audit.last()).toMatchObject({ code, status: 502 });
      expect(fake.audit.last()).not.toHaveProperty('kid');
      expect(await fake.counted()).toEqual({ [`${POLICY} ${code}`]: 1 });
    });
  });
});

describe('headers that decide', () => {
  it('withhold at once, and the body may not follow', async () => {
    const fake = fakeSigner();
    const stream = fake.open();
    expect(refusedWith(await stream.headers(withHeader('content-encoding', 'gzip')))).toBe(502);
    expect(refusedWith(await stream.send(bodyMessage('[]')))).toBe(503);
    expect(await fake.counted()).toEqual({
      [`${POLICY} answer_encoded`]: 1,
      [`${POLICY} internal_error`]: 1,
    });
  });

  it.each([400, 404, 422, 429, 500, 503, 599])(
    'keep the status %i of an upstream that refuses, and nothing else of it',
    async (status) => {
      const fake = fakeSigner();
      const read = await fake.open().headers(withStatus(String(status)));
      expect(refusedWith(read)).toBe(status);
      expect(fake.audit.last()).toMatchObject({ code: 'upstream_status', status });
    },
  );

  it('without a verified context give the id that Envoy gave, and count under no policy', async () => {
    const fake = fakeSigner();
    const context = { code: 'allow', policy: 'of-the-attacker' };
    const read = await fake.open().headers({ ...GOOD_HEADERS, context });
    expect(refusedWith(read, 'envoy-id')).toBe(503);
    expect(await fake.counted()).toEqual({ 'none context_missing': 1 });
  });
});

describe('a reply of Envoy itself', () => {
  const denial = withStatus('401', {
    context: { ...ALLOWED, code: 'bad_signature' },
    codeDetails: 'ext_authz_denied',
  });

  it('passes with its body, unrecorded', async () => {
    const fake = fakeSigner();
    const stream = fake.open();
    const read = [await stream.headers(denial), await stream.send(bodyMessage('{"status":"rejected"}'))];
    expect(read).toEqual(
      ['headers', 'body'].map((kind) => ({
        kind,
        status: undefined,
        set: new Map(),
        removed: [],
        body: undefined,
        details: undefined,
      })),
    );
    stream.session.close();
    expect(fake.audit.lines).toEqual([]);
    expect(await fake.counted()).toEqual({ [`${POLICY} local_reply`]: 1 });
  });

  it('has nothing after its end', async () => {
    const stream = fakeSigner().open();
    await stream.headers({ ...denial, endOfStream: true });
    expect(refusedWith(await stream.send(bodyMessage('[]')))).toBe(503);
  });
});

describe('a stream that is not what we asked for', () => {
  const other = encodeProcessingRequest({ request_headers: {} });
  const trailers = encodeProcessingRequest({ response_trailers: {} });

  it.each([
    ['bytes that are no message', [Buffer.from([0x0a, 0x05, 0x00])]],
    ['an empty message', [Buffer.alloc(0)]],
    ['request headers', [other]],
    ['a body before its headers', [bodyMessage('[]')]],
    ['trailers in the place of the body', [headersMessage(GOOD_HEADERS), trailers]],
    ['headers twice', [headersMessage(GOOD_HEADERS), headersMessage(GOOD_HEADERS)]],
    ['a part of a body', [headersMessage(GOOD_HEADERS), bodyMessage('[]', false)]],
    ['a second body', [headersMessage(GOOD_HEADERS), bodyMessage('[]'), bodyMessage('[]')]],
    ['a body that is no message', [headersMessage(GOOD_HEADERS), Buffer.from([0x2a, 0x7f])]],
  ])('ends in a refusal: %s', async (_title, messages) => {
    const fake = fakeSigner();
    const stream = fake.open();
    const replies: ReadProcessingResponse[] = [];
    for (const message of messages) replies.push(await stream.send(message));
    const last = replies.at(-1)!;
    expect(last.kind).toBe('immediate');
    expect(last.status).toBe(503);
    expect(fake.audit.last()).toMatchObject({ event: 'cognitive.feedback.refused', code: 'internal_error' });
    expect(fake.defects).toEqual([]);
  });

  it('is recorded when it ends before the body', async () => {
    const fake = fakeSigner();
    const stream = fake.open();
    await stream.headers();
    stream.session.close();
    await Promise.resolve();
    expect(fake.audit.last()).toMatchObject({ code: 'answer_missing', decision_id: DECISION_ID });
    expect(fake.audit.last()).not.toHaveProperty('status');
    expect(await fake.counted()).toEqual({ [`${POLICY} answer_missing`]: 1 });
    stream.session.close();
    expect(fake.audit.lines).toHaveLength(1);
  });

  it('leaves nothing behind when it ends in order', async () => {
    const fake = fakeSigner();
    const stream = fake.open();
    await stream.headers();
    await stream.send(bodyMessage('[]'));
    stream.session.close();
    expect(fake.audit.lines).toHaveLength(1);
  });
});

describe('a record that cannot be written', () => {
  it('keeps a signed answer from leaving', async () => {
    const fake = fakeSigner();
    fake.audit.failing = true;
    expect(refusedWith(await signed(fake, '[]'))).toBe(503);
    expect(fake.lost.records).toBe(1);
    expect(await fake.counted()).toEqual({ [`${POLICY} internal_error`]: 1 });
  });

  it('is only counted where the operator wants that', async () => {
    const fake = fakeSigner({ auditOnFailure: 'count' });
    fake.audit.failing = true;
    expect(holds((await signed(fake, '[]')).body ?? '')).toBe(true);
    expect(fake.lost.records).toBe(1);
  });

  it('does not change a refusal', async () => {
    const fake = fakeSigner();
    fake.audit.failing = true;
    expect(refusedWith(await fake.open().headers(withStatus('404')))).toBe(404);
  });

  it('comes before the answer', async () => {
    const fake = fakeSigner();
    let written = (): void => undefined;
    fake.audit.before = new Promise<void>((resolve) => (written = resolve));
    const stream = fake.open();
    await stream.headers();
    let answered = false;
    const reply = stream.send(bodyMessage('[]')).finally(() => (answered = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    written();
    expect((await reply).kind).toBe('body');
  });
});

// Fault: audit-reader-stalled
describe('a signed answer that Envoy no longer waits for', () => {
  const codesOf = (lines: readonly string[]): string[] =>
    lines.map((line) => (JSON.parse(line) as { code: string }).code);

  it.each([
    ['once its record is written is taken back by another one', false, ['signed', 'answer_missing']],
    ['while its record waits is recorded as that alone', true, ['answer_missing']],
  ])('%s', async (_title, stalled, codes) => {
    const fake = fakeSigner();
    let written = (): void => undefined;
    fake.audit.before = new Promise<void>((resolve) => (written = resolve));
    fake.audit.stalled = stalled;
    const stream = fake.open();
    await stream.headers();
    const reply = stream.send(bodyMessage('[]'));
    await new Promise((resolve) => setImmediate(resolve));
    stream.session.close();
    written();
    expect((await reply).kind).not.toBe('body');
    expect(codesOf(fake.audit.lines)).toEqual(codes);
    expect(await fake.counted()).toEqual({ [`${POLICY} answer_missing`]: 1 });
  });
});

describe('a defect', () => {
  it.each([
    ['a nonce that is none', fakeSigner({ nonce: () => 'short' })],
    [
      'a source of randomness that fails',
      fakeSigner({
        nonce: () => {
          throw new Error('no entropy');
        },
      }),
    ],
  ])('ends in a refusal and is told: %s', async (_title, fake) => {
    expect(refusedWith(await signed(fake, '[]'))).toBe(503);
    expect(fake.defects).toHaveLength(1);
    expect(fake.audit.last()).toMatchObject({ code: 'internal_error', decision_id: DECISION_ID });
  });
});

describe('the configuration', () => {
  it('is the one of the beginning of the stream', async () => {
    let snapshot: Snapshot = signingSnapshot();
    const fake = fakeSigner({ snapshot: () => snapshot });
    const stream = fake.open();
    await stream.headers();
    snapshot = signingSnapshot({}, { feedback: undefined, generation: 2 });
    expect((await stream.send(bodyMessage('[]'))).kind).toBe('body');
    expect(fake.audit.last()).toMatchObject({ generation: 1 });
    expect(refusedWith(await fake.open().headers())).toBe(503);
    expect(fake.audit.last()).toMatchObject({ generation: 2, code: 'no_active_key' });
  });
});
