/** What a reload cannot change, because something was opened with it. */
import { widestWindow } from '../verify/checks/freshness.js';
import type { Freshness } from '../verify/snapshot.js';
import type { FeedbackSettings } from '../feedback/feedback-settings.js';
import { isSameData } from './secrets.js';
import type {
  Configuration,
  KeySettings,
  LimitSettings,
  ListenSettings,
  ServerSettings,
} from './settings.js';

/** Sections that are read anew whenever they are needed, and what is told apart below. */
const LIVE_SECTIONS: readonly (keyof ServerSettings)[] = [
  'log',
  'envoy',
  'limits',
  'listen',
  'keys',
  'keySets',
  'keyRotation',
];
/** Of `limits`, what is only read at the stop. */
const LIVE_LIMITS: readonly (keyof LimitSettings)[] = ['drainMilliseconds', 'drainDelayMilliseconds'];

/**
 * The places in the file whose values differ from those that the process was started with and stay as they are
 * until it is started again; empty when the new configuration can take over whole. Every section that is not
 * known to be live needs a restart, so that a new one is never taken over by half.
 */
export function settingsThatNeedRestart(started: Configuration, next: Configuration): readonly string[] {
  const [before, after] = [started.settings, next.settings];
  return [
    ...differing(before, after, LIVE_SECTIONS),
    ...changedListeners(before.listen, after.listen),
    ...changedFront(before, after),
    ...differing(before.limits, after.limits, LIVE_LIMITS).map((limit) => `limits.${limit}`),
    ...changedSources(before.keys, after.keys),
    ...widerWindow(widestWindow(started.snapshot), widestWindow(next.snapshot)),
    ...(isSameData(before.keyRotation, after.keyRotation) ? [] : ['keys.rotation']),
    ...changedFeedback(started.snapshot.feedback, next.snapshot.feedback),
  ];
}

/** Which Envoy asks by way of ext_proc decides what is taken from it (`envoy/ext-proc/verify/inbound.ts`). */
function changedFront(started: ServerSettings, next: ServerSettings): string[] {
  const isGuarded = ({ listen, envoy }: ServerSettings): boolean =>
    listen.extProcVerify && envoy?.front === 'ext_proc';
  return isGuarded(started) === isGuarded(next) ? [] : ['envoy.front'];
}

/** Secrets, certificates and names of clients are taken over; where it listens, and whether with TLS, is not. */
function changedListeners(started: ListenSettings, next: ListenSettings): string[] {
  const opened = ({ socketPath, extProcVerify, tcp }: ListenSettings): object => ({
    socket: socketPath,
    extProcVerify,
    tcp: tcp !== undefined,
    'tcp.host': tcp?.host,
    'tcp.port': tcp?.port,
    'tcp.tls': tcp?.tls !== undefined,
  });
  return differing(opened(started), opened(next), []).map((member) => `listen.${member}`);
}

/** Sources are opened at the start, each by its name; which of their keys sign, is taken over. */
function changedSources(started: KeySettings, next: KeySettings): string[] {
  const byName = ({ sources }: KeySettings): object =>
    Object.fromEntries(sources.map((source) => [source.name, source]));
  return differing(byName(started), byName(next), []).map((name) => `keys.sources.${name}`);
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
  const executions = differing(started.executions, next.executions, ['required']);
  return [
    ...executions.map((member) => `feedback.executions.${member}`),
    ...(next.maxAnswerBytes <= started.maxAnswerBytes ? [] : ['feedback.maxAnswerBytes']),
  ];
}

/** The members of one or the other whose values differ, besides those that may. */
function differing(started: object, next: object, live: readonly string[]): string[] {
  const [before, after] = [new Map(Object.entries(started)), new Map(Object.entries(next))];
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => !live.includes(key) && !isSameData(before.get(key), after.get(key)));
}
