/**
 * Which feedback keys there should be at a moment, under a schedule. Pure: nothing is made, written or removed here. A key
 * is announced (published) before it signs, signs until the next one does, verifies until the overlap is over, and is
 * retired then (docs/security-requirements.md#5).
 */
import { isValidAt, latestOf, type ValidityInterval } from '../protocol/validity-interval.js';

/** `keys.rotation`, in milliseconds; `announceMs + overlapMs < everyMs`, all of them whole seconds. */
export interface RotationSchedule {
  /** From one key's first signature to the next one's. */
  readonly everyMs: number;
  /** How long a key is published before it signs: longer than consumers keep a keyring. */
  readonly announceMs: number;
  /** How long a key verifies after another one signs: longer than an answer is good for. */
  readonly overlapMs: number;
}

/** A key, as far as its time goes. */
export interface ScheduledKey extends ValidityInterval {
  readonly kid: string;
}

/** What the keys of one signing domain are for at a moment; each is in one place. */
export interface KeyStates<Key> {
  /** As `activeKeyOf` takes it: of those that are valid the one with the latest `notBefore`, and of those the last. */
  readonly signs: Key | undefined;
  /** Published, and not signing yet. */
  readonly announced: readonly Key[];
  /** Published still, as answers that they signed may be on their way. */
  readonly verifies: readonly Key[];
  /** Published no more. */
  readonly retired: readonly Key[];
}

/** What the keys are for at a moment, in Unix milliseconds. */
export function keyStates<Key extends ValidityInterval>(keys: readonly Key[], nowMs: number): KeyStates<Key> {
  const valid = keys.filter((key) => isValidAt(key, nowMs));
  const signs = latestOf(valid);
  const retired = keys.filter(({ notAfterMs }) => notAfterMs <= nowMs);
  return {
    signs,
    announced: keys.filter((key) => nowMs < key.notBeforeMs && !retired.includes(key)),
    verifies: valid.filter((key) => key !== signs),
    retired,
  };
}

/** When a new key begins to sign, and when those before it end, in Unix milliseconds. */
export interface Succession {
  readonly notBeforeMs: number;
  /** Of every key before it that has no earlier end. */
  readonly formerNotAfterMs: number;
}

/** Of a key that is announced now: it signs as soon as its announcement is over, and not before `dueMs`. Whole seconds, as a JWK says them. */
export function succession(
  { announceMs, overlapMs }: Pick<RotationSchedule, 'announceMs' | 'overlapMs'>,
  nowMs: number,
  dueMs = nowMs,
): Succession {
  const notBeforeMs = wholeSecondsUp(Math.max(dueMs, nowMs + announceMs));
  return { notBeforeMs, formerNotAfterMs: notBeforeMs + overlapMs };
}

/** The next whole second, as keys and configurations write moments. */
export function wholeSecondsUp(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000) * 1_000;
}

/** The keys of one signing domain. */
export interface DomainKeys<Key extends ScheduledKey> {
  /** Of the file: the schedule neither ends nor removes them. */
  readonly fixed: readonly ValidityInterval[];
  /** That the schedule made, and ends; the last one has no end. */
  readonly rotated: readonly Key[];
}

/** What is to be done at a moment, and when to look again. */
export interface RotationPlan<Key> {
  /** A key to be made and published now. Undefined where none is due. */
  readonly announces: Pick<Succession, 'notBeforeMs'> | undefined;
  /** Keys that get an end now, as the announced one has a first moment. */
  readonly ended: readonly { readonly key: Key; readonly notAfterMs: number }[];
  /** Their overlap is over: the private halves go. */
  readonly retires: readonly Key[];
  /** When another key begins to sign, in Unix milliseconds; in the past where that is overdue. */
  readonly nextRotationMs: number;
  /** When something changes again, in Unix milliseconds. */
  readonly nextMs: number;
}

/**
 * The plan. A rotation that was missed is begun now, with its whole announcement: the key that signs goes on until then,
 * so nobody gets an answer under a key of which nobody has heard. A domain without any key begins at once. What was
 * announced stays as it was announced, whatever the schedule says since.
 */
export function planRotation<Key extends ScheduledKey>(
  { fixed, rotated }: DomainKeys<Key>,
  schedule: RotationSchedule,
  nowMs: number,
): RotationPlan<Key> {
  const retires = rotated.filter(({ notAfterMs }) => notAfterMs <= nowMs);
  const kept = rotated.filter((key) => !retires.includes(key));
  const usable = [...fixed.filter(({ notAfterMs }) => nowMs < notAfterMs), ...kept];
  const latest = latestOf(usable);
  const isPending = latest !== undefined && nowMs < latest.notBeforeMs;
  const dueMs = latest === undefined ? nowMs : dueAfter(latest, schedule, nowMs);
  const made = nowMs < dueMs - schedule.announceMs ? undefined : nextKey(latest, schedule, { nowMs, dueMs });
  const ended = made === undefined ? [] : endedBy(made, kept);
  const newest = made && { notBeforeMs: made.notBeforeMs, notAfterMs: Number.POSITIVE_INFINITY };
  const following = newest === undefined ? dueMs : dueAfter(newest, schedule, nowMs);
  const moments = [
    ...(newest === undefined ? usable : [...usable, newest]).map(({ notBeforeMs }) => notBeforeMs),
    ...kept.map(({ notAfterMs }) => notAfterMs),
    ...ended.map(({ notAfterMs }) => notAfterMs),
    following - schedule.announceMs,
  ];
  return {
    announces: made && { notBeforeMs: made.notBeforeMs },
    ended,
    retires,
    nextRotationMs: rotationAfter(nowMs, isPending ? latest.notBeforeMs : made?.notBeforeMs, following),
    nextMs: Math.min(...moments.filter((moment) => nowMs < moment)),
  };
}

/** A first key signs already: what is next then is its successor. */
function rotationAfter(nowMs: number, announcedMs: number | undefined, followingMs: number): number {
  return announcedMs !== undefined && nowMs < announcedMs ? announcedMs : followingMs;
}

/** When the next key is to sign: after `everyMs`, and in time before the end of the one that signs. */
function dueAfter(
  { notBeforeMs, notAfterMs }: ValidityInterval,
  schedule: RotationSchedule,
  nowMs: number,
): number {
  const dueMs = Math.min(notBeforeMs + schedule.everyMs, notAfterMs - schedule.overlapMs);
  return Number.isFinite(dueMs) ? dueMs : nowMs;
}

/** With nobody before it, there is nobody to whom it would have to be announced. */
function nextKey(
  latest: ValidityInterval | undefined,
  schedule: RotationSchedule,
  { nowMs, dueMs }: { readonly nowMs: number; readonly dueMs: number },
): Succession {
  if (latest !== undefined) return succession(schedule, nowMs, dueMs);
  const notBeforeMs = Math.floor(nowMs / 1_000) * 1_000;
  return { notBeforeMs, formerNotAfterMs: notBeforeMs + schedule.overlapMs };
}

function endedBy<Key extends ScheduledKey>(
  { formerNotAfterMs }: Succession,
  keys: readonly Key[],
): RotationPlan<Key>['ended'] {
  return keys
    .filter(({ notAfterMs }) => formerNotAfterMs < notAfterMs)
    .map((key) => ({ key, notAfterMs: formerNotAfterMs }));
}
