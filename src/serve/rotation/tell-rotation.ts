/** Tells log and audit log what happens to feedback keys on schedule. */
import type { Logger } from 'pino';
import type { LifeEvent, LifeMembers } from '../../audit/life-record.js';
import type { LifeRecords } from '../life-records.js';
import type { RotationEvent } from './rotation-status.js';

/** The sentence for each kind. */
const SENTENCES = {
  announced: 'a new feedback key is published, and signs from its time on',
  rotated: 'another feedback key signs from now on',
  retired: 'a feedback key was retired: its private half is gone',
  failed:
    'the feedback keys of a signing domain cannot be rotated; the key that signs goes on, and it is tried again',
  recovered: 'the feedback keys of a signing domain are rotated again',
} as const;

const EVENTS: Readonly<Record<RotationEvent['kind'], LifeEvent>> = {
  announced: 'feedback_key.announced',
  rotated: 'feedback_key.rotated',
  retired: 'feedback_key.retired',
  failed: 'feedback_key.rotation_failed',
  recovered: 'feedback_key.rotation_recovered',
};

/** For the log. */
export function logRotation(event: RotationEvent, logger: Pick<Logger, 'info' | 'error'>): void {
  logger[event.kind === 'failed' ? 'error' : 'info'](membersOf(event), SENTENCES[event.kind]);
}

/** For the audit log. */
export function recordRotation(event: RotationEvent, life: Pick<LifeRecords, 'keyRotation'>): void {
  life.keyRotation(EVENTS[event.kind], membersOf(event));
}

function membersOf(event: RotationEvent): LifeMembers {
  const tenant = event.tenant ?? 'default';
  if (event.kind === 'failed') return { tenant, reason: event.reason };
  if (event.kind === 'recovered') return { tenant };
  if (event.kind !== 'announced') return { tenant, kid: event.kid };
  const { kid, notBeforeMs, fingerprint } = event;
  return { tenant, kid, key_sha256: fingerprint, not_before: new Date(notBeforeMs).toISOString() };
}
