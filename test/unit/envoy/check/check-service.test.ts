import fc from 'fast-check';
import { answerFor } from '../../../../src/verify/refusal.js';
import type { Snapshot } from '../../../../src/verify/snapshot.js';
import { fakeService, metadataCode } from '../../../support/fake-service.js';
import { pipelineCases } from '../../../support/pipeline-cases.js';
import {
  HEADER_NAMES,
  makeSnapshot,
  NOW_SECONDS,
  profilePolicy,
  setHeader,
  telemetryFields,
  telemetryParts,
} from '../../../support/signed-request.js';

/** A promise and the means to end it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('every refusal of the pipeline, over the wire', () => {
  it.each(pipelineCases)('$title: $code', async ({ code, parts, snapshot }) => {
    const { check, audit, store, defects } = fakeService({ snapshot: makeSnapshot(snapshot) });
    const response = await check(parts());
    expect({ code: metadataCode(response), status: response.httpStatus }).toEqual({
      code,
      status: answerFor(code).status,
    });
    expect(audit.last()).toMatchObject({ code, status: answerFor(code).status });
    expect(audit.lines).toHaveLength(1);
    expect([store.claims, ...defects]).toEqual([0]);
  });
});

describe('an allow', () => {
  it('is recorded, counted and claimed once', async () => {
    const { check, audit, store, registry } = fakeService();
    const response = await check(telemetryParts());
    expect(response.grpcCode).toBe(0);
    expect(audit.last()).toMatchObject({
      event: 'telemetry.accepted',
      code: 'allow',
      status: 200,
      decision_id: response.metadata['decision_id'],
      nonce_hash: [...store.holders.keys()][0],
    });
    expect(await registry.metrics()).toContain(
      'countersign_decisions_total{policy="federation.telemetry",code="allow"} 1',
    );
  });

  it('is not answered before its record is written', async () => {
    const { check, audit } = fakeService();
    const { opened, open } = gate();
    audit.before = opened;
    let answered = false;
    const response = check(telemetryParts()).finally(() => (answered = true));
    await nextTurn();
    expect(answered).toBe(false);
    open();
    expect((await response).grpcCode).toBe(0);
    expect(audit.lines).toHaveLength(1);
  });

  it('on a pass-through route is recorded as such', async () => {
    const { check, audit, store } = fakeService();
    const response = await check({
      ...telemetryParts(),
      method: 'GET',
      path: '/public/x',
      peerCertificate: 'missing',
    });
    expect([response.grpcCode, metadataCode(response), store.claims]).toEqual([0, 'pass_through', 0]);
    expect(audit.last()).toMatchObject({ code: 'pass_through', policy: 'public', event: 'request.accepted' });
  });

  it('is judged on one snapshot, whatever is swapped meanwhile', async () => {
    let asked = 0;
    const snapshot = (): Snapshot => makeSnapshot({ generation: ++asked, identity: { revoked: asked > 1 } });
    const { check, audit } = fakeService({ snapshot });
    expect((await check(telemetryParts())).grpcCode).toBe(0);
    expect(asked).toBe(1);
    expect(audit.last()['generation']).toBe(1);
    expect(metadataCode(await check(telemetryParts()))).toBe('identity_revoked');
  });

  it('waits for frames that queued up while the process stood still', async () => {
    const { opened, open } = gate();
    const { check, store } = fakeService({ afterStall: () => opened });
    const response = check(telemetryParts());
    await nextTurn();
    expect(store.claims).toBe(0);
    open();
    expect((await response).grpcCode).toBe(0);
  });
});

describe('a replay', () => {
  it('learns the request that was let through, and when', async () => {
    const { check } = fakeService();
    const first = await check(telemetryParts());
    const second = await check(telemetryParts());
    expect([second.httpStatus, metadataCode(second)]).toEqual([409, 'replayed_nonce']);
    expect(second.body).toMatchObject({
      errors: [
        {
          code: 'replayed_nonce',
          first_request_id: first.metadata['decision_id'],
          first_seen_at: NOW_SECONDS,
        },
      ],
    });
  });

  it('with a bad signature is told no more than that it is not authenticated', async () => {
    const { check } = fakeService();
    await check(telemetryParts());
    const forged = telemetryParts();
    setHeader(forged, HEADER_NAMES.signature, Buffer.alloc(64, 1).toString('base64'));
    const response = await check(forged);
    expect(response.httpStatus).toBe(401);
    expect(response.body).toMatchObject({ errors: [{ code: 'unauthenticated' }] });
    expect(JSON.stringify(response.body)).not.toContain('first_');
  });
});

describe('a rate-limited request', () => {
  it('gets 429 with Retry-After, claims nothing and passes later', async () => {
    const policies = [profilePolicy('federation.telemetry', { rateLimit: { group: 'g', perMinute: 1 } })];
    const { check, store, time } = fakeService({ snapshot: makeSnapshot({ policies }) });
    const next = () =>
      telemetryParts(telemetryFields({ nonce: 'another-nonce-0123' }), { nonce: 'another-nonce-0123' });
    await check(telemetryParts());
    const limited = await check(next());
    expect([limited.httpStatus, limited.set.get('retry-after'), store.claims]).toEqual([429, '60', 1]);
    time.monotonicMs += 60_000;
    expect((await check(next())).grpcCode).toBe(0);
  });
});

describe('an explicit answer', () => {
  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['bytes that are no message', Buffer.from('not protobuf at all')],
    ['a cut message', Buffer.from([0x0a, 0x05])],
  ])('is given to %s', async (_title, message) => {
    const { send, audit } = fakeService();
    const response = await send(message);
    expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'check_malformed']);
    expect(audit.last()).toMatchObject({ event: 'request.rejected', code: 'check_malformed' });
  });

  it('is given to any bytes, and nothing is thrown', async () => {
    const { send, defects } = fakeService();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 120 }), async (message) => {
        expect((await send(message)).httpStatus).toBeGreaterThanOrEqual(401);
      }),
      { numRuns: 200 },
    );
    expect(defects).toEqual([]);
  });

  it('is given when a part of the verifier has a defect', async () => {
    const broken = makeSnapshot();
    Object.defineProperty(broken, 'policies', {
      get: () => {
        throw new TypeError('a defect');
      },
    });
    const { check, defects, service } = fakeService({ snapshot: broken });
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response), service.inFlight]).toEqual([
      503,
      'internal_error',
      0,
    ]);
    expect(defects).toHaveLength(1);
  });

  it('is given 1,000 times to 1,000 copies, one of them an allow', async () => {
    const { check, store } = fakeService({ maxConcurrentChecks: 2_000 });
    store.before = async () => {
      await nextTurn();
    };
    const responses = await Promise.all(Array.from({ length: 1000 }, () => check(telemetryParts())));
    const codes = responses.map((response) => metadataCode(response));
    expect(codes.filter((code) => code === 'allow')).toHaveLength(1);
    expect(codes.filter((code) => code === 'replayed_nonce')).toHaveLength(999);
  });
});
