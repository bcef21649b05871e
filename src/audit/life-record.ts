/**
 * Records of what a verifier lived through: its start and stop, reloads, keys, pins, names and authorities that came or went, faults of its
 * stores. They go into the audit log alone; docs/operations.md#events-of-the-verifier lists the members.
 */
import { escapeControls } from '../json/escape-text.js';

/** The names of the events. */
export type LifeEvent =
  | 'verifier.started'
  | 'verifier.stopped'
  | 'configuration.reloaded'
  | 'configuration.refused'
  | `${'key' | 'feedback_key' | 'certificate' | 'certificate_name' | 'authority'}.${'added' | 'removed' | 'changed'}`
  | `feedback_key.${'announced' | 'rotated' | 'retired' | 'rotation_failed' | 'rotation_recovered'}`
  | 'store.fault'
  | 'store.recovered'
  | 'clock.stepped'
  | 'report_only.began'
  | 'report_only.ended'
  | 'feedback_key.delegated'
  | 'delegation.failed'
  | `key_set.${'away' | 'stale' | 'returned'}`
  | `key_source.${'fault' | 'recovered'}`;

/** Members of a record; what is undefined is left out. */
export type LifeMembers = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Texts and lists of a record are cut here: a record may have 65,535 bytes, and six of them may stand for one character. */
const MAX_CHARACTERS = 400;
const MAX_TEXTS = 20;

/** The line, newline included. `nowMs`: wall clock, Unix milliseconds. */
export function lifeRecordLine(nowMs: number, event: LifeEvent, members: LifeMembers): string {
  const bounded = Object.entries(members).map(([name, value]) => [name, boundedValue(value)]);
  const record = { time: new Date(nowMs).toISOString(), event, ...Object.fromEntries(bounded) } as object;
  return `${escapeControls(JSON.stringify(record))}\n`;
}

function boundedValue(value: LifeMembers[string]): LifeMembers[string] {
  if (typeof value === 'string') return cut(value);
  if (typeof value !== 'object') return value;
  const more = value.length - MAX_TEXTS;
  return [...value.slice(0, MAX_TEXTS).map(cut), ...(more > 0 ? [`… and ${more} more`] : [])];
}

function cut(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}
