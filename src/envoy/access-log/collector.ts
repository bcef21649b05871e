/**
 * What is done with entries: allows that are over are told to whoever keeps the claims, and all of it is recorded and counted.
 * Whose decision an entry belongs to, the verifier's own metadata says and nothing else: no header, path or request id
 * that a client wrote joins anything.
 */
import { accessLogGapLine, accessLogOpenedLine, type GapRecordInput } from '../../audit/delivery-record.js';
import type { AuditLog } from '../../audit/audit-log.js';
import type { AccessLogMetrics } from '../../observability/access-log-metrics.js';
import { AllowsAwaited } from './allows-awaited.js';
import {
  judgeDelivery,
  outcomeOf,
  type Delivery,
  type DeliveryOutcome,
  type OnDeliveries,
} from './delivery.js';
import type { ConnectionEntry, HttpEntry } from './entry.js';
import { deliveryRecord, refusalRecord, tlsFailureRecord } from './entry-records.js';
import type { AccessLogMessage } from './read-message.js';
import { RecordQueue } from './record-queue.js';
import { tlsFailureOf } from './tls-failure.js';

/** Envoy opens a stream with its first entry only: so long after a start, or after the last stream has ended, one may yet come. */
const TELLS_WITHIN_MS = 10_000;

/** What the verifier says of requests that went on to the upstream. */
const LET_THROUGH: ReadonlySet<string | undefined> = new Set(['allow', 'pass_through']);

/** Everything the collector works with; all of it is passed in. */
interface CollectorOptions {
  readonly audit: Pick<AuditLog, 'append'>;
  readonly metrics: AccessLogMetrics;
  /** A record could not be written. */
  readonly onRecordLost: () => void;
  readonly onDeliveries: OnDeliveries;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  /** Every allow is made by this process, so that it can tell which of them were never accounted for. */
  readonly isAlone: boolean;
}

/** For `/status`. */
export interface AccessLogStatus {
  readonly streams: number;
  readonly requests: number;
  readonly connections: number;
  readonly deliveries: Readonly<Record<DeliveryOutcome, number>>;
  readonly last_entry_at: string | undefined;
  readonly allows_without_delivery: number;
}

export class AccessLogCollector {
  readonly #options: CollectorOptions;
  readonly #records: RecordQueue;
  readonly #awaited: AllowsAwaited;
  readonly #counts = { requests: 0, connections: 0 };
  readonly #outcomes = { delivered: 0, undelivered: 0, unknown: 0 };
  #open = 0;
  #opened = 0;
  #lastEntryMs: number | undefined;
  /** Monotonic. */
  #silentSinceMs: number;

