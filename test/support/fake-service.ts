/** A CheckService behind ext_authz, with every effect faked: clocks, store, audit log, certificates. */
import { LeafCertificate } from '../../src/crypto/authority.js';
import { Registry } from 'prom-client';
import type { Appended, AuditLog } from '../../src/audit/audit-log.js';
import { CheckService } from '../../src/envoy/check/check-service.js';
import type { CheckCall } from '../../src/envoy/check/call-deadline.js';
import type { ExecutionStore } from '../../src/executions/execution-store.js';
import { PeerCertificates } from '../../src/envoy/check/peer-certificates.js';
import { checkFront } from '../../src/envoy/ext-authz/check-front.js';
import { DecisionMetrics } from '../../src/observability/decision-metrics.js';
import type { Tracing } from '../../src/observability/tracing/tracing.js';
import { Admission } from '../../src/verify/admission.js';
import type { ClaimNonce } from '../../src/verify/effects.js';
import type { PeerCertificate } from '../../src/verify/inbound-request.js';
import { MemoryRateLimits } from '../../src/rate-limits/memory.js';
import { refuse } from '../../src/verify/refusal.js';
import type { Snapshot } from '../../src/verify/snapshot.js';
import { checkMessage, readResponse, type ReadResponse } from './check-messages.js';
import { makeSnapshot, NOW_MS, strictVerifier, type RequestParts } from './signed-request.js';

/** Reads `certificate:<sha256>:<spki>`; anything else is what it says it is: `missing` when empty, else malformed. */
class NamedCertificates extends PeerCertificates {
  override read(written: Buffer): PeerCertificate | 'missing' | 'malformed' {
    const [kind, certificateSha256 = '', spki = '', leaf = ''] = written.toString().split(':');
    if (written.length === 0) return 'missing';
    return kind === 'certificate'
      ? {
          certificateSha256,
          spkiSha256: spki === '' ? undefined : spki,
          ...(leaf !== '' && { leaf: new LeafCertificate(Buffer.from(leaf, 'hex')) }),
        }
      : 'malformed';
  }
}

function certificateText({ peerCertificate: peer }: RequestParts): string {
  if (peer === 'missing') return '';
  if (peer === 'malformed') return peer;
  const leaf = Buffer.from(peer.leaf?.der ?? []).toString('hex');
  return `certificate:${peer.certificateSha256}:${peer.spkiSha256 ?? ''}:${leaf}`;
}

/** Records in memory. `failing` rejects, `before` delays, and `stalled` waits for nobody and withdraws. */
export class FakeAudit implements AuditLog {
  readonly lines: string[] = [];
  failing = false;
  stalled = false;
  before: Promise<void> | undefined;

  async append(line: string): Promise<Appended> {
    if (this.before !== undefined) await this.before;
    if (this.failing) throw new Error('the disk is full');
    if (this.stalled) return 'withdrawn';
    this.lines.push(line);
    return 'written';
  }

  /** Kept over any fault, as the port says. */
  correct(line: string): void {
    this.lines.push(line);
  }

  reopen(): void {
    this.failing = false;
  }

  fault(): string | undefined {
    return this.failing ? 'the disk is full' : undefined;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The last record, parsed. */
  last(): Record<string, unknown> {
    return JSON.parse(this.lines.at(-1) ?? '{}') as Record<string, unknown>;
  }
}

/** A store in a Map that counts what is asked of it. */
export class FakeStore {
  readonly holders = new Map<string, string>();
  /** Request ids of claims that stand. */
  readonly settled = new Set<string>();
  claims = 0;
  withdrawals = 0;
  /** Runs before each claim is decided; may throw, wait or move the clock. */
  before: (() => void | Promise<void>) | undefined;
  /** Runs once a claim is written. */
  after: (() => void) | undefined;

  readonly claim: ClaimNonce = (plan, stillWanted) => {
    this.claims++;
    const decide = () => {
      if (!stillWanted()) return refuse('deadline_spent');
      const name = plan.key.toString('hex');
      const requestId = this.holders.get(name);
      if (requestId !== undefined)
        return { ...refuse('replayed_nonce'), first: { requestId, seenAtMs: NOW_MS } };
      this.holders.set(name, plan.requestId);
      this.after?.();
      const withdraw = (): void => {
        this.withdrawals++;
        this.holders.delete(name);
      };
      const settle = (): void => void this.settled.add(plan.requestId);
      return { kind: 'claimed', settle, withdraw } as const;
    };
    const waiting = this.before?.();
    return waiting === undefined ? decide() : waiting.then(decide);
  };
}

/** What a test may replace. */
export interface FakeServiceOptions {
  readonly snapshot?: Snapshot | (() => Snapshot);
  readonly auditOnFailure?: 'refuse' | 'count';
  readonly maxConcurrentChecks?: number;
  readonly claimNonce?: ClaimNonce;
  readonly tracing?: Tracing;
  readonly afterStall?: () => Promise<void> | undefined;
  readonly remember?: ExecutionStore['remember'];
}

export type FakeService = ReturnType<typeof fakeService>;

/** The service, its fakes and a way to ask it. The monotonic clock stands still until a test moves it. */
export function fakeService(options: FakeServiceOptions = {}) {
  const { snapshot = makeSnapshot(), auditOnFailure = 'refuse', maxConcurrentChecks = 100 } = options;
  const audit = new FakeAudit();
  const store = new FakeStore();
  const registry = new Registry();
  const certificates = new NamedCertificates();
  certificates.close();
  const time = { nowMs: NOW_MS, monotonicMs: 1_000 };
  const defects: unknown[] = [];
  const service = new CheckService({
    onAllowed: () => undefined,
    snapshot: typeof snapshot === 'function' ? snapshot : () => snapshot,
    verifier: strictVerifier,
    admission: new Admission({
      rateLimits: new MemoryRateLimits(),
      claimNonce: options.claimNonce ?? store.claim,
    }),
    executions: { remember: options.remember ?? (() => Promise.resolve()) },
    audit,
    auditOnFailure,
    metrics: new DecisionMetrics(registry),
    clock: { nowMs: () => time.nowMs, monotonicMs: () => time.monotonicMs },
    maxConcurrentChecks,
    claimMarginMilliseconds: 20,
    onDefect: (error) => void defects.push(error),
    ...(options.tracing && { tracing: options.tracing }),
    afterStall: options.afterStall ?? (() => undefined),
  });
  const front = checkFront(certificates, ['traceparent']);
  const callNow = (change: Partial<CheckCall> = {}): CheckCall => ({
    cancelled: () => false,
    deadlineMs: time.monotonicMs + 200,
    ...change,
  });
  const send = async (message: Uint8Array, change: Partial<CheckCall> = {}): Promise<ReadResponse> =>
    readResponse(await service.check(Buffer.from(message), callNow(change), front));
  const check = (parts: RequestParts, change: Partial<CheckCall> = {}): Promise<ReadResponse> =>
    send(checkMessage(parts, certificateText(parts)), change);
  return { service, front, certificates, audit, store, registry, time, defects, send, check };
}

/** The code in Envoy's dynamic metadata. */
export function metadataCode(response: ReadResponse): string | undefined {
  return response.metadata['code'];
}
