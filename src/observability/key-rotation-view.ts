/** How feedback keys on schedule stand, for whoever watches: metrics, the facts of `/status`, the note of `/readyz`. */
import type { Registry } from 'prom-client';
import type { HealthComponent } from './health.js';
import { addCounter, addGauge } from './metric-kinds.js';

/** The rotation at a moment. */
export interface RotationShown {
  /** Of the signing domain that comes first, Unix milliseconds; in the past where it is overdue, Infinity without any domain. */
  readonly nextRotationMs: number;
  readonly domains: number;
  readonly failed: readonly { readonly tenant: string | undefined; readonly reason: string }[];
  readonly waitsFor: string | undefined;
  readonly directory: string;
}

/** What is looked at; `look` gives undefined where nothing is rotated. */
export interface KeyRotationLook {
  readonly look: () => RotationShown | undefined;
  /** Since the start. */
  readonly counts: { readonly rotations: number; readonly failures: number };
}

const NAME = 'countersign_feedback_key';

/** Without a rotation there is no metric. */
export function addKeyRotationMetrics(
  registry: Registry,
  { look, counts }: KeyRotationLook,
  nowMs: () => number,
): void {
  if (look() === undefined) return;
  addGauge(registry, {
    name: `${NAME}_next_rotation_seconds`,
    help: 'Until another feedback key signs, of the signing domain where it is next; negative where that is overdue.',
    aggregator: 'min',
    read: () => Math.min(look()?.nextRotationMs ?? 0, Number.MAX_SAFE_INTEGER) / 1000 - nowMs() / 1000,
  });
  for (const state of ['good', 'failed'] as const)
    addGauge(registry, {
      name: `${NAME}_rotation_${state}_domains`,
      help: `Signing domains whose rotation ${state === 'good' ? 'works' : 'does not: see the log, or /status'}.`,
      read: () => {
        const shown = look();
        const failed = shown?.failed.length ?? 0;
        return state === 'failed' ? failed : (shown?.domains ?? 0) - failed;
      },
    });
  addCounter(registry, {
    name: `${NAME}_rotations_total`,
    help: 'Feedback keys that began to sign in the place of others.',
    read: () => counts.rotations,
  });
  addCounter(registry, {
    name: `${NAME}_rotation_failures_total`,
    help: 'Rounds of a signing domain that could not be made.',
    read: () => counts.failures,
  });
}

/** Faults that are listed. */
const MOST_SHOWN = 20;

/** For `/status`. */
export function describeKeyRotation({
  look,
}: KeyRotationLook): Readonly<Record<string, unknown>> | undefined {
  const shown = look();
  if (shown === undefined) return undefined;
  const { directory, nextRotationMs, domains, failed, waitsFor } = shown;
  return {
    directory,
    domains,
    next_rotation: Number.isFinite(nextRotationMs) ? new Date(nextRotationMs).toISOString() : null,
    waits_for: waitsFor ?? null,
    failed_domains: failed.length,
    faults: failed
      .slice(0, MOST_SHOWN)
      .map(({ tenant, reason }) => ({ tenant: tenant ?? 'default', reason })),
  };
}

/** Never at fault: the key that signs goes on. */
export function keyRotationHealth({ look }: KeyRotationLook): HealthComponent {
  return { name: 'key_rotation', fault: () => undefined, note: () => noteOf(look()) };
}

function noteOf(shown: RotationShown | undefined): string | undefined {
  const [first] = shown?.failed ?? [];
  if (first !== undefined)
    return `the feedback keys of ${shown?.failed.length ?? 0} signing domains are not rotated: ${first.reason}`;
  return shown?.waitsFor === undefined ? undefined : `feedback keys are not rotated now: ${shown.waitsFor}`;
}