  constructor(options: CollectorOptions) {
    const { audit, metrics, onRecordLost, nowMs } = options;
    this.#options = options;
    this.#silentSinceMs = options.monotonicMs();
    this.#records = new RecordQueue(audit, onRecordLost);
    this.#awaited = new AllowsAwaited(nowMs());
    metrics.follow({
      streams: () => this.#open,
      overdue: () => (this.#opened > 0 ? this.#awaited.overdue(nowMs()) : 0),
    });
  }

  /** Whether Envoy tells us anything at present, or may well be about to: a copy of an allow is worth waiting with only then. */
  get isTold(): boolean {
    return this.#open > 0 || this.#options.monotonicMs() - this.#silentSinceMs < TELLS_WITHIN_MS;
  }

  /** The verifier has let a request through. */
  allowed(nowMs: number): void {
    this.#awaited.allowed(nowMs);
  }

  /** A stream of entries has begun. Gives its number in this process. */
  opened(logName: string): number {
    this.#open++;
    this.#opened++;
    this.#records.add(accessLogOpenedLine(this.#options.nowMs(), this.#opened, logName));
    return this.#opened;
  }

  /** It has ended, for whatever reason: what Envoy had not sent by then is lost, and it does not say how much that was. */
  ended(stream: number, logName: string, entries: number): void {
    this.#open--;
    this.#silentSinceMs = this.#options.monotonicMs();
    this.#gap({ reason: 'stream_ended', stream, logName, entries });
  }

  /** A message was not read, as too much else was to be done. */
  overloaded(): void {
    this.#gap({ reason: 'overloaded', leftOut: 1 });
  }

  /** Takes the entries of one message. */
  take({ requests, connections, malformed }: AccessLogMessage, logName: string): void {
    const { metrics, onDeliveries, nowMs } = this.#options;
    const now = nowMs();
    this.#lastEntryMs = now;
    this.#counts.requests += requests.length;
    this.#counts.connections += connections.length;
    metrics.entries('requests', requests.length);
    metrics.entries('connections', connections.length);
    metrics.entries('malformed', malformed);
    const deliveries: Delivery[] = [];
    for (const entry of requests) this.#request(entry, { logName, now, deliveries });
    for (const entry of connections) this.#connection(entry, now);
    if (malformed > 0) this.#gap({ reason: 'malformed', leftOut: malformed });
    if (deliveries.length > 0) onDeliveries(deliveries);
  }

  /** Tells what was left out since the last time. Called by a timer, every few seconds. */
  look(): void {
    for (const [of, leftOut] of this.#records.leftOut()) this.#gap({ reason: 'over_rate', of, leftOut });
    const withoutRoom = this.#records.withoutRoom();
    if (withoutRoom > 0) this.#gap({ reason: 'not_recorded', leftOut: withoutRoom });
    if (!this.#options.isAlone || this.#opened === 0) return;
    const overdue = this.#awaited.newlyOverdue(this.#options.nowMs());
    if (overdue > 0) this.#gap({ reason: 'not_delivered', leftOut: overdue });
  }

  /** Gives what is left to the audit log, which is closed next. */
  close(): void {
    this.look();
    this.#records.flush();
  }

  status(): AccessLogStatus {
    const last = this.#lastEntryMs;
    return {
      streams: this.#open,
      ...this.#counts,
      deliveries: { ...this.#outcomes },
      last_entry_at: last === undefined ? undefined : new Date(last).toISOString(),
      allows_without_delivery: this.#opened > 0 ? this.#awaited.overdue(this.#options.nowMs()) : 0,
    };
  }

  #request(
    entry: HttpEntry,
    {
      logName,
      now,
      deliveries,
    }: { readonly logName: string; readonly now: number; readonly deliveries: Delivery[] },
  ): void {
    const { metrics } = this.#options;
    const decisionId = entry.decision?.get('decision_id');
    if (entry.decision === undefined || decisionId === undefined) {
      metrics.envoyRefusal();
      if (this.#records.admits('envoy.refused', now)) this.#records.add(refusalRecord(entry, now));
      return;
    }
    // The verifier's own refusals are recorded as it made them.
    if (!LET_THROUGH.has(entry.decision.get('code'))) return;
    const delivery = judgeDelivery(entry, logName);
    const outcome = delivery?.outcome ?? outcomeOf(entry, logName);
    this.#outcomes[outcome]++;
    metrics.delivery(outcome);
    this.#records.add(deliveryRecord(entry, { decisionId, outcome, nowMs: now }));
    if (delivery === undefined) return;
    deliveries.push(delivery);
    this.#awaited.ended(now, decidedMs(entry, now));
  }

  /** Of connections only failed handshakes are news. One from a pipe is Envoy's own question to itself. */
  #connection(entry: ConnectionEntry, now: number): void {
    const reason = tlsFailureOf(entry);
    if (reason === undefined || entry.peerAddress === undefined) return;
    this.#options.metrics.tlsFailure(reason);
    if (this.#records.admits('tls.failed', now)) this.#records.add(tlsFailureRecord(entry, reason, now));
  }

  #gap(gap: Omit<GapRecordInput, 'nowMs'>): void {
    this.#options.metrics.gap(gap.reason);
    this.#records.add(accessLogGapLine({ nowMs: this.#options.nowMs(), ...gap }));
  }
}

/** A check is made when the last byte of the client is here. */
function decidedMs({ startMs, receivedUs }: HttpEntry, nowMs: number): number {
  return (startMs ?? nowMs) + (receivedUs ?? 0) / 1000;
}
