/**
 * A list of scheduled keys that a clock which was ahead has written, as it is to be where the present clock is right. Which
 * of the two clocks was wrong nobody but an operator can know. No key that has ended comes back. Pure.
 */
import { keyStates } from '../../feedback/rotation.js';
import { latestOf } from '../../protocol/validity-interval.js';
import type { Manifest, ManifestKey } from './manifest.js';
import { CLOCK_TOLERANCE_MILLISECONDS } from './round.js';

/** The list, and what of it is another. */
export interface SetBack {
  readonly manifest: Manifest;
  /** They would begin in the future: nobody has an answer of theirs. */
  readonly removed: readonly ManifestKey[];
  /** It was to end as one of those began, and goes on now. Where none of those is, its end is somebody's own. */
  readonly reopened: ManifestKey | undefined;
  /** What signs at the present moment; undefined where a new key signs at once. */
  readonly signs: ManifestKey | undefined;
}

/** Undefined for a list that is not ahead. Keys that have ended by the present clock stay ended, for the next round to retire. */
export function setBack({ writtenMs, keys }: Manifest, nowMs: number): SetBack | undefined {
  if (writtenMs - CLOCK_TOLERANCE_MILLISECONDS <= nowMs) return undefined;
  const removed = keys.filter(({ notBeforeMs }) => nowMs < notBeforeMs);
  const left = keys.filter((key) => !removed.includes(key));
  const last = latestOf(left.filter(({ notAfterMs }) => nowMs < notAfterMs));
  const hadSuccessor = removed.length > 0 && last !== undefined && Number.isFinite(last.notAfterMs);
  const reopened = hadSuccessor ? last : undefined;
  const kept = left.map((key) => (key === reopened ? { ...key, notAfterMs: Number.POSITIVE_INFINITY } : key));
  return {
    manifest: { writtenMs: nowMs, keys: kept },
    removed,
    reopened,
    signs: keyStates(kept, nowMs).signs,
  };
}
