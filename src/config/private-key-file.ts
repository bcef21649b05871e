/** Files with a private key: who may touch them (security.md, MUST 33), and what is in them. */
import { statSync } from 'node:fs';
import { describeKeyFault, parsePrivateKey, type KeyFault, type PrivateKey } from '../crypto/private-key.js';
import { printRead, type FilePrint } from './file-print.js';
import { readBoundedFile, unreadable } from './read-file.js';

/** A private key is tens of bytes; a file larger than this is another file. */
const maxKeyFileBytes = 64 * 1024;

/** Whether a private key file may be used; `missing` when there is nothing at its path. */
export type PrivateKeyFileResult =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: 'open-to-others' | 'unreadable' | 'missing';
      readonly message: string;
      readonly remedy: string;
    };

/**
 * Judges the mode of the file at `path` (after symbolic links): nothing for other users (`& 0o007`) and
 * no writing by the group. Its group may read it. The content is neither read nor verified here.
 */
export function checkPrivateKeyFile(path: string): PrivateKeyFileResult {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined)
      return {
        ok: false,
        reason: 'missing',
        message: 'does not exist',
        remedy: 'create it, or correct the name',
      };
    if (!stats.isFile())
      return {
        ok: false,
        reason: 'unreadable',
        message: 'is not a regular file',
        remedy: 'name the key file itself',
      };
    if ((stats.mode & 0o027) === 0) return { ok: true };
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    return {
      ok: false,
      reason: 'open-to-others',
      message: `holds a private key and has mode ${mode}, which lets other users at it`,
      remedy: `chmod 600 ${path}`,
    };
  } catch (error) {
    return { ...unreadable(error), reason: 'unreadable' };
  }
}

/** A private key, or why the file gives none. Neither message nor remedy holds anything of its content. */
export type PrivateKeyLoad =
  | { readonly ok: true; readonly key: PrivateKey; readonly print: FilePrint }
  | { readonly ok: false; readonly message: string; readonly remedy: string };

/**
 * Reads an Ed25519 private key: 32 raw bytes or their base64, PKCS#8 PEM, OpenSSH or JWK. The mode of the file is
 * judged first, and the bytes that were read are wiped.
 */
export function loadPrivateKeyFile(path: string): PrivateKeyLoad {
  const permission = checkPrivateKeyFile(path);
  if (!permission.ok) return permission;
  const file = readBoundedFile(path, maxKeyFileBytes);
  if (!file.ok) return file;
  const parsed = parsePrivateKey(file.bytes);
  const print = printRead(path, file.bytes);
  file.bytes.fill(0);
  if (parsed.ok) return { ok: true, key: parsed.key, print };
  const message = `cannot be used: ${describeKeyFault(parsed.fault)}`;
  return { ok: false, message, remedy: keyRemedy(parsed.fault) };
}

function keyRemedy(fault: KeyFault): string {
  if (fault.code === 'public_where_private_expected') return 'name the file of the private key';
  if (fault.code === 'encrypted') return 'store the key without a passphrase, at mode 0600';
  return 'name an Ed25519 private key: 32 raw bytes, their base64, PKCS#8 PEM or OpenSSH (`countersign keygen` makes one)';
}
