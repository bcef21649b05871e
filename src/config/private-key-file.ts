/** Who may touch a file with a private key (security.md, MUST 33). */
import { statSync } from 'node:fs';
import { unreadable } from './read-file.js';

/** Whether a private key file may be used. `missing` and `denied` tell an absent file from a hidden one. */
export type PrivateKeyFileResult =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: 'open-to-others' | 'unreadable';
      readonly message: string;
      readonly remedy: string;
    };

/**
 * Judges the mode of the file at `path` (after symbolic links): nothing for other users (`& 0o007`) and
 * no writing by the group. Its group may read it. The content is neither read nor verified here.
 */
export function checkPrivateKeyFile(path: string): PrivateKeyFileResult {
  try {
    const stats = statSync(path);
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
