/**
 * Who may change the shared library that is about to be loaded: whoever can write it, or put another one in its place,
 * runs code with the PIN in reach. Looked at before it is loaded; nobody else can change it then until it is.
 */
import { realpathSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

const BY_GROUP = 0o020;
const BY_OTHERS = 0o002;
/** In such a directory only its owner replaces a file. */
const STICKY = 0o1000;

/** Why the file may not be loaded, with the remedy; undefined where it may. */
export function moduleFileFault(path: string): string | undefined {
  let place: string;
  try {
    place = realpathSync(path);
    if (!statSync(place).isFile()) return `${path} is no file; name the shared library of the token's vendor`;
  } catch (error) {
    return `${path} cannot be read: ${(error as Error).message}`;
  }
  const file = statSync(place);
  if (isOfStrangers(file) || (file.mode & (BY_GROUP | BY_OTHERS)) !== 0)
    return `${place} can be changed by others than root and us; give it to root and run chmod go-w on it`;
  for (let folder = dirname(place); ; folder = dirname(folder)) {
    if (isOpen(statSync(folder)))
      return `${folder}, where ${path} is, can be changed by others than root and us; run chmod go-w on it`;
    if (folder === dirname(folder)) return undefined;
  }
}

function isOfStrangers({ uid }: Stats): boolean {
  return uid !== 0 && uid !== process.getuid?.();
}

/** A group of our own is none of others: where each user has one, directories are made writable for it. */
function isOpen(folder: Stats): boolean {
  if (isOfStrangers(folder)) return true;
  if ((folder.mode & STICKY) !== 0) return false;
  if ((folder.mode & BY_OTHERS) !== 0) return true;
  return (folder.mode & BY_GROUP) !== 0 && folder.gid !== process.getgid?.();
}
