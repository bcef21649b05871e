/** Whether a log can be gone on with from a state: what others have seen, or we have signed, must not be signed a second time, differently. */
import { parseCheckpoint, type Checkpoint } from '../../tlog/checkpoint.js';
import { parseNote } from '../../tlog/note.js';
import type { LogState } from './state.js';

/** What the state is held against. */
export interface SeenCheckpoints {
  /** The bytes of the published checkpoint; undefined when there is none. */
  readonly published: Buffer | undefined;
  /** The newest one that this process has found or made; undefined at its start. */
  readonly newest: Checkpoint | undefined;
}

/** A phrase; undefined when nothing is against it. */
export function forkFault(
  { checkpoint, origin }: LogState,
  { published, newest }: SeenCheckpoints,
): string | undefined {
  const others = parsePublished(published);
  if (others !== undefined && (others.origin !== origin || !isWithin(others, checkpoint)))
    return `its checkpoint has ${others.size} records of ${others.origin}, and its state ${checkpoint.size} of ${origin}`;
  if (newest !== undefined && !isWithin(newest, checkpoint))
    return `its state has ${checkpoint.size} records, and it had signed ${newest.size} before`;
  return undefined;
}

/** Undefined when it is damaged or gone: then it is published again. */
function parsePublished(bytes: Buffer | undefined): Checkpoint | undefined {
  try {
    return parseCheckpoint(parseNote(bytes?.toString() ?? '').text);
  } catch {
    return undefined;
  }
}

/** As far as sizes and roots can say. */
function isWithin(seen: Checkpoint, now: Checkpoint): boolean {
  return seen.size < now.size || (seen.size === now.size && Buffer.compare(seen.root, now.root) === 0);
}
