/** How the log that proves itself stands, for whoever watches: metrics, the facts of `/status`, the note of `/readyz`. */
import type { Registry } from 'prom-client';
import type { SequencerStatus } from '../audit/log/sequencer.js';
import type { HealthComponent } from './health.js';
import { addHolderMetrics, describeHolders, holdersNote } from './audit-holders-view.js';
import { addCounter, addGauge } from './metric-kinds.js';

/** What is looked at: the log as it was told last, and the wall clock (Unix milliseconds). */
export interface AuditLogLook {
  readonly status: () => SequencerStatus;
  readonly nowMs: () => number;
}

/** Sealing comes once a second: what waits for longer than this deserves a look. */
const LATE_SECONDS = 10;

export function addAuditLogMetrics(registry: Registry, look: AuditLogLook): void {
  const { status, nowMs } = look;
  const gauge = (name: string, help: string, read: () => number): void =>
    addGauge(registry, { name: `countersign_audit_log_${name}`, help, read });
  gauge('size', 'Records that the last checkpoint covers.', () => status().size);
  gauge('checkpoint_age_seconds', 'Since the last checkpoint; none is made while nothing happens.', () =>
    secondsSince(status().checkpointAtMs, nowMs()),
  );
  gauge('unsealed_bytes', 'Appended, and not yet in the tree.', () => status().unsealedBytes);
  gauge('unsealed_seconds', 'For how long the oldest of these records has waited; 0 where none does.', () =>
    unsealedSeconds(look),
  );
  gauge('minimum_index', 'The lowest index whose record was not pruned.', () => status().minimumIndex);
  gauge('healthy', '1 while records can be sealed.', () => (status().fault === undefined ? 1 : 0));
  addCounter(registry, {
    name: 'countersign_audit_log_losses_total',
    help: 'Losses that are recorded in the log: bytes of a write-ahead file that are no records.',
    read: () => status().losses,
  });
  addHolderMetrics(registry, () => status().companions);
}

/** For `/status`. What runs beside the sequencer says so under its own name. */
export function describeAuditLog({ status, nowMs }: AuditLogLook): Readonly<Record<string, unknown>> {
  const { origin, size, minimumIndex, unsealedBytes, losses, fault, checkpointAtMs, companions } = status();
  return {
    origin,
    size,
    minimum_index: minimumIndex,
    checkpoint_at: new Date(checkpointAtMs).toISOString(),
    checkpoint_age_seconds: secondsSince(checkpointAtMs, nowMs()),
    unsealed_bytes: unsealedBytes,
    unsealed_seconds: unsealedSeconds({ status, nowMs }),
    losses,
    fault: fault ?? null,
    ...describeHolders(companions),
  };
}

/** Why somebody should look after the log; undefined while all is well. Records are safe meanwhile, and traffic goes on. */
export function auditLogNote(look: AuditLogLook): string | undefined {
  const { fault } = look.status();
  if (fault !== undefined) return `records are kept and cannot be sealed: ${fault}`;
  const seconds = unsealedSeconds(look);
  if (seconds >= LATE_SECONDS) return `records have waited ${Math.floor(seconds)} s to be sealed`;
  return holdersNote(look.status().companions);
}

/** Never at fault: a log that is sealed late turns nobody away. */
export function auditLogHealth(look: AuditLogLook): HealthComponent {
  return { name: 'audit_log', fault: () => undefined, note: () => auditLogNote(look) };
}

function unsealedSeconds({ status, nowMs }: AuditLogLook): number {
  const { unsealedSinceMs } = status();
  return unsealedSinceMs === undefined ? 0 : secondsSince(unsealedSinceMs, nowMs());
}

/** The wall clock may have been set back since. */
function secondsSince(thenMs: number, nowMs: number): number {
  return Math.max(0, nowMs - thenMs) / 1000;
}
