/** What a reload cannot change, because something was opened with it. */
import { widestWindow } from '../verify/checks/freshness.js';
import type { Freshness } from '../verify/snapshot.js';
import type { FeedbackSettings } from '../feedback/feedback-settings.js';
import { isSameData } from './secrets.js';
import type { Configuration, LimitSettings, ServerSettings } from './settings.js';

/** Sections that are read anew whenever they are needed. */
const LIVE_SECTIONS: ReadonlySet<string> = new Set<keyof ServerSettings>(['log', 'envoy']);
/** Of `limits`, what is only read at the stop. */
const LIVE_LIMITS: ReadonlySet<string> = new Set<keyof LimitSettings>([
  'drainMilliseconds',
  'drainDelayMilliseconds',
]);

/**
 * The places in the file whose values differ from those that the process was started with and stay as they are
 * until it is started again; empty when the new configuration can take over whole. Every section that is not
 * known to be live needs a restart, so that a new one is never taken over by half.
 */
export function settingsThatNeedRestart(started: Configuration, next: Configuration): readonly string[] {
  return [
    ...changedSections(started.settings, next.settings),
    ...changedLimits(started.settings.limits, next.settings.limits),
    ...widerWindow(widestWindow(started.snapshot), widestWindow(next.snapshot)),
    ...changedFeedback(started.snapshot.feedback, next.snapshot.feedback),
  ];
}

function changedSections(started: ServerSettings, next: ServerSettings): string[] {
  return differing(started, next).filter((section) => section !== 'limits' && !LIVE_SECTIONS.has(section));
}

function changedLimits(started: LimitSettings, next: LimitSettings): string[] {
  return differing(started, next)
    .filter((limit) => !LIVE_LIMITS.has(limit))
    .map((limit) => `limits.${limit}`);
}

/**
 * The nonce store keeps every nonce for the widest window of its start, and judges every claim by it (docs/security-requirements.md#14, #17):
 * a wider one would look accepted here and be refused there, and a store that believed it would take a nonce twice
 * that it has forgotten. Narrower ones are kept for longer than they need.
 */
function widerWindow(started: Freshness, next: Freshness): string[] {
  const names = ['pastSkewSeconds', 'futureSkewSeconds'] as const;
  return names.filter((name) => next[name] > started[name]).map((name) => `freshness.${name}`);
}

/** The store of executions is opened where anything is signed at the start, and messages are bounded by the answers. */
function changedFeedback(
  started: FeedbackSettings | undefined,
  next: FeedbackSettings | undefined,
): string[] {
  if (next === undefined) return [];
  if (started === undefined) return ['feedback'];
  const { maxPerTenant, retentionSeconds } = next.executions;
  return [
    ...(maxPerTenant === started.executions.maxPerTenant ? [] : ['feedback.executions.maxPerTenant']),
    ...(retentionSeconds === started.executions.retentionSeconds
      ? []
      : ['feedback.executions.retentionSeconds']),
    ...(next.maxAnswerBytes <= started.maxAnswerBytes ? [] : ['feedback.maxAnswerBytes']),
  ];
}

function differing(started: object, next: object): string[] {
  const [before, after] = [new Map(Object.entries(started)), new Map(Object.entries(next))];
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => !isSameData(before.get(key), after.get(key)));
}
