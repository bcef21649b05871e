/**
 * Replacing a file whole, durably, and only if it still is what was read: its name leads to the old bytes or to the new
 * ones at every moment, whatever is killed or full. Mode and owner stay, and a symbolic link to it stays one.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from '../../storage/file-steps.js';
import { codeOf, fault, MAX_FILE_BYTES, readBoundedFile, unreadable, type FileFault } from './read-file.js';

/** For who replaces several files of a directory. */
export { syncDirectory };

/** A file that may be replaced, as it was when it was read. */
export interface ReplaceableFile {
  readonly ok: true;
  /** Without symbolic links. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly stats: Stats;
}

/** Reads it; a fault where it could not be replaced without losing something. */
export function readReplaceable(path: string, maxBytes = MAX_FILE_BYTES): ReplaceableFile | FileFault {
  try {
    const real = realpathSync(path);
    let stats: Stats | undefined;
    const file = readBoundedFile(real, maxBytes, (seen) => {
      stats = seen;
      return undefined;
    });
    if (!file.ok) return file;
    if (stats === undefined) throw new Error('a file without a state');
    return placeFault(real, stats) ?? { ok: true, path: real, bytes: Buffer.from(file.bytes), stats };
  } catch (error) {
    return unreadable(error);
  }
}

function placeFault(real: string, { nlink }: Stats): FileFault | undefined {
  if (real.includes('/..'))
    return fault(
      'lies in a volume that Kubernetes projects, which takes back whatever is written into it',
      'edit a copy of it, and apply that to the ConfigMap or Secret that it comes from',
    );
  if (nlink > 1)
    return fault(
      `is one of ${nlink} hard links to the same file, and the others would stay as they are`,
      'replace it by a copy of itself first, or edit it by hand',
    );
  return undefined;
}

/** A new one takes its name, mode and owner; a fault where it does not, and then nothing has changed. */
export function replaceFile(old: ReplaceableFile, content: Uint8Array): { readonly ok: true } | FileFault {
  // One name for all who replace this file: whoever has made it is alone until the rename.
  const temporary = join(dirname(old.path), `.${basename(old.path)}.new`);
  let isOurs = false;
  try {
    const descriptor = createAlone(temporary);
    if (descriptor === undefined)
      return fault(
        `is being replaced by somebody else, who has made ${temporary}`,
        'wait, and run this again',
      );
    isOurs = true;
    writeLike(old.stats, descriptor, content);
    if (!isUnchanged(old))
      return fault('has changed since it was read', 'run this again: it begins with what is there now');
    renameSync(temporary, old.path);
    isOurs = false;
    syncQuietly(dirname(old.path));
    return { ok: true };
  } catch (error) {
    return unwritable(error);
  } finally {
    if (isOurs) removeQuietly(temporary);
  }
}

/** Longer than any replacement takes. */
const STALE_MILLISECONDS = 60_000;

/** An open new file; undefined while another replacement is under way. What a killed one left is removed. */
function createAlone(temporary: string): number | undefined {
  const create = (): number =>
    openSync(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
  try {
    return create();
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (Date.now() - lstatSync(temporary).mtimeMs < STALE_MILLISECONDS) return undefined;
    unlinkSync(temporary);
    return create();
  }
}

/** Writes a file that was made for it, with the mode and owner of another one, onto the disk, and closes it. Throws the system's error. */
export function writeLike({ mode, uid, gid }: Stats, descriptor: number, content: string | Uint8Array): void {
  try {
    const own = fstatSync(descriptor);
    // The owner first: a change of it may take bits of the mode away.
    if (own.uid !== uid || own.gid !== gid) fchownSync(descriptor, uid, gid);
    fchmodSync(descriptor, mode & 0o7777);
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** By what it holds too: some file systems keep whole seconds. */
function isUnchanged({ path, bytes, stats }: ReplaceableFile): boolean {
  const now = statSync(path);
  const isSame = now.ino === stats.ino && now.dev === stats.dev && now.mode === stats.mode;
  return isSame && now.uid === stats.uid && now.gid === stats.gid && readFileSync(path).equals(bytes);
}

/** The new one is in its place already: a fault here is no reason to say, or to act as if, it were not. */
function syncQuietly(directory: string): void {
  try {
    syncDirectory(directory);
  } catch {
    // After a loss of power either of the two may be there, whole.
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // What stood in the way is told already.
  }
}

function unwritable(error: unknown): FileFault {
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM')
    return fault(
      'cannot be replaced by this user with its owner and mode kept',
      'run this as its owner, who has to be able to write to its directory',
    );
  if (code === 'EROFS')
    return fault('lies on a read-only file system', 'run this where it is kept, and roll it out from there');
  if (code === 'EBUSY')
    return fault(
      'is mounted by itself and cannot be replaced',
      'mount its directory, or run this on the host',
    );
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return fault(
      `cannot be replaced (${code}); it is as it was`,
      'make room on its disk, and run this again',
    );
  return fault(`cannot be replaced (${code}); it is as it was`, 'check its directory and its file system');
}
