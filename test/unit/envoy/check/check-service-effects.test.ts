import { jest } from '@jest/globals';
import type { ExecutionStore } from '../../../../src/executions/execution-store.js';
import { claimEffect } from '../../../../src/nonces/claim-effect.js';
import type { NonceDoubt, NonceStore } from '../../../../src/nonces/nonce-store.js';
import type { Policy, Snapshot } from '../../../../src/verify/snapshot.js';
import { readResponse } from '../../../support/check-messages.js';
import { storeCodes } from '../../../support/effect-codes.js';
import { fakeService, metadataCode } from '../../../support/fake-service.js';
import {
  ATTESTATION,
  EXECUTION,
  makeSnapshot,
  NOW_MS,
  signedParts,
  telemetryParts,
  TENANT,
} from '../../../support/signed-request.js';

/** A promise and the means to end it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

const EFFECT = { checkTimeoutMilliseconds: 200, bounds: { maxEntries: 100, maxEntriesPerIdentity: 10 } };

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('a deadline', () => {
  // Fault: verifier-slow
  it('that passes while the record is written takes the allow back, and the record says so', async () => {
    const { check, audit, store, time } = fakeService();
    const parts = telemetryParts();
    audit.before = Promise.resolve().then(() => void (time.monotonicMs += 1_000));
    const response = await check(parts);
    expect([response.httpStatus, metadataCode(response), store.withdrawals]).toEqual([
      503,
      'deadline_spent',
      1,
    ]);
    expect(audit.last()).toMatchObject({ code: 'deadline_spent' });
    expect((await check(parts)).grpcCode).toBe(0);
  });

  // Fault: audit-reader-stalled
  it('that passes while the record waits for its reader withdraws it: the one record says that it was too late', async () => {
    const { check, audit, store } = fakeService();
    audit.stalled = true;
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response), store.withdrawals]).toEqual([
      503,
      'deadline_spent',
      1,
    ]);
    expect(audit.lines.map((line) => (JSON.parse(line) as { code: string }).code)).toEqual([
      'deadline_spent',
    ]);
  });

  // Fault: audit-reader-stalled, audit-disk-full
  it.each([
    ['allow', telemetryParts()],
    ['pass_through', { ...telemetryParts(), method: 'GET', path: '/public/x' }],
  ])(
    'that passes once an %s is recorded is recorded behind it, though the log fails by then',
    async (code, parts) => {
      const { check, audit, time } = fakeService();
      const append = audit.append.bind(audit);
      audit.append = async (line) => {
        const appended = await append(line);
        time.monotonicMs += 1_000;
        audit.failing = true;
        return appended;
      };
      const response = await check(parts);
      expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'deadline_spent']);
      expect(audit.lines.map((line) => (JSON.parse(line) as { code: string }).code)).toEqual([
        code,
        'deadline_spent',
      ]);
    },
  );

  it('that is nearly spent keeps the store from being asked', async () => {
    const { check, store } = fakeService();
    const response = await check(telemetryParts(), { deadlineMs: 1_020 });
    expect([response.httpStatus, metadataCode(response), store.claims]).toEqual([503, 'deadline_spent', 0]);
    expect((await check(telemetryParts(), { deadlineMs: 1_021 })).grpcCode).toBe(0);
  });

  it('of a caller that has gone keeps the store from being asked', async () => {
    const { check, store } = fakeService();
    const response = await check(telemetryParts(), { cancelled: () => true });
    expect([metadataCode(response), store.claims]).toEqual(['deadline_spent', 0]);
  });

  it('of a caller that has gone spares the judgement, and says so in its record', async () => {
    const { check, audit, registry } = fakeService();
    await check(telemetryParts(), { cancelled: () => true });
    expect(audit.last()).toMatchObject({ code: 'deadline_spent', event: 'request.rejected' });
    expect(await registry.metrics()).not.toContain('stage="signature"');
  });

  // Fault: verifier-slow
  it('that passes while the store writes takes the claim back', async () => {
    const { check, store, time, audit } = fakeService();
    store.after = () => void (time.monotonicMs += 500);
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'deadline_spent']);
    expect([store.withdrawals, store.holders.size]).toEqual([1, 0]);
    expect(audit.last()).toMatchObject({ code: 'deadline_spent', event: 'telemetry.rejected' });
    store.after = undefined;
    expect((await check(telemetryParts())).grpcCode).toBe(0);
  });

  it('that passes while the claim waits keeps it from being written', async () => {
    const { check, store, time } = fakeService();
    store.before = () => Promise.resolve().then(() => void (time.monotonicMs += 500));
    expect(metadataCode(await check(telemetryParts()))).toBe('deadline_spent');
    expect([store.claims, store.withdrawals, store.holders.size]).toEqual([1, 0, 0]);
  });
});

/** A store port that always doubts. */
function doubtingStore(reason: NonceDoubt): NonceStore {
  return {
    name: 'doubting',
    claim: () => ({ kind: 'doubt', reason }),
    withdraw: () => undefined,
    noteDeliveries: () => undefined,
    areAwaited: () => [],
    status: () => ({ entries: 0, maxEntries: 0, floorSeconds: 0, clockSteps: 0 }),
    close: () => Promise.resolve(),
  };
}

