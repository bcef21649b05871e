/** Files with a secret: who may touch them (docs/security-requirements.md#33, #47), and the private key in one. */
import { accessSync, constants, realpathSync, statSync, type Stats } from 'node:fs';
import {
  describeKeyFault,
  parsePrivateKey,
  zeroize,
  type KeyFault,
  type PrivateKey,
} from '../../crypto/private-key.js';
import {
  codeOf,
  fault,
  readBoundedFile,
  stateOfRead,
  unreadable,
  type FileFault,
  type FileResult,
  type FileState,
} from './read-file.js';

/** A private key or a password is tens of bytes; a file larger than this is another file. */
export const maxKeyFileBytes = 64 * 1024;

/** Whether a private key file may be used; the reason is `missing` when there is nothing at its path. */
type PrivateKeyFileResult = { readonly ok: true } | FileFault;

/**
 * Reads a secret: nothing of it for other users (`& 0o007`), and no writing by the group, which may read. Mode and
 * kind are those of the open file, so that nothing can take its place between the look and the reading. Who gets the
 * bytes wipes them.
 */
export function readSecretFile(path: string, maxBytes = maxKeyFileBytes): FileResult {
  const file = readBoundedFile(path, maxBytes, (stats) => exposure(stats, path));
  if (file.ok || file.reason !== 'open-to-others') return file;
  return publicContent(path, maxBytes) ?? file;
}

/** What is no secret may be open to others: closing it would make no private key of it. */
function publicContent(path: string, maxBytes: number): FileFault | undefined {
  const file = readBoundedFile(path, maxBytes);
  const parsed = file.ok ? parsePrivateKey(file.bytes) : undefined;
  if (file.ok) file.bytes.fill(0);
  if (parsed === undefined) return undefined;
  if (!parsed.ok && isPublic(parsed.fault))
    return fault(`cannot be used: ${describeKeyFault(parsed.fault)}`, privateKeyRemedy(parsed.fault));
  if (parsed.ok) zeroize(parsed.key);
  return undefined;
}

function isPublic(keyFault: KeyFault): boolean {
  if (keyFault.code === 'unsupported_pem') return keyFault.label === 'CERTIFICATE';
  return keyFault.code === 'public_where_private_expected';
}

/**
 * The mode alone of a file that somebody else reads, judged as in {@link readSecretFile}. The content is not looked at.
 */
export function checkPrivateKeyFile(path: string): PrivateKeyFileResult {
  try {
    return exposure(statSync(path), path) ?? { ok: true };
  } catch (error) {
    return unreadable(error);
  }
}

function exposure(stats: Stats, path: string): FileFault | undefined {
  if (!stats.isFile())
    return {
      ok: false,
      reason: 'unreadable',
      message: 'is not a regular file',
      remedy: 'name the key file itself',
    };
  const { mode } = stats;
  if ((mode & 0o027) === 0) return undefined;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  return {
    ok: false,
    reason: 'open-to-others',
    message: `is for a secret and has mode ${shown}, which lets other users at it`,
    remedy: isMounted(path)
      ? 'mount it closed, as chmod cannot: of a volume of Kubernetes set defaultMode: 0400, or 0440 together with an fsGroup'
      : `close it to others: chmod 600 ${path}`,
  };
}

/** A read-only file system, or a volume that Kubernetes projects: its files lie behind `..data`. */
function isMounted(path: string): boolean {
  try {
    if (realpathSync(path).includes('/..')) return true;
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

/** A private key, or why the file gives none. Neither message nor remedy holds anything of its content. */
type PrivateKeyLoad =
  | { readonly ok: true; readonly key: PrivateKey; readonly state: FileState }
  | {
      readonly ok: false;
      readonly message: string;
      readonly remedy: string;
      readonly reason?: FileFault['reason'];
    };

/**
 * Reads an Ed25519 private key: 32 raw bytes or their base64, PKCS#8 PEM or JWK. The mode of the file is
 * judged first, and the bytes that were read are wiped.
 */
export function loadPrivateKeyFile(path: string): PrivateKeyLoad {
  const file = readSecretFile(path);
  if (!file.ok) return file;
  const parsed = parsePrivateKey(file.bytes);
  const state = stateOfRead(file);
  file.bytes.fill(0);
  if (parsed.ok) return { ok: true, key: parsed.key, state };
  const message = `cannot be used: ${describeKeyFault(parsed.fault)}`;
  return { ok: false, message, remedy: privateKeyRemedy(parsed.fault) };
}

/** What to do about a private key that was not taken. */
export function privateKeyRemedy({ code }: KeyFault): string {
  if (code === 'public_where_private_expected') return 'name the file of the private key';
  if (code === 'encrypted') return 'store the key without a passphrase, at mode 0600';
  return 'name an Ed25519 private key: 32 raw bytes, their base64, PKCS#8 PEM or a JWK (`countersign keygen` makes one)';
}
