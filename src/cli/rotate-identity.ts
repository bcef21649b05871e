/** What `rotate-key` and `rotate-pin` share: one identity gets a new key or pin, and its earlier ones an end. */
import type { YamlEdit } from '../config/edit/edit-yaml.js';
import type { NewItem } from '../config/edit/scalar-text.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';
import type { Identity } from '../verify/snapshot.js';
import { CliFault, ExitCode } from './command.js';
import type { OpenConfiguration } from './edit-configuration.js';
import { endedBy, refuseGap, type DatedEntry, type EndedEntry } from './rotation-plan.js';
import { isoTime } from './text.js';

/** An identity, and where it is in the file. */
export interface PlacedIdentity {
  readonly identity: Identity;
  readonly at: readonly (string | number)[];
}

/** The identity of this name. */
export function identityNamed(
  { data, configuration, file }: OpenConfiguration,
  name: string,
): PlacedIdentity {
  const identity = configuration.snapshot.identities.get(name);
  const { identities } = data as { readonly identities: readonly { readonly name: string }[] };
  const index = identities.findIndex((one) => one.name === name);
  if (identity !== undefined && index >= 0) return { identity, at: ['identities', index] };
  throw new CliFault(`${file} has no identity ${name}`, 'name one of `identities`', ExitCode.refused);
}

/** A new entry of a list of an identity. */
export interface NewEntry extends ValidityInterval {
  readonly list: 'keys' | 'certificates';
  readonly item: NewItem;
}

/** The edits, and the earlier entries that end. */
export interface Succession {
  readonly edits: readonly YamlEdit[];
  readonly ended: readonly EndedEntry[];
}

/**
 * Adds the entry, and ends those of `earlier` that it takes the place of, `overlapMs` from now. Throws where there would be
 * a moment without any.
 */
export function succeed(
  { at }: PlacedIdentity,
  entry: NewEntry,
  {
    earlier,
    nowMs,
    overlapMs,
  }: { readonly earlier: readonly DatedEntry[]; readonly nowMs: number; readonly overlapMs: number },
): Succession {
  const endMs = Math.ceil((nowMs + overlapMs) / 1_000) * 1_000;
  const handover = { beginMs: entry.notBeforeMs, endMs };
  if (entry.notAfterMs <= nowMs)
    throw new CliFault('what is to be added has ended already', 'give one that is valid', ExitCode.refused);
  refuseGap(earlier, handover, nowMs);
  const ended = endedBy(earlier, handover, nowMs);
  return {
    ended,
    edits: [
      ...ended.map(({ index, notAfterMs }) => endEdit([...at, entry.list, index], notAfterMs)),
      { kind: 'append', at, name: entry.list, items: [entry.item] },
    ],
  };
}

/** Ends the entry at a place. */
export function endEdit(at: readonly (string | number)[], notAfterMs: number): YamlEdit {
  return { kind: 'set', at, name: 'notAfter', value: isoTime(notAfterMs) };
}

/** One sentence for each entry that ends. */
export function endedLines(ended: readonly EndedEntry[]): string[] {
  return ended.map(({ what, notAfterMs }) => `${what} counts until ${isoTime(notAfterMs)}`);
}

/** For scripts. */
export function endedMembers(ended: readonly EndedEntry[]): object[] {
  return ended.map(({ what, notAfterMs }) => ({ entry: what, not_after: isoTime(notAfterMs) }));
}
