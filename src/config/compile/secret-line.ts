/** Secrets of one line, such as passwords and PINs, and other secret texts, read from files that are closed to other users. */
import type { Secret } from '../../storage/redis/settings.js';
import type { ConfigurationNode } from './context.js';

/** Longer than any password, shorter than a mistake. */
const MAX_SECRET_BYTES = 4_096;

/**
 * The secret in a file, or undefined with the problem noted; undefined also where no file is named.
 * @param ending `keep`: the text as it stands, whatever its length and lines; `trim`: one line without the line break
 *   that editors put at its end.
 * @param what names what belongs there, for the remedy.
 */
export function readSecret(
  file: string | undefined,
  node: ConfigurationNode,
  ending: 'trim' | 'keep' = 'trim',
  what = 'the password',
): Secret | undefined {
  if (file === undefined) return undefined;
  const read = node.load.readSecret(file);
  if (!read.ok) {
    const message =
      read.reason === 'open-to-others' ? 'holds a secret that other users can get at' : read.message;
    node.fileProblem(file, message, read.remedy);
    return undefined;
  }
  const { bytes } = read;
  const text = bytes.toString('utf8').replace(ending === 'trim' ? /\r?\n$/ : /(?!)/, '');
  bytes.fill(0);
  if (ending === 'keep' || (text !== '' && bytes.length <= MAX_SECRET_BYTES && !/[\r\n\0]/.test(text)))
    return () => text;
  node.fileProblem(file, `is not one line of 1 to ${MAX_SECRET_BYTES} bytes`, `put ${what} alone into it`);
  return undefined;
}
