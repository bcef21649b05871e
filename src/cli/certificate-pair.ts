/**
 * A certificate and its key as files, replaced so that whoever watches the directory never sees one of the old pair with
 * one of the new: a new key comes as Kubernetes brings a Secret, by one rename of a symbolic link that both files lead through
 * (docs/certificates.md#renewing-what-pki-init-made).
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  type Stats,
} from 'node:fs';
import { basename, join } from 'node:path';
import { codeOf } from '../config/files/read-file.js';
import { readReplaceable, replaceFile, syncDirectory, writeLike } from '../config/files/replace-file.js';
import { CliFault } from './command.js';
import { readOrFault, unwritable, writeWhole } from './files.js';

/** Where a pair is: `NAME.crt` and `NAME.key` of a directory. */
export interface PairPlace {
  readonly directory: string;
  readonly name: string;
}

/** PEM. */
export interface PairContent {
  readonly certificate: string;
  readonly key: string;
}

export const certificatePath = ({ directory, name }: PairPlace): string => join(directory, `${name}.crt`);
export const keyPath = ({ directory, name }: PairPlace): string => join(directory, `${name}.key`);

/**
 * Replaces the certificate, or with `key` both. What was there before stays beside them; where is returned. Throws
 * `CliFault`, and then the old pair is whole and in its place.
 */
export function replacePair(
  place: PairPlace,
  { certificate, key }: Omit<PairContent, 'key'> & { readonly key: string | undefined },
): string {
  const isLinked = isOurLink(place, 'crt') || isOurLink(place, 'key');
  if (key === undefined && !isLinked) return replaceCertificate(place, certificate);
  try {
    return swapPair(place, { certificate, key: key ?? readFileSync(keyPath(place), 'utf8') });
  } catch (error) {
    if (error instanceof CliFault) throw error;
    throw unwritable(certificatePath(place), error);
  }
}

/** With the same key, the certificate alone is replaced: there is nothing that it could not belong to. */
function replaceCertificate(place: PairPlace, certificate: string): string {
  const path = certificatePath(place);
  const old = readOrFault('the certificate:', path, readReplaceable(path));
  const backup = `${path}.old`;
  writeWhole(backup, old.bytes);
  const replaced = replaceFile(old, Buffer.from(certificate));
  if (!replaced.ok) throw new CliFault(`the certificate: ${path} ${replaced.message}`, replaced.remedy);
  return backup;
}

type Kind = 'crt' | 'key';
const currentName = ({ name }: PairPlace): string => `.${name}.current`;
const pairsName = ({ name }: PairPlace): string => `.${name}.pairs`;
const linkTarget = (place: PairPlace, kind: Kind): string =>
  join(currentName(place), `${place.name}.${kind}`);

function isOurLink(place: PairPlace, kind: Kind): boolean {
  const path = join(place.directory, `${place.name}.${kind}`);
  if (!lstatSync(path).isSymbolicLink()) return false;
  if (readlinkSync(path) === linkTarget(place, kind)) return true;
  throw new CliFault(
    `${path} is a symbolic link that was not made here`,
    'renew the certificate where the link leads, with the tool that made it',
  );
}

/** Each step leaves a whole pair in its place: first the old one behind the links, then the new one by a single rename. */
function swapPair(place: PairPlace, next: PairContent): string {
  const like = { certificate: statSync(certificatePath(place)), key: statSync(keyPath(place)) };
  makePairs(place);
  const plain = (['key', 'crt'] as const).filter((kind) => !isOurLink(place, kind));
  if (plain.length === 2) {
    const present = {
      certificate: readFileSync(certificatePath(place), 'utf8'),
      key: readFileSync(keyPath(place), 'utf8'),
    };
    pointTo(place, writeVersion(place, present, like));
  }
  for (const kind of plain) linkInstead(place, kind);
  const old = readlinkSync(join(place.directory, currentName(place)));
  const version = writeVersion(place, next, like);
  pointTo(place, version);
  prune(place, [basename(old), version]);
  return join(place.directory, old);
}

function makePairs(place: PairPlace): void {
  const path = join(place.directory, pairsName(place));
  const { mode, uid, gid } = statSync(place.directory);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return;
  }
  chownIfOther(path, uid, gid);
  chmodSync(path, mode & 0o777);
}

/** Returns the name of its directory. */
function writeVersion(
  place: PairPlace,
  { certificate, key }: PairContent,
  like: { readonly certificate: Stats; readonly key: Stats },
): string {
  const pairs = join(place.directory, pairsName(place));
  const version = mkdtempSync(join(pairs, 'v-'));
  writeLike(like.key, made(join(version, `${place.name}.key`)), key);
  writeLike(like.certificate, made(join(version, `${place.name}.crt`)), certificate);
  const { mode, uid, gid } = statSync(pairs);
  chownIfOther(version, uid, gid);
  chmodSync(version, mode & 0o777);
  syncDirectory(version);
  syncDirectory(pairs);
  return basename(version);
}

/** A new file for its owner alone. */
function made(path: string): number {
  return openSync(path, 'wx', 0o600);
}

function chownIfOther(path: string, uid: number, gid: number): void {
  const own = statSync(path);
  if (own.uid !== uid || own.gid !== gid) chownSync(path, uid, gid);
}

/** The one step that changes what both files are. */
function pointTo(place: PairPlace, version: string): void {
  renameLink(place, currentName(place), join(pairsName(place), version));
}

/** The link leads to the same bytes that the file has, so nobody sees a change. */
function linkInstead(place: PairPlace, kind: Kind): void {
  const file = `${place.name}.${kind}`;
  const target = linkTarget(place, kind);
  if (!readFileSync(join(place.directory, file)).equals(readFileSync(join(place.directory, target))))
    throw new CliFault(
      `${join(place.directory, file)} and ${join(place.directory, target)} differ, and one should be a link to the other`,
      'make one pair of them by hand',
    );
  renameLink(place, file, target);
}

function renameLink({ directory }: PairPlace, name: string, target: string): void {
  const temporary = join(directory, `.${name}.new`);
  rmSync(temporary, { force: true });
  symlinkSync(target, temporary);
  renameSync(temporary, join(directory, name));
  syncDirectory(directory);
}

/** The pair before this one stays, for whoever has to go back; older keys do not lie about. */
function prune(place: PairPlace, kept: readonly string[]): void {
  const pairs = join(place.directory, pairsName(place));
  for (const version of readdirSync(pairs))
    if (version.startsWith('v-') && !kept.includes(version))
      rmSync(join(pairs, version), { recursive: true, force: true });
}
