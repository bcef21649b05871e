/** A request that would be refused, through the service and back: headers, metadata, record, claim, limit. */
import type { RefusalCode } from '../../../../src/verify/refusal.js';
import { TOLERABLE_CODES } from '../../../../src/verify/report-only/tolerance.js';
import { pipelineCases } from '../../../support/pipeline-cases.js';
import { fakeService, metadataCode, type FakeService } from '../../../support/fake-service.js';
import { readRecord } from '../../../support/record-schema.js';
import { entry } from '../../../support/report-only.js';
import {
  CERTIFICATE,
  HEADER_NAMES,
  IDENTITY,
  makeSnapshot,
  NOW_MS,
  OPERATOR,
  OTHER_CERTIFICATE,
  profilePolicy,
  type RequestParts,
  setHeader,
  signedParts,
  type SnapshotChange,
  telemetryParts,
  TENANT,
} from '../../../support/signed-request.js';

const WOULD_REFUSE = 'x-countersign-would-refuse';

const reporting = (
  checks: readonly RefusalCode[] = TOLERABLE_CODES,
  change: SnapshotChange = {},
): FakeService => fakeService({ snapshot: makeSnapshot({ ...change, reportOnly: [entry(checks)] }) });

function unpinned(): RequestParts {
  const parts: RequestParts = { ...telemetryParts(), peerCertificate: OTHER_CERTIFICATE };
  setHeader(parts, HEADER_NAMES.certificateSha256);
  return parts;
}

async function metric(fake: FakeService, name: string): Promise<string[]> {
  const text = await fake.registry.metrics();
  return text.split('\n').filter((line) => line.startsWith(name));
}

describe('a request that would be refused', () => {
  it('goes on with a header that says so, and no header that was not established', async () => {
    const fake = reporting(['pin_mismatch']);
    const answer = await fake.check(unpinned());
    expect(answer.httpStatus).toBeUndefined();
    expect([...answer.set.keys()].sort()).toEqual(['x-countersign-request-id', WOULD_REFUSE].sort());
    expect(answer.set.get(WOULD_REFUSE)).toBe('pin_mismatch');
    expect(answer.removed).toEqual(
      expect.arrayContaining(['x-countersign-identity', 'x-countersign-tenant', 'x-countersign-policy']),
    );
    expect(answer.metadata).toEqual({
      code: 'allow',
      would_refuse: 'pin_mismatch',
      policy: 'federation.telemetry',
      decision_id: expect.any(String) as string,
      claim: expect.any(String) as string,
    });
  });

  it('is recorded as what it is, and counted', async () => {
    const fake = reporting(['pin_mismatch']);
    await fake.check(unpinned());
    const record = fake.audit.last();
    expect(readRecord(fake.audit.lines.at(-1)!)).toEqual(record);
    expect(record).toMatchObject({
      event: 'telemetry.accepted',
      code: 'would_refuse',
      status: 200,
      would_refuse: 'pin_mismatch',
      tolerated: ['pin_mismatch'],
      claimed_identity: IDENTITY,
      kid: 'k1',
    });
    expect(record).not.toHaveProperty('identity');
    expect(record).not.toHaveProperty('tenant');
    expect(await metric(fake, 'countersign_decisions_total')).toEqual([
      'countersign_decisions_total{policy="federation.telemetry",code="would_refuse"} 1',
    ]);
    expect(await metric(fake, 'countersign_would_refuse_total')).toEqual([
      'countersign_would_refuse_total{policy="federation.telemetry",code="pin_mismatch"} 1',
    ]);
  });

  it('claims its nonce as ever, and its copy is a replay', async () => {
    const fake = reporting(['pin_mismatch']);
    await fake.check(unpinned());
    expect(fake.store.settled.size).toBe(1);
    const copy = await fake.check(unpinned());
    expect(copy).toMatchObject({ httpStatus: 409 });
    expect(fake.audit.last()).toMatchObject({ code: 'replayed_nonce' });
    expect(metadataCode(await fake.check(telemetryParts()))).toBe('replayed_nonce');
  });

  it('has the identity and the tenant where both proofs hold', async () => {
    const fake = reporting(['attestation_not_allowed'], {
      identity: { attestations: new Set(['00'.repeat(32)]) },
    });
    const { set, metadata } = await fake.check(telemetryParts());
    expect(Object.fromEntries(set)).toMatchObject({
      'x-countersign-identity': IDENTITY,
      'x-countersign-tenant': TENANT,
      'x-countersign-operator': OPERATOR,
      'x-countersign-cert-sha256': CERTIFICATE.certificateSha256,
      [WOULD_REFUSE]: 'attestation_not_allowed',
    });
    expect(set.has('x-countersign-attestation')).toBe(false);
    expect(metadata).toMatchObject({ tenant: TENANT, would_refuse: 'attestation_not_allowed' });
    expect(metadata).not.toHaveProperty('attestation');
  });

  it('is refused as ever where something else is wrong, and the record says what', async () => {
    const parts = unpinned();
    parts.declaredSize = 1;
    const [fake, enforcing] = [reporting(), fakeService()];
    const answer = await fake.check(parts);
    const { httpStatus, body } = await enforcing.check(parts);
    expect(answer).toMatchObject({ httpStatus, body: { ...body, request_id: expect.any(String) as string } });
    expect(fake.audit.last()).toMatchObject({ code: 'pin_mismatch', not_tolerated: 'body_not_whole' });
  });

  it('gives its nonce back where it cannot be recorded', async () => {
    const fake = reporting(['pin_mismatch']);
    fake.audit.failing = true;
    expect(await fake.check(unpinned())).toMatchObject({ httpStatus: 503 });
    expect(fake.store.holders.size).toBe(0);
  });
});