describe('a store', () => {
  it.each(Object.entries(storeCodes))('that doubts gives 503 %s', async (code, reason) => {
    const { check } = fakeService({ claimNonce: claimEffect(doubtingStore(reason), EFFECT) });
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response)]).toEqual([503, code]);
    expect(response.body).toMatchObject({ errors: [{ code: 'unavailable' }] });
  });

  it('that finds the window closed gives 401', async () => {
    const closed = { ...doubtingStore('store_full'), claim: () => ({ kind: 'outside_window' }) as const };
    const { check } = fakeService({ claimNonce: claimEffect(closed, EFFECT) });
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response)]).toEqual([401, 'timestamp_outside_window']);
  });

  it.each<[string, () => Promise<void>]>([
    [
      'throws',
      () => {
        throw new Error('secret path');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret path'))],
  ])('that %s gives 503 without a word of its error', async (_how, before) => {
    const { check, store, defects, audit } = fakeService();
    store.before = before;
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'internal_error']);
    expect(JSON.stringify(response) + audit.lines.join('')).not.toContain('secret');
    expect(defects).toHaveLength(1);
  });

  it('that hangs does not stop other checks until the bound is reached, and then they are shed', async () => {
    const { check, store, service } = fakeService({ maxConcurrentChecks: 2 });
    const hanging = gate();
    store.before = () => hanging.opened;
    const first = check(telemetryParts());
    await nextTurn();
    store.before = undefined;
    expect((await check(signedParts({ nonce: 'another-nonce-0123' }))).grpcCode).toBe(0);
    store.before = () => hanging.opened;
    const second = check(signedParts({ nonce: 'a-third-nonce-0123' }));
    const shed = await check(signedParts({ nonce: 'a-fourth-nonce-012' }));
    expect([shed.httpStatus, metadataCode(shed), service.inFlight]).toEqual([503, 'overloaded', 2]);
    hanging.open();
    await Promise.all([first, second]);
    expect(service.inFlight).toBe(0);
  });
});

describe('a check that is shed', () => {
  it.each(['queue_full', 'bytes', 'deadline'] as const)(
    'because of %s is answered 503, recorded and counted like every refusal, and nothing is judged',
    async (reason) => {
      const { service, front, audit, registry, store } = fakeService();
      const response = readResponse(await service.shed(reason, front));
      expect([response.httpStatus, metadataCode(response), store.claims]).toEqual([503, 'overloaded', 0]);
      expect(response.body).toMatchObject({ errors: [{ code: 'unavailable' }] });
      expect(audit.last()).toMatchObject({ code: 'overloaded', status: 503, event: 'request.rejected' });
      const metrics = await registry.metrics();
      expect(metrics).toContain('countersign_decisions_total{policy="none",code="overloaded"} 1');
      expect(metrics).not.toContain('stage="decode"');
    },
  );

  it('is answered even when it cannot be recorded', async () => {
    const { service, front, audit } = fakeService();
    audit.failing = true;
    expect(metadataCode(readResponse(await service.shed('queue_full', front)))).toBe('overloaded');
  });
});

