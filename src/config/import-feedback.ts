/** The feedback keys of an environment: not ours to carry over, and worth a look at their modes. */
import { dirname, resolve } from 'node:path';
import { quote } from './findings.js';
import type { ImportContext } from './import-context.js';
import { checkPrivateKeyFile } from './private-key-file.js';

/** Notes each feedback key with what its file's mode asks for. `file` is the environment file's path. */
export function noteFeedbackKeys(context: ImportContext, file: string): void {
  const name = 'VV_TG_FEEDBACK_ED25519_KEYS_JSON';
  for (const [kid, value] of context.textMap(name, 'kid to key file') ?? []) {
    const notCarried = `${quote(kid)} is not carried over: a verifier's configuration holds no signing key`;
    context.note(
      name,
      `${notCarried}; ${isKeyItself(value) ? inlineKey : modeAdvice(resolve(dirname(file), value))}`,
    );
  }
  if (context.has('VV_TG_FEEDBACK_ACTIVE_KID'))
    context.note('VV_TG_FEEDBACK_ACTIVE_KID', 'belongs to the feedback keys; not carried over');
}

const inlineKey = 'its value looks like the key itself, which belongs in a file of mode 0600';

/** 32 bytes as base64 or hex, PKCS#8, or PEM: never to be printed. */
function isKeyItself(value: string): boolean {
  return /^[A-Za-z0-9+/_-]{40,}={0,2}$/.test(value) || value.includes('-----') || /[\n{]/.test(value);
}

function modeAdvice(path: string): string {
  const result = checkPrivateKeyFile(path);
  if (result.ok) return `its file ${path} is closed to others, as it has to be`;
  if (result.reason === 'open-to-others') return `its file ${path} ${result.message}: ${result.remedy}`;
  return `its file ${path} ${result.message}; it has to have mode 0600: chmod 600 ${path}`;
}