describe('what the stores refuse', () => {
  const limited = {
    policies: [profilePolicy('federation.telemetry', { rateLimit: { group: 'g', perMinute: 1 } })],
  };
  const fresh = (nonce: string): RequestParts =>
    telemetryParts(
      { ...(JSON.parse(Buffer.from(telemetryParts().body).toString()) as object), nonce },
      { nonce },
    );

  it('is let pass where it is named: a limit that is used up, the nonce claimed all the same', async () => {
    const fake = reporting(['rate_limited'], limited);
    expect((await fake.check(fresh('nonce-00000001'))).set.has(WOULD_REFUSE)).toBe(false);
    const second = await fake.check(fresh('nonce-00000002'));
    expect(second.set.get(WOULD_REFUSE)).toBe('rate_limited');
    expect(second.set.get('x-countersign-tenant')).toBe(TENANT);
    expect(fake.store.settled.size).toBe(2);
    expect(await fake.check(fresh('nonce-00000002'))).toMatchObject({ httpStatus: 409 });
  });

  it('is let pass where it is named: a replay, which claims nothing', async () => {
    const fake = reporting(['replayed_nonce']);
    await fake.check(telemetryParts());
    const copy = await fake.check(telemetryParts());
    expect(copy.set.get(WOULD_REFUSE)).toBe('replayed_nonce');
    expect(copy.metadata).not.toHaveProperty('claim');
    expect(fake.audit.last()).toMatchObject({
      would_refuse: 'replayed_nonce',
      first_decision_id: expect.any(String) as string,
    });
    expect(fake.store.holders.size).toBe(1);
  });

  it('is let pass both ways in one request', async () => {
    const fake = reporting(['replayed_nonce', 'rate_limited'], limited);
    await fake.check(telemetryParts());
    const copy = await fake.check(telemetryParts());
    expect(copy.set.get(WOULD_REFUSE)).toBe('rate_limited');
    expect(fake.audit.last()).toMatchObject({ tolerated: ['rate_limited', 'replayed_nonce'] });
  });

  it('is refused where it is not named, or cannot be', async () => {
    const replays = reporting(['pin_mismatch', 'rate_limited']);
    await replays.check(telemetryParts());
    expect(await replays.check(telemetryParts())).toMatchObject({ httpStatus: 409 });
    const fake = reporting();
    fake.store.before = () => {
      throw new Error('the store is away');
    };
    expect(await fake.check(unpinned())).toMatchObject({ httpStatus: 503 });
  });

  it('counts strangers apart from the operators whom they name', async () => {
    const fake = reporting(['pin_mismatch'], limited);
    const stranger = (nonce: string): RequestParts => {
      const parts: RequestParts = { ...fresh(nonce), peerCertificate: OTHER_CERTIFICATE };
      setHeader(parts, HEADER_NAMES.certificateSha256);
      return parts;
    };
    expect((await fake.check(stranger('nonce-00000001'))).httpStatus).toBeUndefined();
    expect((await fake.check(fresh('nonce-00000002'))).httpStatus).toBeUndefined();
    expect(await fake.check(stranger('nonce-00000003'))).toMatchObject({ httpStatus: 429 });
  });
});

describe('the header', () => {
  it.each([
    ['a verified request', (): RequestParts => signedParts()],
    ['a pass-through', (): RequestParts => ({ ...signedParts({ path: '/public/a' }), method: 'GET' })],
  ])('of a client never goes on with %s', async (_title, parts) => {
    const fake = fakeService();
    const spoofed = parts();
    setHeader(spoofed, WOULD_REFUSE, 'nothing');
    const answer = await fake.check(spoofed);
    expect(answer.httpStatus).toBeUndefined();
    expect(answer.removed.filter((name) => name === WOULD_REFUSE)).toEqual([WOULD_REFUSE]);
    expect((await fakeService().check(parts())).removed).toContain(WOULD_REFUSE);
  });

  it('of a client is overwritten where a request would be refused', async () => {
    const fake = reporting(['pin_mismatch']);
    const parts = unpinned();
    setHeader(parts, WOULD_REFUSE, 'nothing');
    const { set, removed } = await fake.check(parts);
    expect(set.get(WOULD_REFUSE)).toBe('pin_mismatch');
    expect(removed).not.toContain(WOULD_REFUSE);
  });
});

it('ends at the moment, without a reload', async () => {
  const fake = reporting(['pin_mismatch']);
  fake.time.nowMs = NOW_MS + 999;
  expect((await fake.check(unpinned())).httpStatus).toBeUndefined();
  fake.time.nowMs = NOW_MS + 1000;
  expect(await fake.check(unpinned())).toMatchObject({ httpStatus: 401 });
});

describe('every case, all let pass', () => {
  it.each(pipelineCases)('$title: the record fits the schema', async ({ parts, snapshot }) => {
    const fake = reporting(TOLERABLE_CODES, snapshot);
    const answer = await fake.check(parts());
    readRecord(fake.audit.lines.at(-1)!);
    expect(fake.defects).toEqual([]);
    expect(answer.set.has(WOULD_REFUSE)).toBe(answer.httpStatus === undefined);
  });
});