describe('a graph that is let through', () => {
  const remembering = (): Snapshot => {
    const snapshot = makeSnapshot();
    const policies = [...snapshot.policies].map(([name, policy]): [string, Policy] => [
      name,
      policy.kind === 'signed' ? { ...policy, remembersExecution: true } : policy,
    ]);
    return { ...snapshot, policies: new Map(policies) };
  };

  it('is known by tenant, execution and attestation before it is answered', async () => {
    const remember = jest.fn<ExecutionStore['remember']>().mockResolvedValue();
    const { check } = fakeService({ snapshot: remembering(), remember });
    expect((await check(telemetryParts())).grpcCode).toBe(0);
    const pair = { tenant: TENANT, execution: EXECUTION, attestation: ATTESTATION };
    expect(remember.mock.calls).toEqual([[pair, NOW_MS]]);
    expect(metadataCode(await check(telemetryParts()))).toBe('replayed_nonce');
    expect(remember).toHaveBeenCalledTimes(1);
  });

  it('is refused with 503 execution_store_unavailable when it cannot be kept, and may come again', async () => {
    const remember = jest.fn<ExecutionStore['remember']>().mockRejectedValueOnce(new Error('secret path'));
    remember.mockResolvedValue();
    const { check, store, audit } = fakeService({ snapshot: remembering(), remember });
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'execution_store_unavailable']);
    expect(audit.last()).toMatchObject({ code: 'execution_store_unavailable' });
    expect([store.withdrawals, store.holders.size]).toEqual([1, 0]);
    expect((await check(telemetryParts())).grpcCode).toBe(0);
  });
});

// Fault: copies
describe('a copy of a request that is not answered yet', () => {
  it('is told of no claim that is then taken back, whatever it is taken back for', async () => {
    for (const fault of ['audit', 'deadline', 'cancelled'] as const) {
      const { check, audit, time, store } = fakeService();
      const parts = telemetryParts();
      const writing = gate();
      audit.before = writing.opened;
      let hasGone = false;
      const first = check(parts, { cancelled: () => hasGone });
      const copy = check(parts, { deadlineMs: time.monotonicMs + 60_000 });
      await nextTurn();
      if (fault === 'audit') audit.failing = true;
      if (fault === 'deadline') time.monotonicMs += 1_000;
      if (fault === 'cancelled') hasGone = true;
      writing.open();
      const refused = await first;
      audit.failing = false;
      expect([fault, refused.httpStatus]).toEqual([fault, 503]);
      if (fault === 'audit') expect((await copy).httpStatus).toBe(503);
      else expect((await copy).grpcCode).toBe(0);
      expect(store.withdrawals).toBe(fault === 'audit' ? 2 : 1);
    }
  });

  it('takes its place as soon as its caller has gone, though its record is still being written', async () => {
    const { check, audit, store } = fakeService();
    const parts = telemetryParts();
    const writing = gate();
    audit.before = writing.opened;
    let hasGone = false;
    const first = check(parts, { cancelled: () => hasGone });
    await nextTurn();
    expect(store.holders.size).toBe(1);
    hasGone = true;
    audit.before = undefined;
    expect((await check(parts)).grpcCode).toBe(0);
    writing.open();
    expect(metadataCode(await first)).toBe('deadline_spent');
    expect([store.withdrawals, store.holders.size, store.settled.size]).toEqual([1, 1, 1]);
    expect(metadataCode(await check(parts))).toBe('replayed_nonce');
  });

  it('is told 503 when its own deadline is spent before the first one is answered', async () => {
    const { check, audit, time } = fakeService();
    const parts = telemetryParts();
    const writing = gate();
    audit.before = writing.opened;
    const first = check(parts, { deadlineMs: time.monotonicMs + 60_000 });
    await nextTurn();
    const copy = check(parts, { deadlineMs: time.monotonicMs + 50 });
    await nextTurn();
    time.monotonicMs += 50;
    audit.before = undefined;
    const answer = await copy;
    expect([answer.httpStatus, metadataCode(answer)]).toEqual([503, 'deadline_spent']);
    writing.open();
    expect((await first).grpcCode).toBe(0);
  });
});

