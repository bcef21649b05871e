/** Which keys and pins somebody still has to look after: those in force or to come, and ended ones that nothing replaces. */
import { activeKeyOf, type SigningDomain } from '../feedback/feedback-settings.js';
import type { FeedbackKey } from '../feedback/feedback-key.js';
import type { CertificatePin, Identity, Snapshot, VerificationKey } from '../verify/snapshot.js';
import { isValidAt, type ValidityInterval } from '../protocol/validity-interval.js';

/** Of an identity, at a moment in Unix milliseconds; none when it is revoked. */
export function pinsToRenew({ pins, revoked }: Identity, nowMs: number): readonly CertificatePin[] {
  if (revoked) return [];
  const isReplaced = pins.some((pin) => isValidAt(pin, nowMs));
  return pins.filter((pin) => !isReplaced || nowMs < pin.notAfterMs);
}

/** The same of its keys: an ended one is replaced when for each of its purposes there is one in force. */
export function keysToRenew({ keys, revoked }: Identity, nowMs: number): readonly VerificationKey[] {
  if (revoked) return [];
  const served = new Set(
    keys.filter((key) => isValidAt(key, nowMs)).flatMap(({ purposes }) => [...purposes]),
  );
  const isReplaced = ({ purposes }: VerificationKey): boolean =>
    [...purposes].every((purpose) => served.has(purpose));
  return keys.filter((key) => nowMs < key.notAfterMs || !isReplaced(key));
}

/** The same of a signing domain: replaced when another key signs. */
export function feedbackKeysToRenew(domain: SigningDomain, nowMs: number): readonly FeedbackKey[] {
  const isReplaced = activeKeyOf(domain, nowMs) !== undefined;
  return domain.keys.filter((key) => !isReplaced || nowMs < key.notAfterMs);
}

/** By tenant; the domain of all others as `default`. */
export function feedbackDomains({ feedback }: Snapshot): [string, SigningDomain][] {
  return feedback === undefined ? [] : [['default', feedback.defaultDomain], ...feedback.tenantDomains];
}

/** When the next of these begins or ends after `nowMs`, until which nothing of the above changes; Infinity for never. */
export function nextChangeMs(intervals: readonly ValidityInterval[], nowMs: number): number {
  let next = Infinity;
  for (const { notBeforeMs, notAfterMs } of intervals)
    for (const ms of [notBeforeMs, notAfterMs]) if (ms > nowMs) next = Math.min(next, ms);
  return next;
}
