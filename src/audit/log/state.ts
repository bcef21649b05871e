/**
 * What the log stands by, in one small file that is replaced as a whole: the last checkpoint, and how far each
 * write-ahead file is sealed. Both change together, so that no record is sealed twice and none is left out.
 */
import { StorageError } from '../../storage/storage-error.js';
import { parseCheckpoint, type Checkpoint } from '../../tlog/checkpoint.js';
import { parseNote, parseVerifierKey, verifyNote } from '../../tlog/note.js';
import { parseWriteAheadName } from './directory.js';

export interface LogState {
  readonly origin: string;
  /** The log's verifier key (C2SP signed-note), one line. */
  readonly verifierKey: string;
  /** The last checkpoint, as the log has signed it. */
  readonly note: string;
  readonly checkpoint: Checkpoint;
  readonly committedAtMs: number;
  /** Records below this index are pruned (C2SP tlog-tiles, "Pruning"). */
  readonly minimumIndex: number;
  /** The files of the records below this index are removed: what lies between is still to be. */
  readonly removedIndex: number;
  /** Sealed bytes by the name of the write-ahead file. */
  readonly sealed: ReadonlyMap<string, number>;
}

const VERSION = 1;

export function encodeState(state: LogState): Buffer {
  const { origin, verifierKey, note, committedAtMs, minimumIndex, removedIndex, sealed } = state;
  const members = {
    version: VERSION,
    origin,
    key: verifierKey,
    checkpoint: note,
    committed_at_ms: committedAtMs,
    minimum_index: minimumIndex,
    removed_index: removedIndex,
    sealed: [...sealed],
  };
  return Buffer.from(`${JSON.stringify(members, undefined, 2)}\n`);
}

/** Reads a state, and verifies its checkpoint under its own key. Throws `StorageError` with path and remedy. */
export function parseState(bytes: Buffer, path: string): LogState {
  try {
    return readState(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new StorageError(
      `${path} is damaged (${(error as Error).message}): put it back from a backup together with the whole directory, or name another directory for a log of its own`,
      { cause: error },
    );
  }
}

function readState(value: unknown): LogState {
  const members = new Map(Object.entries(Object(value) as object));
  if (members.get('version') !== VERSION) throw new Error(`its version is not ${VERSION}`);
  const text = (name: string): string => {
    const found: unknown = members.get(name);
    if (typeof found !== 'string') throw new Error(`${name} is missing`);
    return found;
  };
  const note = text('checkpoint');
  const verifierKey = text('key');
  const parsed = parseNote(note);
  if (verifyNote(parsed, parseVerifierKey(verifierKey)).kind !== 'verified')
    throw new Error('its checkpoint is not signed under its key');
  const checkpoint = parseCheckpoint(parsed.text);
  const origin = text('origin');
  if (checkpoint.origin !== origin) throw new Error('its checkpoint is of another log');
  const minimumIndex = readNumber('minimum_index', members.get('minimum_index'), checkpoint.size);
  return {
    origin,
    verifierKey,
    note,
    checkpoint,
    committedAtMs: readNumber('committed_at_ms', members.get('committed_at_ms')),
    minimumIndex,
    removedIndex: readNumber('removed_index', members.get('removed_index'), minimumIndex),
    sealed: readSealed(members.get('sealed')),
  };
}

function readSealed(value: unknown): Map<string, number> {
  if (!Array.isArray(value)) throw new Error('sealed is missing');
  return new Map(
    value.map((entry: unknown) => {
      const [name, bytes] = Array.isArray(entry) ? (entry as unknown[]) : [];
      if (typeof name !== 'string' || parseWriteAheadName(name) === undefined)
        throw new Error('sealed names no write-ahead file');
      return [name, readNumber('sealed', bytes)] as const;
    }),
  );
}

function readNumber(name: string, value: unknown, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most) return value;
  throw new Error(`${name} is no whole number up to ${most}`);
}