// Fault: process-defect
describe('a defect after the claim', () => {
  it('gives the nonce back with its 503', async () => {
    const { check, store, defects } = fakeService();
    const parts = telemetryParts();
    // Asked once more whether the caller waits, right after the claim, where nothing may throw.
    const broken = { cancelled: () => (store.holders.size > 0 ? thrown() : false) };
    const response = await check(parts, broken);
    expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'internal_error']);
    expect([store.withdrawals, store.holders.size, defects.length]).toEqual([1, 0, 1]);
    expect((await check(parts)).grpcCode).toBe(0);
  });
});

function thrown(): never {
  throw new Error('a defect');
}

// Fault: audit-disk-full
describe('an audit log that fails', () => {
  it('turns an allow into 503 and gives the nonce back', async () => {
    const { check, audit, store, registry } = fakeService();
    audit.failing = true;
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'audit_unavailable']);
    expect([store.withdrawals, store.holders.size]).toEqual([1, 0]);
    audit.failing = false;
    expect((await check(telemetryParts())).grpcCode).toBe(0);
    const metrics = await registry.metrics();
    expect(metrics).toContain('countersign_audit_records_lost_total 1');
    expect(metrics).toContain(
      'countersign_decisions_total{policy="federation.telemetry",code="audit_unavailable"} 1',
    );
  });

  it('in one of its two places turns an allow into 503, and what the other one says is corrected', async () => {
    const { check, audit, store, registry } = fakeService();
    const append = audit.append.bind(audit);
    audit.append = (line) => append(line).then(() => 'partly');
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response), store.withdrawals]).toEqual([
      503,
      'audit_unavailable',
      1,
    ]);
    const codes = audit.lines.map((line) => (JSON.parse(line) as { code: string }).code);
    expect(codes).toEqual(['allow', 'audit_unavailable']);
    expect(await registry.metrics()).toContain('countersign_audit_records_lost_total 1');
  });

  it('in one of its two places lets traffic pass where the operator wants that, counted', async () => {
    const { check, audit, registry } = fakeService({ auditOnFailure: 'count' });
    const append = audit.append.bind(audit);
    audit.append = (line) => append(line).then(() => 'partly');
    expect((await check(telemetryParts())).grpcCode).toBe(0);
    expect(audit.lines).toHaveLength(1);
    expect(await registry.metrics()).toContain('countersign_audit_records_lost_total 1');
  });

  it('refuses a pass-through too', async () => {
    const { check, audit } = fakeService();
    audit.failing = true;
    const response = await check({ ...telemetryParts(), method: 'GET', path: '/public/x' });
    expect(metadataCode(response)).toBe('audit_unavailable');
  });

  it('lets traffic pass and counts every loss where the operator wants that', async () => {
    const { check, audit, store, registry } = fakeService({ auditOnFailure: 'count' });
    audit.failing = true;
    expect((await check(telemetryParts())).grpcCode).toBe(0);
    expect(metadataCode(await check(telemetryParts()))).toBe('replayed_nonce');
    expect(store.withdrawals).toBe(0);
    expect(await registry.metrics()).toContain('countersign_audit_records_lost_total 2');
  });

  it('leaves a refusal what it is', async () => {
    const { check, audit } = fakeService();
    audit.failing = true;
    const response = await check({ ...telemetryParts(), peerCertificate: 'missing' });
    expect([response.httpStatus, metadataCode(response)]).toEqual([401, 'certificate_missing']);
  });

  it('is answered explicitly even when the claim cannot be withdrawn', async () => {
    const { check, audit, defects } = fakeService({
      claimNonce: () => ({
        kind: 'claimed',
        settle: () => undefined,
        withdraw: () => Promise.reject(new Error('gone')),
      }),
    });
    audit.failing = true;
    const response = await check(telemetryParts());
    expect([response.httpStatus, metadataCode(response)]).toEqual([503, 'internal_error']);
    expect(defects).toHaveLength(1);
  });
});
